//! Scenes of DESIGN §5, marks: an account for which nothing in the ledger speaks is removed through the ledger like everything else.

use super::stage::{Want, stage};
use crate::world::{Process, World, record};
use mayfly_contract::target::Command;
use mayfly_domain::audit::EventKind;
use mayfly_domain::authorise::authorise_administration;
use mayfly_domain::{AccountName, ChangeId, ChangeState, EndReason, Mark, WallTime};
use mayfly_engine::Orphan;
use mayfly_engine::ports::ledger::{ChangeRow, Ledger};
use mayfly_engine::ports::provider::PlannedChange;

/// Lets an account appear on the target past the ledger, and answers what a search would find.
async fn orphan(world: &World, process: &Process, name: &str) -> Orphan {
    // A session of today shows what a change of this target looks like.
    let client = Want::made("alice").connect(process).await.unwrap();
    let row = world.change_of(&client.joined.session);
    drop(process.engine.end(&client.joined.session, EndReason::Terminated, "uid:0", None).unwrap().await);
    let made = ChangeRow {
        id: ChangeId::parse("chg_0123456789abcdef").unwrap(),
        account: AccountName::existing(name),
        last_moment: WallTime::from_micros(i64::MAX),
        native_id: None,
        state: ChangeState::Intended,
        ..row.clone()
    };
    let opened = client.target.apply(&Command::Open(Box::new(made))).unwrap().0;
    let mark = Mark::parse(std::str::from_utf8(&row.payload.bytes).unwrap()).unwrap();
    let change = PlannedChange {
        kind: row.kind,
        account: AccountName::existing(name),
        group: None,
        prior: false,
        payload: row.payload,
        depends_on: Vec::new(),
        native_ids: None,
    };
    Orphan {
        provider: row.provider,
        record: record("made"),
        target: row.target,
        place: row.place,
        installation: mark.installation,
        session: mark.session,
        native_id: opened.native_id.unwrap(),
        can_log_in: true,
        changes: vec![change],
    }
}

/// It is owed from the moment at which it is written down, also when the target is down or the process dies.
#[test]
fn what_is_taken_up_is_owed_until_it_is_seen_to_be_gone() {
    for dies in [false, true] {
        let (world, _script) = stage();
        let by = authorise_administration(0, 1000).unwrap();
        world.live(|process| async {
            let process = process;
            process.start().await;
            let orphan = orphan(&world, &process, "keeper_back").await;
            world.faults.set_target_down(true);
            let change = process.engine.take_up(orphan, &by).await.unwrap();
            let row = world.ledger.change(&change).await.unwrap().unwrap().change;
            assert_eq!((row.state, row.confirmed), (ChangeState::Withdrawing, true));
            if !dies {
                world.faults.set_target_down(false);
                world.cleaned(&process, 60).await;
            }
        });
        if dies {
            world.live(|process| async {
                let process = process;
                world.faults.set_target_down(false);
                process.start().await;
                world.cleaned(&process, 60).await;
            });
        }
        let taken_up = world.events(EventKind::OrphanTakenUp);
        assert_eq!((taken_up.len(), taken_up[0].actor.as_str()), (1, "uid:0"));
        assert_eq!(world.events(EventKind::AccountRemoved).len(), 2);
        world.assert_clean(&world.leftovers());
    }
}

/// Between the search and the removal it may have become somebody else's: that one is left alone.
#[test]
fn what_became_another_account_meanwhile_is_not_touched() {
    let (world, _script) = stage();
    let by = authorise_administration(0, 1000).unwrap();
    world.live(|process| async {
        let process = process;
        process.start().await;
        let orphan = orphan(&world, &process, "keeper_back").await;
        let target = &world.targets["one"];
        target.remove_account("keeper_back");
        target.add_account("keeper_back");
        let change = process.engine.take_up(orphan, &by).await.unwrap();
        assert_eq!(world.ledger.change(&change).await.unwrap().unwrap().change.state, ChangeState::Absent);
        assert!(target.has_account("keeper_back"));
        target.remove_account("keeper_back");
        world.assert_clean(&world.leftovers());
    });
}
