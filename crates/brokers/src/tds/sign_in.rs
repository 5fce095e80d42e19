//! The client's sign-in: the connect secret itself, given within TLS as the password of its log-in. The same messages come in the
//! same order whether the person exists or not (SECURITY-CASES 57 and 58).

use std::net::IpAddr;

use mayfly_domain::{ConnectionId, Login as Name};
use mayfly_protocol::tds::login::{FeatureId, Login};

use crate::{
    outcome::Outcome,
    port::{Admitted, Claim, Protocol, Turned},
};

use super::{Context, closing::Closing};

/// A person who has signed in on this connection.
pub(super) struct Person {
    pub(super) admitted: Box<dyn Admitted>,
    pub(super) name: Name,
}

/// Signs the client in. It is not told so before its session is ready.
pub(super) async fn sign_in(
    login: &Login,
    source: IpAddr,
    connection: &ConnectionId,
    context: &Context,
) -> Result<Person, Closing> {
    supported(login)?;
    let name = name(login)?;
    let claim = Claim { protocol: Protocol::Tds, login: name.clone(), source, connection: connection.clone() };
    let attempt = context.door.sign_in(claim).await.map_err(Closing::turned)?;
    if login.password.is_empty() {
        // It has nothing to try with, which counts as leaving.
        let text = "sign-in failed: no connect secret was given: get one with: mayfly connect RECORD";
        return Err(Closing::denied(Outcome::SignInFailed(Turned::Failed), text));
    }
    let Some(which) = attempt.verifiers().accepts(login.password.as_bytes()) else {
        attempt.failed().await;
        return Err(Closing::turned(Turned::Failed));
    };
    let admitted = attempt.proved(which).await.map_err(Closing::turned)?;
    Ok(Person { admitted, name })
}

/// Refuses what is not possible here. It says nothing about who exists, so it may be told.
fn supported(login: &Login) -> Result<(), Closing> {
    let (what, text) = if login.flags.is_integrated() || !login.token.is_empty() {
        ("integrated authentication", "integrated authentication is not possible here: use a user name and a password")
    } else if login.features.get(FeatureId::FEDERATED).is_some() {
        ("federated authentication", "federated authentication is not possible here: use a user name and a password")
    } else if login.flags.changes_password() || !login.new_password.is_empty() {
        ("password change", "a password cannot be changed here: connect secrets come from: mayfly connect RECORD")
    } else if login.flags.wants_user_instance() || !login.attach_file.is_empty() {
        ("attached file", "a file cannot be attached, nor an instance of one's own started, through a session")
    } else if !login.flags.is_usual() {
        ("byte order", "the client writes numbers or texts in a form that is not supported")
    } else {
        return Ok(());
    };
    Err(Closing::denied(Outcome::Unsupported(what), text))
}

/// Reads the user name. Whether it is of the right form says nothing about who exists, so it may be told.
fn name(login: &Login) -> Result<Name, Closing> {
    let refuse = |text: &str| {
        let text = format!("{text}; connect as PERSON~RECORD, for example: sqlcmd -U alice~orders");
        Closing::denied(Outcome::Unsupported("user name"), &text)
    };
    if login.user.is_empty() {
        return Err(refuse("no user name was given"));
    }
    Name::parse(&login.user).map_err(|error| refuse(&error.to_string()))
}
