//! The scripts run with any POSIX shell, and without programs that only some hosts have: the contract on a host whose `/bin/sh` is
//! BusyBox's and that has no `setpriv`, and some of it on one where it is bash as `sh`; both also clean up after a person who left
//! much.

use super::contract::Contract;
use super::holders::names_everybody;
use super::host::Target;
use super::leftovers::leaves_nothing;
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// BusyBox's, with a program of its own for each that the scripts name; copied there from here.
async fn busybox() -> Contract {
    static HOST: OnceCell<Arc<Mutex<Target>>> = OnceCell::const_new();
    Contract::on(&HOST, |host| {
        host.write("/bin/busybox", std::fs::read("/bin/busybox").unwrap(), 0o755).unwrap();
        host.shell("ln -sf busybox /bin/sh; rm /usr/bin/setpriv").unwrap();
        assert_eq!(host.run(&["sh", "-c", "readlink /proc/$$/exe"]).unwrap(), "/usr/bin/busybox\n");
    })
    .await
}

/// Bash, which is POSIX's shell when it is called `sh`.
async fn bash() -> Contract {
    static HOST: OnceCell<Arc<Mutex<Target>>> = OnceCell::const_new();
    Contract::on(&HOST, |host| {
        host.shell("ln -sf bash /bin/sh").unwrap();
        assert_eq!(host.run(&["sh", "-c", "set -o | grep posix"]).unwrap().split_whitespace().last(), Some("on"));
    })
    .await
}

mod of_busybox_without_setpriv {
    use super::*;
    mayfly_contract::provider_contract!(busybox());

    #[tokio::test]
    async fn what_a_person_leaves_is_gone() {
        leaves_nothing(&busybox().await).await;
    }

    #[tokio::test]
    async fn whoever_holds_rights_for_good_is_named() {
        names_everybody(&busybox().await).await;
    }
}

/// What the cases have in common with dash, in which the whole contract is held elsewhere, is most of it.
mod of_bash {
    use super::*;
    mayfly_contract::provider_contract! { @cases bash();
        a_whole_life_leaves_nothing, a_membership_comes_and_goes, a_session_past_us_is_told_from_ours,
        awkward_names_are_only_names, nothing_is_made_after_the_last_moment,
    }

    #[tokio::test]
    async fn what_a_person_leaves_is_gone() {
        leaves_nothing(&bash().await).await;
    }
}
