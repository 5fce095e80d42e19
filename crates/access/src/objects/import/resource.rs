//! Reading what every resource has. What differs between kinds (ports, protocols, the words of an elevation) is a [`Form`].

use super::fields::Fields;
use super::rules;
use crate::objects::{Grant, Jit, Launch, Leftovers, SESSION_LONGEST, SessionRules};
use mayfly_domain::RecordName;

/// How a kind of resource is written.
pub(super) struct Form {
    /// The port where nothing else is written.
    pub(super) port: u16,
    /// The value of `connection.protocol`.
    pub(super) protocol: &'static str,
    /// The value of `jit.elevation_method`.
    pub(super) method: &'static str,
    /// What is wrong with any other known method.
    pub(super) other_method: &'static str,
    /// What `jit.elevation_string` names.
    pub(super) grant: fn(&str) -> Result<String, String>,
    /// Fields of `jit` that belong to other kinds, and why not here.
    pub(super) not_in_jit: &'static [(&'static str, &'static str)],
    /// Whether what an account owns is dealt with by a policy.
    pub(super) leftovers: bool,
}

/// The administrative credential and its port, which is `port` where nothing is said; what else stands in `rotation` is taken by `more`.
pub(super) fn rotation(spec: &Fields<'_>, port: u16, more: impl FnOnce(&Fields<'_>)) -> (Option<RecordName>, u16) {
    let Some(rotation) = spec.map("rotation") else { return (None, port) };
    let administrative = rotation.parsed("administrative", rules::record_name);
    let port = rotation.number("port", port, 1, u16::MAX);
    more(&rotation);
    rotation.finish(&[
        ("schedule", "rotation of secrets is not built yet: remove the field"),
        ("password", "is for machines, whose administrative credential is a key unless this says otherwise"),
    ]);
    (administrative, port)
}

/// The port of sessions; what else stands in `connection` is taken by `more`.
pub(super) fn connection(spec: &Fields<'_>, form: &Form, inherited: u16, more: impl FnOnce(&Fields<'_>)) -> u16 {
    let Some(connection) = spec.optional_map("connection") else { return inherited };
    connection.optional_parsed("protocol", |text| match text {
        known if known == form.protocol => Ok(()),
        _ => Err(format!("has to be `{}`, which is the only protocol built for this kind yet", form.protocol)),
    });
    let port = connection.number("port", inherited, 1, u16::MAX);
    more(&connection);
    connection.finish(&[]);
    port
}

/// Whom a session logs in as, and what that account gets; `more` takes what belongs to one kind.
pub(super) fn jit(spec: &Fields<'_>, form: &Form, more: impl FnOnce(&Fields<'_>)) -> Option<Jit> {
    let jit = spec.map("jit")?;
    let ephemeral = jit.switch("create_ephemeral", false);
    let user = jit.optional_parsed("launch", rules::record_name);
    let elevate = elevation(&jit, form);
    more(&jit);
    jit.finish(form.not_in_jit);
    let launch = match (ephemeral, jit.has("launch")) {
        (true, true) => {
            jit.fault(
                "launch",
                "cannot stand beside `create_ephemeral: true`: keep one, the account is either made or exists",
            );
            return None;
        }
        (false, false) => {
            jit.fault(
                "create_ephemeral",
                "choose whom a session logs in as: `create_ephemeral: true` for a new account, or `launch: USER-RECORD` for an existing one",
            );
            return None;
        }
        (true, false) => Launch::Ephemeral,
        (false, true) => Launch::Existing { user: user? },
    };
    Some(Jit { launch, elevate })
}

fn elevation(jit: &Fields<'_>, form: &Form) -> Option<Grant> {
    const FIELDS: [&str; 3] = ["elevation_method", "elevation_string", "exclusive"];
    let elevate = jit.switch("elevate", false);
    jit.optional_parsed("elevation_method", |text| match text {
        known if known == form.method => Ok(()),
        "group" | "role" => Err(form.other_method.to_owned()),
        _ => Err(format!("has to be `{}`", form.method)),
    });
    let role = jit.optional_parsed("elevation_string", form.grant);
    let exclusive = jit.switch("exclusive", true);
    if !elevate {
        for name in FIELDS.into_iter().filter(|name| jit.has(name)) {
            jit.fault(name, "has no effect without `elevate: true`: set that, or remove this field");
        }
        return None;
    }
    if !jit.has("elevation_string") {
        let text = format!("is missing: `elevate: true` needs the name of the {} that is granted", form.method);
        jit.fault("elevation_string", text);
    }
    role.map(|role| Grant { role, exclusive })
}

/// The rules of sessions.
pub(super) fn session(spec: &Fields<'_>, form: &Form) -> SessionRules {
    let defaults = SessionRules {
        duration_s: 3600,
        linger_s: 30,
        connections: 20,
        leftovers: if form.leftovers { Leftovers::Graveyard } else { Leftovers::Drop },
        end_other_sessions: true,
    };
    let Some(session) = spec.optional_map("session") else { return defaults };
    let leftovers = form.leftovers.then(|| {
        session.optional_parsed("leftovers", |text| match text {
            "graveyard" => Ok(Leftovers::Graveyard),
            "drop" => Ok(Leftovers::Drop),
            "keep" => Ok(Leftovers::Keep),
            _ => Err("has to be graveyard, drop or keep".to_owned()),
        })
    });
    let rules = SessionRules {
        duration_s: session.seconds("duration", defaults.duration_s, 1, SESSION_LONGEST.as_secs()),
        linger_s: session.seconds("linger", defaults.linger_s, 0, 3600),
        connections: session.number("connections", defaults.connections, 1, 1000),
        leftovers: leftovers.flatten().unwrap_or(defaults.leftovers),
        end_other_sessions: session.switch("end_other_sessions", defaults.end_other_sessions),
    };
    session.finish(&[("leftovers", "is for databases: on a machine, what a session leaves goes with its account")]);
    rules
}
