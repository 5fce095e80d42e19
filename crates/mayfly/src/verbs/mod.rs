//! The verbs: one file for each noun, each function what one verb does. A verb gets what it needs as a [`Context`], prints
//! its result, and returns how the program ends.

mod activate;
mod apply;
mod audit;
mod audit_export;
mod backup;
mod cleanup;
mod connect;
mod create;
mod db;
mod doctor;
mod drain;
mod edit;
mod exercise;
mod explain;
mod export;
mod kept;
mod keys;
mod lockdown;
mod login;
mod ls;
mod manual;
mod mssql;
mod mysql;
mod orphans;
mod plan;
mod postgres;
mod program;
mod record;
mod report;
mod secret;
mod server;
mod sessions;
mod show;
mod sign_in;
mod ssh;
mod ssh_config;
mod status;
mod support;
mod target;
mod token;
mod user;
mod verify;
mod webhook;
mod whois;

use crate::args::{
    Access, Audit, Cleanup, Kind, Login, Ls, Person, Record, Secret, Server, Sessions, Token, User, Verb,
};
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Output, no_form};
use mayfly_wire::paths;

/// What every verb needs.
#[derive(Debug)]
pub(crate) struct Context {
    /// The way to the server.
    pub(crate) client: Client,
    /// Where results go.
    pub(crate) output: Output,
    /// Whether asking is forbidden.
    pub(crate) no_input: bool,
}

/// Runs a verb of the client. Returns the exit code, which for `db` is the client's.
///
/// # Errors
/// Why it was not done.
pub(crate) async fn run(context: &Context, verb: Verb) -> Result<u8, Failure> {
    let export = matches!(verb, Verb::Audit(Audit::Export(_)));
    if matches!(context.output.format, Format::Cef | Format::Ocsf) && !export {
        return Err(no_form());
    }
    if matches!(verb, Verb::Server(_)) {
        // They hold keys.
        mayfly_server::commands::no_core_files();
    }
    let done = match verb {
        Verb::Db(options) => return db::run(context, options).await,
        Verb::Ssh(options) => return ssh::ssh(context, options).await,
        Verb::Sftp(options) => return ssh::sftp(context, options).await,
        Verb::Scp(options) => return ssh::scp(context, options).await,
        Verb::Rsync(options) => return ssh::rsync(context, options).await,
        Verb::SshConfig(options) => ssh_config::run(context, options).await,
        Verb::Connect(options) => return connect::run(context, options).await,
        Verb::Login(Login { person, .. }) => login::login(context, person).await,
        Verb::Logout(_) => login::logout(context).await,
        Verb::Ls(Ls { kind, query }) if context.client.way().person().is_some() => {
            show::own(context, kind, query.as_deref()).await
        }
        Verb::Ls(Ls { kind, query }) => ls::run(context, kind.as_slice(), query.as_deref()).await,
        Verb::Show { name, person } => show::show(context, &name, &person).await,
        Verb::Access(Access::Ls { person }) => show::ls(context, &person).await,
        Verb::Access(Access::End { id, reason }) => sessions::end(context, &id, reason).await,
        Verb::Sessions(Sessions::Ls(options)) => sessions::ls(context, options).await,
        Verb::Sessions(Sessions::Explain { id }) => explain::run(context, &id).await,
        Verb::Whois { account, at } => whois::run(context, &account, at.as_deref()).await,
        Verb::Sessions(Sessions::End { id, reason }) => sessions::end(context, &id, reason).await,
        Verb::Cleanup(Cleanup::Ls) => cleanup::ls(context).await,
        Verb::Cleanup(Cleanup::Show { id, manual: true }) => cleanup::manual(context, &id).await,
        Verb::Cleanup(Cleanup::Show { id, manual: false }) => cleanup::show(context, &id).await,
        Verb::Cleanup(Cleanup::Retry { id }) => cleanup::retry(context, &id).await,
        Verb::Orphans(options) => orphans::run(context, options).await,
        Verb::Target(options) => target::run(context, options).await,
        Verb::Apply(options) => apply::run(context, options).await,
        Verb::Plan(set) => plan::run(context, set).await,
        Verb::Export(options) => export::run(context, options.kind).await,
        Verb::Secret(Secret::Set { name, secret_file }) => secret::set(context, &name, secret_file.as_deref()).await,
        Verb::Secret(Secret::Rebind { name, to }) => secret::rebind(context, &name, to).await,
        Verb::Record(options) => record(context, options).await,
        Verb::Token(Token::Create { name, scope, valid }) => token::create(context, name, scope, valid).await,
        Verb::Token(Token::Ls) => token::ls(context).await,
        Verb::Token(Token::Revoke { id }) => token::revoke(context, &id).await,
        Verb::Webhook(verb) => webhook::run(context, verb).await,
        Verb::Audit(verb) => trail(context, verb).await,
        Verb::Report(verb) => report::run(context, verb).await,
        Verb::Support(verb) => support::run(context, verb).await,
        Verb::Status => status::run(context).await,
        Verb::Doctor => doctor::run(context).await,
        Verb::Lockdown(options) => lockdown::run(context, options).await,
        Verb::User(options) => user(context, options).await,
        Verb::Completions { shell } => manual::completions(context, shell),
        Verb::Man { directory } => manual::pages(&directory),
        Verb::Server(Server::Init(options)) => server::init(context, *options),
        Verb::Server(Server::RecoverKey(options)) => keys::recover(context, &options),
        Verb::Server(Server::RotateKey(options)) => keys::rotate(context, options).await,
        Verb::Server(Server::Run(options)) => server::run(&options.config).await,
        Verb::Server(Server::Cleanup(options)) => server::cleanup(context, &options),
        Verb::Server(Server::Openapi) => server::openapi(context),
        Verb::Server(Server::Activate { reason }) => activate::run(context, reason).await,
        Verb::Server(Server::Backup { file }) => backup::backup(context, &file).await,
        Verb::Server(Server::Restore(options)) => backup::restore(context, &options),
        Verb::Server(Server::Drain { cancel: true, .. }) => drain::cancel(context).await,
        Verb::Server(Server::Drain { within, .. }) => drain::begin(context, within.map(|within| within.seconds)).await,
        Verb::Server(Server::Check(options)) => server::check(context, &options.config),
    };
    done.map(Exit::code)
}

async fn record(context: &Context, verb: Record) -> Result<Exit, Failure> {
    match verb {
        Record::Ls { query } => ls::run(context, Kind::RECORDS, query.as_deref()).await,
        Record::Show { name } => show::show(context, &name, &Person::default()).await,
        Record::Create { name, kind } => create::record(context, kind, &name).await,
        Record::Edit { name } => edit::edit(context, Kind::RECORDS, &name).await,
        Record::Delete { name, yes } => edit::delete(context, Kind::RECORDS, &name, yes).await,
        Record::Check { name, exercise: true, .. } => exercise::run(context, &name).await,
        Record::Check { name, from, .. } => record::check(context, &name, from).await,
        Record::InstallHelpers { name, from } => record::install_helpers(context, &name, from).await,
        Record::Pin { name, identity } => record::pin(context, &name, identity).await,
    }
}

async fn trail(context: &Context, verb: Audit) -> Result<Exit, Failure> {
    match verb {
        Audit::Tail { count, follow } => audit::tail(context, count, follow).await,
        Audit::Show { number } => audit::show(context, number).await,
        Audit::Export(options) => audit_export::run(context, &options).await,
        Audit::Verify(options) => verify::run(context, &options),
    }
}

async fn user(context: &Context, verb: User) -> Result<Exit, Failure> {
    match verb {
        User::Ls { query } => ls::run(context, &[Kind::Person], query.as_deref()).await,
        User::Create { name, may_launch } => create::user(context, &name, &may_launch).await,
        User::Edit { name } => edit::edit(context, &[Kind::Person], &name).await,
        User::Delete { name, yes } => edit::delete(context, &[Kind::Person], &name, yes).await,
        User::Disable { name, reason } => user::switch(context, paths::PERSON_DISABLE, &name, reason).await,
        User::Enable { name, reason } => user::switch(context, paths::PERSON_ENABLE, &name, reason).await,
        User::Passwd => user::passwd(context),
    }
}

/// Lines of a name and a value each, the values lined up; values that are empty are left out.
fn facts(pairs: &[(&str, &str)]) -> String {
    let shown = || pairs.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(name, _)| name.len()).max().unwrap_or(0);
    shown().map(|(name, value)| format!("{name:width$}  {}\n", crate::escape::line(value))).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn facts_line_up_and_empty_ones_are_left_out() {
        assert_eq!(super::facts(&[("id", "a\x1b"), ("group", ""), ("state", "b")]), "id     a\\u{1b}\nstate  b\n");
    }
}
