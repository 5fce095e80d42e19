//! The paths of the API, written once for both sides.

/// Who the server is and how it is. Everybody may ask.
pub const STATUS: &str = "/v1/status";
/// POST makes the copy of the store that is observed the one that acts.
pub const ACTIVATE: &str = "/v1/activate";
/// POST gives out a backup of the store, sealed.
pub const BACKUP: &str = "/v1/backup";
/// POST makes the server open nothing new, DELETE lets it open sessions again.
pub const DRAIN: &str = "/v1/drain";
/// GET tells what somebody who helps from afar needs to know.
pub const SUPPORT: &str = "/v1/support";
/// The certificate of the local authority, as PEM. Everybody may ask.
pub const CA: &str = "/v1/ca";
/// This description of the API. Everybody may ask.
pub const OPENAPI: &str = "/v1/openapi.json";
/// Objects: GET lists them, POST applies a set.
pub const OBJECTS: &str = "/v1/objects";
/// GET writes objects as YAML.
pub const EXPORT: &str = "/v1/export";
/// The secret of a user record: PUT sets it. `{name}` is the record.
pub const SECRET: &str = "/v1/secrets/{name}";
/// POST binds the stored secret of a user record to where its record leads now.
pub const SECRET_REBIND: &str = "/v1/secrets/{name}/rebind";
/// POST signs a person in for a time, DELETE signs them out.
pub const LOGIN: &str = "/v1/login";
/// POST gives a person a connect secret, for their password or as somebody who has signed in.
pub const CONNECT: &str = "/v1/connect";
/// GET tells where native clients connect. Everybody may ask.
pub const BROKERS: &str = "/v1/brokers";
/// GET lists sessions.
pub const SESSIONS: &str = "/v1/sessions";
/// GET tells everything of one session.
pub const SESSION: &str = "/v1/sessions/{id}";
/// POST ends a session.
pub const SESSION_END: &str = "/v1/sessions/{id}/end";
/// GET lists what is still owed or kept.
pub const CLEANUP: &str = "/v1/cleanup";
/// GET shows one of them.
pub const CLEANUP_ONE: &str = "/v1/cleanup/{id}";
/// GET prints how one of them is undone by hand.
pub const CLEANUP_MANUAL: &str = "/v1/cleanup/{id}/manual";
/// POST tries one of them now.
pub const CLEANUP_RETRY: &str = "/v1/cleanup/{id}/retry";
/// GET lists targets with what is owed to them.
pub const TARGETS: &str = "/v1/targets";
/// POST writes off a target that no longer exists.
pub const TARGET_WRITE_OFF: &str = "/v1/targets/write-off";
/// GET lists what searches of targets found.
pub const ORPHANS: &str = "/v1/orphans";
/// POST searches targets.
pub const ORPHANS_SCAN: &str = "/v1/orphans/scan";
/// POST removes an account that a search found.
pub const ORPHANS_REMOVE: &str = "/v1/orphans/remove";
/// POST leaves an account that a search found out of sight for a time.
pub const ORPHANS_IGNORE: &str = "/v1/orphans/ignore";
/// GET lists the installations whose leavings are ours to remove, POST claims one.
pub const CLAIMS: &str = "/v1/claims";
/// POST tells a person what they may open, for their password; GET tells it whoever has signed in.
pub const ACCESS: &str = "/v1/access";
/// GET tells what there is to know of a record.
pub const RECORD: &str = "/v1/records/{name}";
/// POST checks a record against its target.
pub const RECORD_CHECK: &str = "/v1/records/{name}/check";
/// POST tries a record out on its target.
pub const RECORD_EXERCISE: &str = "/v1/records/{name}/exercise";
/// POST looks who on a record's target holds for good what sessions are given for a time.
pub const RECORD_STANDING: &str = "/v1/records/{name}/standing";
/// POST prints what installs the helper of a record's target.
pub const RECORD_HELPERS: &str = "/v1/records/{name}/helpers";
/// POST asks who answers at a record's address, and pins it where its identity is given.
pub const RECORD_PIN: &str = "/v1/records/{name}/pin";
/// GET reports who may open what, and who did.
pub const REPORT_ACCESS: &str = "/v1/reports/access";
/// GET lists lockdowns, POST starts one.
pub const LOCKDOWNS: &str = "/v1/lockdowns";
/// DELETE lifts a lockdown.
pub const LOCKDOWN: &str = "/v1/lockdowns/{lockdown}";
/// POST switches a person off.
pub const PERSON_DISABLE: &str = "/v1/people/{name}/disable";
/// POST switches a person on again.
pub const PERSON_ENABLE: &str = "/v1/people/{name}/enable";
/// GET lists tokens, POST makes one.
pub const TOKENS: &str = "/v1/tokens";
/// DELETE takes a token back.
pub const TOKEN: &str = "/v1/tokens/{id}";
/// GET lists webhooks, POST makes one.
pub const WEBHOOKS: &str = "/v1/webhooks";
/// DELETE deletes a webhook.
pub const WEBHOOK: &str = "/v1/webhooks/{name}";
/// POST gives a webhook a new secret, or forgets the one before.
pub const WEBHOOK_ROTATE: &str = "/v1/webhooks/{name}/rotate";
/// POST switches a webhook on again.
pub const WEBHOOK_ENABLE: &str = "/v1/webhooks/{name}/enable";
/// GET reads the trail.
pub const AUDIT: &str = "/v1/audit";
/// GET gives the trail as it grows, as server-sent events.
pub const EVENTS: &str = "/v1/events";
/// GET reads the trail in another form.
pub const AUDIT_EXPORT: &str = "/v1/audit/export";

/// A path with its one parameter filled in. Names and ids need no escaping: their alphabets hold no reserved character.
pub fn with(path: &str, value: &str) -> String {
    let (Some(open), Some(close)) = (path.find('{'), path.find('}')) else { return path.to_owned() };
    format!("{}{value}{}", &path[..open], &path[close + 1..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_parameter_is_filled_in() {
        assert_eq!(super::with(super::SESSION_END, "ses_1"), "/v1/sessions/ses_1/end");
        assert_eq!(super::with(super::STATUS, "x"), "/v1/status");
    }
}
