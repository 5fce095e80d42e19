//! Looking for roles that hold for good what sessions are given for a time, on real servers.

use crate::rig::{ALL, As, Rig};
use mayfly_domain::authorise::authorise_administration;
use mayfly_providers::{Check, Holder, HoldersRequest};
use serde_json::json;

async fn look(rig: &Rig) -> Vec<Holder> {
    let request =
        HoldersRequest { place: rig.place.clone(), elevate: Some("readwrite".to_owned()), settings: json!({}) };
    let found = rig.subject.holders(&authorise_administration(0, 0).unwrap(), &request).await.unwrap();
    assert!(!found.more);
    found.holders
}

#[tokio::test]
async fn whoever_can_log_in_and_holds_something_is_named_with_all_of_it() {
    for (flavour, as_whom) in ALL {
        let rig = Rig::start(flavour, as_whom).await;
        rig.sql(
            "postgres",
            "CREATE ROLE \"old \"\"dba\" LOGIN SUPERUSER; CREATE ROLE team; GRANT readwrite TO team;
             CREATE ROLE carol LOGIN VALID UNTIL '2100-01-01 00:00:00+00'; GRANT team TO carol;
             CREATE ROLE root_team SUPERUSER; CREATE ROLE dave LOGIN NOINHERIT; GRANT root_team TO dave;
             CREATE ROLE reader LOGIN; GRANT readonly TO reader; CREATE ROLE nobody SUPERUSER;
             CREATE ROLE left_long_ago LOGIN SUPERUSER VALID UNTIL '2001-01-01'; GRANT pg_read_all_settings TO reader;
             CREATE ROLE files LOGIN BYPASSRLS; GRANT pg_write_server_files TO files;",
        )
        .await;
        let found = look(&rig).await;
        let of = |name: &str| found.iter().find(|holder| holder.account.as_str() == name);
        let rights = |name: &str| of(name).map(|holder| holder.rights.join(", ")).unwrap_or_default();
        let context = format!("{flavour:?} {as_whom:?}: {found:#?}");
        assert_eq!(rights("old \"dba"), "SUPERUSER", "{context}");
        assert_eq!(rights("carol"), "member of \"readwrite\"", "{context}");
        assert!(rights("dave").contains("SUPERUSER through \"root_team\""), "{context}");
        assert_eq!(rights("files"), "BYPASSRLS, member of \"pg_write_server_files\"", "{context}");
        assert_eq!(of("carol").unwrap().deadline.unwrap().to_string(), "2100-01-01T00:00:00.000000Z", "{context}");
        assert_eq!(of("dave").unwrap().deadline, None, "{context}");
        // Who cannot log in, or holds nothing of the kind, is not there.
        for name in ["nobody", "reader", "left_long_ago", "team"] {
            assert_eq!(of(name), None, "{context}");
        }
        // The administrative account is told to be it, and nobody else is.
        let administrative: Vec<_> = found.iter().filter(|holder| holder.administrative).collect();
        assert_eq!(administrative.len(), 1, "{context}");
        assert_eq!(administrative[0].account.as_str(), rig.admin.user, "{context}");
        assert_eq!(administrative[0].rights.contains(&"SUPERUSER".to_owned()), as_whom == As::Superuser, "{context}");
    }
}
