//! The Agent's tables in `msdb`.

use super::super::eval::Scope;
use super::super::state::{Database, Job};
use super::super::value::{Kind, Value};
use super::{NAME, SID, View};

pub(super) const VIEWS: &[View] = &[
    View { name: "sysjobs", columns: JOB, rows: |scope, _| scope.catalogue.jobs.iter().map(job).collect() },
    View {
        name: "sysjobs_view",
        columns: JOB,
        rows: |scope, _| {
            let (catalogue, own) = (scope.catalogue, scope.own);
            let sid = catalogue.by_id(own.login).map(|login| login.sid.clone());
            let seen = |found: &&Job| catalogue.is_sysadmin(own.login) || Some(&found.owner_sid) == sid.as_ref();
            catalogue.jobs.iter().filter(seen).map(job).collect()
        },
    },
    View {
        name: "sysjobsteps",
        columns: &[
            ("job_id", Kind::Guid),
            ("step_id", Kind::Int),
            ("step_name", NAME),
            ("subsystem", Kind::Text(Some(40))),
            ("command", Kind::Text(None)),
            ("database_name", NAME),
        ],
        rows: steps,
    },
    View {
        name: "sysschedules",
        columns: &[
            ("schedule_id", Kind::Int),
            ("name", NAME),
            ("enabled", Kind::Int),
            ("freq_type", Kind::Int),
            ("active_start_date", Kind::Int),
            ("active_start_time", Kind::Int),
        ],
        rows: |scope, _| {
            let schedules = scope.catalogue.jobs.iter().flat_map(|job| &job.schedules);
            schedules
                .map(|schedule| {
                    vec![
                        Value::Int(schedule.id),
                        Value::text(&schedule.name),
                        Value::Int(1),
                        Value::Int(schedule.freq_type),
                        Value::Int(schedule.start_date),
                        Value::Int(schedule.start_time),
                    ]
                })
                .collect()
        },
    },
    View {
        name: "sysjobschedules",
        columns: &[("schedule_id", Kind::Int), ("job_id", Kind::Guid)],
        rows: |scope, _| {
            let jobs = scope.catalogue.jobs.iter();
            jobs.flat_map(|job| job.schedules.iter().map(|one| vec![Value::Int(one.id), Value::text(&job.id)]))
                .collect()
        },
    },
    View {
        name: "sysjobservers",
        columns: &[("job_id", Kind::Guid), ("server_id", Kind::Int)],
        rows: |scope, _| {
            let targeted = scope.catalogue.jobs.iter().filter(|job| job.targeted);
            targeted.map(|job| vec![Value::text(&job.id), Value::Int(0)]).collect()
        },
    },
];

const JOB: &[(&str, Kind)] = &[
    ("job_id", Kind::Guid),
    ("name", NAME),
    ("enabled", Kind::TinyInt),
    ("description", Kind::Text(Some(512))),
    ("owner_sid", SID),
    ("date_created", Kind::DateTime),
    ("delete_level", Kind::Int),
];

fn job(job: &Job) -> Vec<Value> {
    vec![
        Value::text(&job.id),
        Value::text(&job.name),
        Value::Int(i64::from(job.enabled)),
        Value::text(&job.description),
        Value::Binary(job.owner_sid.clone()),
        Value::Moment(job.created),
        Value::Int(job.delete_level),
    ]
}

fn steps(scope: &Scope<'_>, _: &Database) -> Vec<Vec<Value>> {
    let of_job = |job: &Job| {
        let steps = job.steps.iter().zip(1..);
        let row = |(step, number): (&super::super::state::JobStep, i64)| {
            vec![
                Value::text(&job.id),
                Value::Int(number),
                Value::text(&step.name),
                Value::text("TSQL"),
                Value::text(&step.command),
                Value::text(&step.database),
            ]
        };
        steps.map(row).collect::<Vec<_>>()
    };
    scope.catalogue.jobs.iter().flat_map(of_job).collect()
}
