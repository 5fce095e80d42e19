//! Looking for accounts that hold rights for good, on real hosts.

use super::contract::Contract;
use mayfly_domain::authorise::authorise_administration;
use mayfly_providers::{Check as _, Holder, HoldersRequest};
use serde_json::json;

const MAKE: &str = r#"
groupadd dockers; groupadd -g 4242 wheelers
for name in erin frank grace heidi ivan judy ken leo mallory; do useradd "$name"; done
usermod -g dockers erin; usermod -aG dockers,wheelers frank; useradd -o -u 0 toor
usermod -e 2100-01-01 grace; usermod -e 2001-01-01 mallory
cat > /etc/sudoers.d/people << 'RULES'
# leo ALL = ALL
Defaults:ken !lecture
User_Alias DBAS = grace, \
    HELPERS : HELPERS = heidi
Runas_Alias OP = ivan
DBAS ALL = (postgres) NOPASSWD: /usr/bin/psql
"judy" web01, web02 = (OP) ALL
%#4242 ALL=(ALL) ALL
mallory ALL = ALL
RULES
echo 'ken ALL = ALL' > /etc/sudoers.d/not.read
chmod 440 /etc/sudoers.d/people
visudo -c >&2
"#;
const UNMAKE: &str = r#"
rm /etc/sudoers.d/people /etc/sudoers.d/not.read; sed -i /^toor:/d /etc/passwd /etc/shadow
for name in erin frank grace heidi ivan judy ken leo mallory; do userdel "$name"; done
for group in dockers wheelers toor erin; do groupdel "$group" 2> /dev/null || :; done
"#;

async fn look(rig: &Contract) -> Vec<Holder> {
    let request =
        HoldersRequest { place: rig.target.place(), elevate: Some("dockers".to_owned()), settings: json!({}) };
    let found = rig.target.subject().holders(&authorise_administration(0, 0).unwrap(), &request).await.unwrap();
    assert!(!found.more);
    found.holders
}

#[tokio::test]
async fn whoever_can_become_root_or_is_in_the_group_is_named_with_how() {
    // Administered by root, by an account with sudo, by the helper.
    for which in [0, 1, 4] {
        names_everybody(&Contract::start(which).await).await;
    }
}

pub(super) async fn names_everybody(rig: &Contract) {
    rig.target.shell(MAKE).unwrap();
    let found = look(rig).await;
    rig.target.shell(UNMAKE).unwrap();
    let of = |name: &str| found.iter().find(|holder| holder.account.as_str() == name);
    let rights = |name: &str| of(name).map(|holder| holder.rights.join(", ")).unwrap_or_default();
    let context = format!("{found:#?}");
    assert!(rights("root").starts_with("id 0"), "{context}");
    assert!(rights("toor").starts_with("id 0"), "{context}");
    assert_eq!(rights("erin"), "member of dockers", "{context}");
    let by = "/etc/sudoers.d/people";
    assert_eq!(rights("frank"), format!("member of dockers, sudo as a member of wheelers ({by})"), "{context}");
    for name in ["grace", "heidi", "judy"] {
        assert_eq!(rights(name), format!("sudo ({by})"), "{name}: {context}");
    }
    // Whom a comment, another kind of alias or a file that sudo does not read names, and who can no longer log in.
    for name in ["leo", "ivan", "ken", "mallory"] {
        assert_eq!(rights(name), "", "{name}: {context}");
    }
    let until = |name: &str| of(name).and_then(|holder| holder.deadline);
    assert_eq!(until("grace").unwrap().to_string(), "2100-01-01T00:00:00.000000Z", "{context}");
    assert_eq!(until("heidi"), None, "{context}");
    assert_eq!(found.iter().filter(|holder| holder.administrative).count(), 1, "{context}");
}
