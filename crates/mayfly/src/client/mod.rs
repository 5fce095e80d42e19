//! The API's client: requests over the server's Unix socket or HTTPS, one connection each, with limits on size and time.

mod http;
mod reach;
mod way;

use crate::failure::Failure;
use crate::output::Output;
use http::{Answer, Method, Sent};
use mayfly_wire::problem::{Code, Problem};
use mayfly_wire::{Page, paths};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;
pub(crate) use way::{Https, Shown, Way, place, way};
use zeroize::Zeroizing;

/// Where a server listens unless its settings say otherwise.
pub(crate) const SOCKET: &str = "/run/mayfly/mayfly.sock";

/// The longest a request may take that only asks the server.
const QUICK: Duration = Duration::from_secs(30);

/// The longest a request may take that makes the server go to a target: the server's own limits are well below it.
const SLOW: Duration = Duration::from_secs(300);

/// The longest that is waited for a port to answer.
const REACH: Duration = Duration::from_secs(5);

/// After how long a person is told what is being waited for.
const PATIENCE: Duration = Duration::from_millis(700);

/// The most pages of a list that are read; at 500 items a page more than any installation has.
const PAGES_MOST: usize = 10_000;

/// A client of the server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    way: Way,
    progress: Progress,
    timeout: Option<Duration>,
}

/// How a person is told what is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Not at all.
    None,
    /// By a line that stays, once for each step.
    Lines,
    /// By a line that goes again, at a terminal.
    Terminal,
}

impl Client {
    /// A client of the server at the end of this way. Nothing is opened yet. `timeout` takes the place of our own limits.
    pub(crate) fn new(way: Way, output: &Output, timeout: Option<Duration>) -> Self {
        let progress = match (output.quiet, std::io::stderr().is_terminal()) {
            (true, _) => Progress::None,
            (false, true) => Progress::Terminal,
            (false, false) => Progress::Lines,
        };
        Self { way, progress, timeout }
    }

    /// A client like this one by another way.
    pub(crate) fn to(&self, way: Way) -> Self {
        Self { way, ..self.clone() }
    }

    /// The way to the server.
    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    /// Gets something.
    ///
    /// # Errors
    /// The server's problem, or why the server could not be asked.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::GET, path, Zeroizing::new(Vec::new()), QUICK).await
    }

    /// Gets every item of a list, page by page.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Failure> {
        self.all_of(path, &[]).await
    }

    /// Gets every item of a list that fits these parameters, page by page; those without a value are left out.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn all_of<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, Option<&str>)],
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        let asked = with_parameters(path, parameters);
        let mut after = String::new();
        for _ in 0..PAGES_MOST {
            let page: Page<T> = self.get(&format!("{asked}limit=500{after}")).await?;
            items.extend(page.items);
            let Some(next) = page.next else { return Ok(items) };
            after = format!("&after={}", utf8_percent_encode(&next, NON_ALPHANUMERIC));
        }
        Err(Failure::unexpected("the server's list has no end"))
    }

    /// Puts something, which answers nothing.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn put<B: Serialize>(&self, path: &str, body: &B) -> Result<(), Failure> {
        let sent = Sent { body: encode(body)?, ..Sent::bare(Method::PUT, path) };
        self.exchange(sent, QUICK).await.map(|_| ())
    }

    /// Deletes something, which answers nothing.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.exchange(Sent::bare(Method::DELETE, path), QUICK).await.map(|_| ())
    }

    /// Posts something that only concerns the server.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn post<B: Serialize, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, Failure> {
        self.ask(Method::POST, path, encode(body)?, QUICK).await
    }

    /// Posts something that is done only while the objects are at this revision, if one is named.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn post_if<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        revision: Option<u64>,
    ) -> Result<T, Failure> {
        let sent = Sent { method: Method::POST, path, body: encode(body)?, revision };
        self.understood(path, &self.exchange(sent, QUICK).await?)
    }

    /// Gets something, and when the server gave it, by the server's clock.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn dated<T: DeserializeOwned>(&self, path: &str) -> Result<(T, Option<String>), Failure> {
        let answer = self.exchange(Sent::bare(Method::GET, path), QUICK).await?;
        Ok((self.understood(path, &answer)?, answer.date))
    }

    /// Whether somebody listens where the server is; a socket is not looked at.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn reaches(&self) -> Result<(), Failure> {
        let Way::Https(https) = &self.way else { return Ok(()) };
        let (host, port) = https.host_and_port();
        self.reaches_at(host, port).await.map_err(|error| reach::remote(&self.way, &error))
    }

    /// Whether somebody listens at a port.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn reaches_at(&self, host: &str, port: u16) -> std::io::Result<()> {
        http::reaches(host, port, self.timeout.unwrap_or(REACH)).await
    }

    /// Gets something that is text and no JSON.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn text(&self, path: &str) -> Result<String, Failure> {
        let answer = self.exchange(Sent::bare(Method::GET, path), QUICK).await?;
        String::from_utf8(answer.body.to_vec()).map_err(|_| self.foreign(&format!("its answer to {path} is not text")))
    }

    /// Posts something that makes the server go to a target; `doing` tells what takes so long: at a terminal for as long as it does, else in a line.
    ///
    /// # Errors
    /// As [`Client::get`] does.
    pub(crate) async fn post_slow<B, T>(&self, path: &str, body: &B, doing: &str) -> Result<T, Failure>
    where
        B: Serialize,
        T: DeserializeOwned,
    {
        let asked = self.ask(Method::POST, path, encode(body)?, SLOW);
        if self.progress == Progress::None {
            return asked.await;
        }
        tokio::pin!(asked);
        tokio::select! {
            biased;
            answer = &mut asked => return answer,
            () = tokio::time::sleep(PATIENCE) => {}
        }
        // Progress that cannot be shown is no reason to fail.
        if self.progress == Progress::Lines {
            let _ = writeln!(std::io::stderr(), "… {doing}");
            return asked.await;
        }
        let _ = write!(std::io::stderr(), "… {doing}");
        let answer = asked.await;
        let _ = write!(std::io::stderr(), "\r\x1b[K");
        answer
    }

    /// Posts an empty request whose answer is bytes of any length, and writes them to a file. Gives back the header `named`.
    ///
    /// # Errors
    /// As [`Client::get`] does, or when the file cannot be written.
    pub(crate) async fn save(
        &self,
        path: &str,
        named: &str,
        to: &mut std::fs::File,
    ) -> Result<Option<String>, Failure> {
        let (answer, value) =
            http::save(&self.way, Sent::bare(Method::POST, path), self.timeout.unwrap_or(SLOW), named, to).await?;
        self.succeeded(path, answer).map(|_| value)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Zeroizing<Vec<u8>>,
        limit: Duration,
    ) -> Result<T, Failure> {
        let sent = Sent { body, ..Sent::bare(method, path) };
        self.understood(path, &self.exchange(sent, limit).await?)
    }

    fn understood<T: DeserializeOwned>(&self, path: &str, answer: &Answer) -> Result<T, Failure> {
        let bytes: &[u8] = if answer.body.is_empty() { b"null" } else { &answer.body };
        serde_json::from_slice(bytes)
            .map_err(|error| self.foreign(&format!("its answer to {path} is not understood: {error}")))
    }

    /// One request and its answer, which is a success.
    async fn exchange(&self, sent: Sent<'_>, limit: Duration) -> Result<Answer, Failure> {
        let path = sent.path;
        let answer = http::exchange(&self.way, sent, self.timeout.unwrap_or(limit)).await?;
        self.succeeded(path, answer)
    }

    fn succeeded(&self, path: &str, answer: Answer) -> Result<Answer, Failure> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        match serde_json::from_slice::<Problem>(&answer.body) {
            Ok(problem) => Err(self.leading_on(path, problem)),
            Err(_) => Err(self.foreign(&format!("it answers {} to {path} and does not say why", answer.status))),
        }
    }

    /// A problem; where a person has to sign in, with the command that does it here.
    fn leading_on(&self, path: &str, mut problem: Problem) -> Failure {
        problem.next.retain(|command| command != "mayfly login");
        let sign_in = self.way.sign_in_with().filter(|_| problem.code == Code::SignIn && path != paths::LOGIN);
        problem.next.extend(sign_in);
        Failure::Problem(Box::new(problem))
    }

    /// What answers is not a Mayfly server that this client knows.
    fn foreign(&self, what: &str) -> Failure {
        let way = &self.way;
        Failure::unexpected(format!("the server at {way} is another program or another version: {what}"))
            .hint("mayfly --version")
            .hint("mayfly status")
    }
}

/// A path with those parameters that have a value, ready for another one.
pub(crate) fn with_parameters(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    given.fold(format!("{path}?"), |mut asked, (name, value)| {
        asked.push_str(&format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        asked
    })
}

fn encode<B: Serialize>(body: &B) -> Result<Zeroizing<Vec<u8>>, Failure> {
    serde_json::to_vec(body)
        .map(Zeroizing::new)
        .map_err(|error| Failure::unexpected(format!("the request has no JSON form: {error}")))
}
