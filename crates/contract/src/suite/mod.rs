//! The contract of providers as tests: what stands at the top of the engine's provider port, checked against whatever a
//! [`Rig`] puts behind it — the fake, or a real server that is looked at with its own tools.
//!
//! A provider's tests implement [`Rig`] and write [`provider_contract!`](crate::provider_contract) once; each case becomes a
//! test of its own.

mod batches;
mod bench;
mod closing;
#[cfg(test)]
mod fake;
mod memberships;
mod opening;
mod rig;
mod sessions;
mod surveying;

pub use batches::{
    many_accounts_come_and_go_together, memberships_go_together, one_bad_step_of_any_verb_fails_alone,
    one_bad_step_of_closing_fails_alone, one_bad_step_of_opening_fails_alone, one_bad_wish_is_refused_alone,
};
pub use bench::{Bench, Subject};
pub use closing::{
    a_disabled_account_cannot_log_in, a_renamed_account_is_found_by_its_identity, a_stranger_is_not_touched,
    a_whole_life_leaves_nothing, another_server_gets_nothing, closing_nothing_succeeds, closing_twice_is_closing_once,
    leftovers_are_seen_and_handed_over,
};
pub use memberships::{
    a_membership_added_by_others_meanwhile_stays, a_membership_comes_and_goes, a_membership_that_was_there_is_prior,
    awkward_names_are_only_names, only_the_one_membership_is_touched,
};
pub use opening::{
    nothing_is_made_after_the_last_moment, nothing_is_made_twice, opening_adopts_nothing,
    opening_makes_what_was_planned,
};
pub use rig::{Rig, Visitor};
pub use sessions::{
    a_running_session_is_ended_before_removal, a_session_past_us_is_told_from_ours,
    bystanders_of_a_lifted_account_survive, sessions_outlive_their_account,
};
pub use surveying::{a_survey_changes_nothing, a_survey_refuses_what_cannot_be, looking_changes_nothing};

/// One test for each rule of the provider port. Takes an expression that makes a future of a fresh [`Rig`](suite::Rig):
///
/// ```text
/// mayfly_contract::provider_contract!(PostgresRig::start());
/// ```
///
/// [`Rig::snapshot`](suite::Rig::snapshot) has to stay undisturbed while a case runs: give each rig a server of its own, or
/// let it hold a lock for as long as it lives.
#[macro_export]
macro_rules! provider_contract {
    ($rig:expr) => {
        $crate::provider_contract! { @all rig => $rig; ::std::option::Option::Some(rig) }
    };
    // For targets that cannot be had everywhere: the expression makes a future of an `Option`, and says why where it is `None`.
    (optional $rig:expr) => {
        $crate::provider_contract! { @all rig => $rig; rig }
    };
    (@all $name:ident => $rig:expr; $some:expr) => {
        $crate::provider_contract! { @each $name => $rig; $some;
            a_survey_changes_nothing, a_survey_refuses_what_cannot_be, looking_changes_nothing,
            opening_makes_what_was_planned, nothing_is_made_twice, opening_adopts_nothing,
            nothing_is_made_after_the_last_moment,
            closing_nothing_succeeds, closing_twice_is_closing_once, a_disabled_account_cannot_log_in,
            a_stranger_is_not_touched, a_renamed_account_is_found_by_its_identity, leftovers_are_seen_and_handed_over,
            another_server_gets_nothing, a_whole_life_leaves_nothing,
            a_running_session_is_ended_before_removal, bystanders_of_a_lifted_account_survive,
            sessions_outlive_their_account, a_session_past_us_is_told_from_ours,
            a_membership_comes_and_goes, a_membership_that_was_there_is_prior,
            a_membership_added_by_others_meanwhile_stays, only_the_one_membership_is_touched,
            awkward_names_are_only_names,
            one_bad_step_of_opening_fails_alone, one_bad_step_of_closing_fails_alone, one_bad_wish_is_refused_alone,
            one_bad_step_of_any_verb_fails_alone, memberships_go_together, many_accounts_come_and_go_together,
        }
    };
    (@cases $rig:expr; $($case:ident),+ $(,)?) => {
        $crate::provider_contract! { @each rig => $rig; ::std::option::Option::Some(rig); $($case),+ }
    };
    (@each $name:ident => $rig:expr; $some:expr; $($case:ident),+ $(,)?) => { $(
        #[tokio::test]
        async fn $case() {
            let $name = $rig.await;
            let Some(rig) = $some else { return };
            $crate::suite::$case(&rig).await;
        }
    )+ };
}
