//! Trying a record out on its target.

use super::Api;
use super::administrator::{Administrator, Records};
use super::problem::Refusal;
use super::records::Asked;
use crate::exercise::{Exercise, Report, Taken, Went};
use crate::orders;
use axum::Json;
use axum::extract::{Path, State};
use mayfly_domain::audit::EventKind;
use mayfly_engine::ports::clock::Clock as _;
use mayfly_wire::paths;
use mayfly_wire::records::{self, ExerciseAnswer, ExerciseStep};
use std::sync::Arc;
use std::time::Duration;

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn step(taken: Taken) -> ExerciseStep {
    let went = match taken.went {
        Went::Well => records::Went::Well,
        Went::Wrong => records::Went::Wrong,
        Went::NotTried => records::Went::NotTried,
    };
    ExerciseStep {
        step: taken.step.to_owned(),
        took_us: taken.took.map(micros),
        went,
        what: taken.what,
        next: taken.next,
    }
}

/// Try a record out on its target
///
/// Launches a session of it, logs in, does something harmless, ends it, and looks that nothing of it is left, all on record as of any
/// session.
#[utoipa::path(
    post,
    path = paths::RECORD_EXERCISE,
    tag = "records",
    params(("name" = String, Path, description = "The record")),
    responses((status = OK, body = ExerciseAnswer)),
    security(("token" = ["records"])),
)]
pub(super) async fn exercise(
    State(api): State<Arc<Api>>,
    Administrator(by, ..): Administrator<Records>,
    Path(name): Path<String>,
) -> Result<Json<ExerciseAnswer>, Refusal> {
    let asked = Asked::find(&api, &name).await?;
    let context = Arc::clone(&api.context);
    // In a task of its own: what was begun comes to its end, and is put on record, whoever waits for it.
    let (reply, answer) = tokio::sync::oneshot::channel();
    api.context.tasks.spawn("exercise", async move {
        let began = context.clock.boot();
        let exercise = Exercise { context: &context, by: &by, record: &asked.record, provider: &*asked.provider };
        let report = exercise.run().await.map_err(Refusal::from);
        let took = context.clock.boot().since(began);
        let answered = match report {
            Ok(report) => {
                let mut event = context.event(EventKind::RecordChecked, by.by());
                event.record = Some(asked.name.clone());
                let exercised = if report.passed() { "passed" } else { "failed" };
                let event = event.with("exercise", exercised);
                let event = match &report.session {
                    Some(session) => event.with("of_session", session),
                    None => event,
                };
                context.record(vec![event]).await.map(|()| told(&asked, report, took)).map_err(Refusal::from)
            }
            Err(refusal) => Err(refusal),
        };
        // Whoever asked may be gone.
        drop(reply.send(answered));
    });
    let interrupted = |_| Refusal::new(mayfly_wire::problem::Code::Server, "the server is stopping");
    answer.await.map_err(interrupted)?.map(Json)
}

fn told(asked: &Asked, report: Report, took: Duration) -> ExerciseAnswer {
    ExerciseAnswer {
        record: asked.name.to_string(),
        kind: orders::provider(&asked.record).to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        passed: report.passed(),
        took_us: micros(took),
        session: report.session,
        account: report.account,
        steps: report.steps.into_iter().map(step).collect(),
    }
}
