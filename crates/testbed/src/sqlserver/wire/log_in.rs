//! The log-in: what both sides say first, TLS, name and password.

use std::io;
use std::sync::Arc;

use mayfly_protocol::tds::data::Collation;
use mayfly_protocol::tds::frame::{Message, PacketType};
use mayfly_protocol::tds::login::{Feature, FeatureId, Features, Login};
use mayfly_protocol::tds::token::{DoneStatus, EnvChange, EnvKind, LoginAck, ServerMessage, encode_features_ack};
use mayfly_protocol::tds::{Encryption, Prelogin, TdsVersion};

use super::super::error::SqlError;
use super::super::eval::{Own, VERSION};
use super::super::state::Arrival;
use super::super::world::{Shared, World};
use super::answer::Answer;
use super::connection::{Connection, violation};
use super::serve::Host;

/// A client that is logged in.
pub(super) struct LoggedIn {
    pub(super) own: Own,
    pub(super) version: TdsVersion,
}

/// Everything up to the end of the log-in. `None` if the client left or was refused.
pub(super) fn log_in(connection: &mut Connection, host: &Host, strict: bool) -> io::Result<Option<LoggedIn>> {
    let Some(message) = expect(connection, PacketType::Prelogin)? else { return Ok(None) };
    let asked = Prelogin::decode(&message.data).map_err(|error| violation(error.to_string()))?;
    let (answer, encrypts) = match (strict, host.encrypts, asked.encryption) {
        (true, ..) => (Encryption::NotSupported, false),
        (_, false, _) => (Encryption::NotSupported, false),
        // A client that cannot is told that it has to, and gives up.
        (_, _, None | Some(Encryption::Off | Encryption::NotSupported)) => (Encryption::Required, true),
        (_, _, Some(_)) => (Encryption::On, true),
    };
    let reply = Prelogin {
        encryption: Some(answer),
        instance: Some(b""),
        mars: Some(false),
        federated: (!strict && asked.federated.is_some()).then_some(0),
        ..Prelogin::of_version([VERSION[0], VERSION[1], VERSION[2], VERSION[3], 0, 0])
    };
    let mut data = Vec::new();
    reply.encode(&mut data).map_err(|error| violation(error.to_string()))?;
    connection.send(PacketType::Result, &data)?;
    if encrypts {
        connection.encrypt_wrapped(&host.tls.wrapped)?;
    }
    let Some(message) = expect(connection, PacketType::Login)? else { return Ok(None) };
    let login = Login::decode(&message.data).map_err(|error| violation(error.to_string()))?;
    let version = if !strict && login.version.is_strict() { TdsVersion::V7_4 } else { login.version };
    match admit(connection, host, &login) {
        Ok(own) => {
            connection.spid = own.session;
            connection
                .send(PacketType::Result, &welcome(&login, version, &own, host).map_err(|e| violation(e.text))?)?;
            connection.packet_len = packet_len(&login);
            Ok(Some(LoggedIn { own, version }))
        }
        Err(errors) => {
            let mut answer = Answer::new(version, &host.name, false);
            for error in errors {
                answer.message(ServerMessage::error(error.number, error.class, &error.text));
            }
            connection.send(PacketType::Result, &answer.end(DoneStatus::ERROR))?;
            Ok(None)
        }
    }
}

/// The next message, which has to be of this type.
fn expect(connection: &mut Connection, kind: PacketType) -> io::Result<Option<Message>> {
    match connection.read()? {
        None => Ok(None),
        Some(message) if message.kind == kind => Ok(Some(message)),
        Some(message) => Err(violation(format!("{:?} instead of {kind:?}", message.kind))),
    }
}

fn packet_len(login: &Login) -> usize {
    let asked = usize::try_from(login.packet_len).ok();
    asked.filter(|len| (512..=32_767).contains(len)).unwrap_or(4096)
}

/// Lets the client in, if it may. Otherwise what it is told.
fn admit(connection: &Connection, host: &Host, login: &Login) -> Result<Own, Vec<SqlError>> {
    if login.flags.is_integrated() || login.features.get(FeatureId::FEDERATED).is_some() {
        let text =
            "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.";
        return Err(vec![SqlError::of_class(14, 18452, text)]);
    }
    let shared: &Arc<Shared> = &host.shared;
    // Nobody is session 0, so that a log-in waits for transactions as everybody does.
    let mut world = shared.for_session(0, None).map_err(|_| vec![SqlError::login_failed(&login.user)])?;
    let (mut own, sid) = match contained(&world, login)? {
        Some(found) => found,
        None => by_login(&mut world, login)?,
    };
    let arrival = Arrival {
        login: own.login,
        login_name: own.login_name.clone(),
        sid,
        host: login.host.clone(),
        program: login.application.clone(),
        database: own.database.clone(),
        client_address: host.peer.ip().to_string(),
        encrypted: connection.is_encrypted(),
        read_only: login.flags.is_read_only(),
        contained_in: own.contained.as_ref().map(|(database, _)| database.clone()),
    };
    let socket = host.socket.try_clone().map_err(|_| vec![SqlError::login_failed(&login.user)])?;
    own.session = world.sessions.enter(arrival, socket);
    Ok(own)
}

/// A user of a contained database with a password of its own, if the log-in names such a database and there is such a user.
fn contained(world: &World, login: &Login) -> Result<Option<(Own, Vec<u8>)>, Vec<SqlError>> {
    let Ok(database) = world.catalogue.database(&login.database) else { return Ok(None) };
    let user = database.principal(&login.user).filter(|_| database.contained);
    let Some(user) =
        user.filter(|user| matches!(user.authentication, super::super::state::Authentication::Database(_)))
    else {
        return Ok(None);
    };
    if !user.accepts(&login.password) {
        return Err(vec![SqlError::login_failed(&login.user)]);
    }
    if !database.lets_in(user.id) {
        return Err(vec![SqlError::login_failed(&login.user)]);
    }
    let mut own = Own::new(0, 0, &user.name, &database.name);
    own.contained = Some((database.name.clone(), user.id));
    Ok(Some((own, user.sid.clone().unwrap_or_default())))
}

/// A login, its password and its database.
fn by_login(world: &mut World, login: &Login) -> Result<(Own, Vec<u8>), Vec<SqlError>> {
    let failed = || vec![SqlError::login_failed(&login.user)];
    let found =
        world.catalogue.login_mut(&login.user).filter(|found| found.accepts(&login.password)).ok_or_else(failed)?;
    if found.disabled {
        let text = format!("Login failed for user '{}'. Reason: The account is disabled.", found.name);
        return Err(vec![SqlError::of_class(14, 18470, text)]);
    }
    if login.flags.changes_password() {
        found.set_password(&login.new_password);
        found.must_change = false;
    } else if found.must_change {
        let text =
            format!("Login failed for user '{}'. Reason: The password of the account must be changed.", found.name);
        return Err(vec![SqlError::of_class(14, 18488, text)]);
    }
    let found = found.clone();
    if !world.catalogue.may_connect(found.id) {
        return Err(failed());
    }
    let wanted = if login.database.is_empty() { &found.default_database } else { &login.database };
    let database = world.catalogue.database(wanted).ok();
    let database = database.filter(|database| world.catalogue.user_in(database, found.id).is_some());
    let Some(database) = database else {
        let text = format!("Cannot open database \"{wanted}\" requested by the login. The login failed.");
        return Err(vec![SqlError::of_class(11, 4060, text), SqlError::login_failed(&login.user)]);
    };
    Ok((Own::new(0, found.id, &found.name, &database.name), found.sid.clone()))
}

/// The answer to a log-in that succeeded.
fn welcome(login: &Login, version: TdsVersion, own: &Own, host: &Host) -> Result<Vec<u8>, SqlError> {
    let mut answer = Answer::new(version, &host.name, false);
    answer.change(&EnvChange::text(EnvKind::Database, &own.database, "master"))?;
    answer.message(ServerMessage::info(5701, &format!("Changed database context to '{}'.", own.database)));
    answer.change(&EnvChange::Collation { new: Some(Collation::LATIN1), old: None })?;
    answer.change(&EnvChange::text(EnvKind::Language, "us_english", ""))?;
    answer.message(ServerMessage::info(5703, "Changed language setting to us_english."));
    let program = "Microsoft SQL Server (a stand-in)".to_owned();
    let ack = LoginAck { interface: 1, version, program, program_version: VERSION };
    let unsent = |error: mayfly_protocol::tds::EncodeError| SqlError::unknown(&error.to_string());
    ack.encode(&mut answer.data).map_err(unsent)?;
    let len = packet_len(login).to_string();
    answer.change(&EnvChange::text(EnvKind::PacketLen, &len, "4096"))?;
    if login.features.get(FeatureId::UTF8).is_some() {
        let features = Features(vec![Feature { id: FeatureId::UTF8, data: vec![0] }]);
        encode_features_ack(&features, &mut answer.data).map_err(unsent)?;
    }
    Ok(answer.end(DoneStatus::FINAL))
}
