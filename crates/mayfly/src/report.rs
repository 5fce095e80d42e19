//! How a failure is told: on standard error, as text for people or as a problem (RFC 9457) for programs.

use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, yaml};
use mayfly_wire::problem::Problem;
use serde_json::{Value, json};
use std::io::Write as _;

/// Writes the failure to standard error.
pub(crate) fn failure(failure: &Failure, format: Format, colour: bool) {
    let text = match format {
        Format::Table | Format::Name | Format::Csv | Format::Cef | Format::Ocsf => text(failure, colour),
        Format::Json => format!("{:#}\n", value(failure)),
        Format::Jsonl => format!("{}\n", value(failure)),
        Format::Yaml => yaml(&value(failure)).unwrap_or_default(),
    };
    let text = if matches!(format, Format::Json | Format::Jsonl) { escape::json(&text) } else { text };
    // When not even this can be said, the exit code still says it.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// For people: what was wrong, then what to do.
fn text(failure: &Failure, colour: bool) -> String {
    let (detail, next, logged) = match failure {
        Failure::Problem(problem) => {
            let detail = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
            let unexpected = matches!(failure.exit(), Exit::Unexpected | Exit::Target);
            (detail, &problem.next, logged(problem).filter(|_| unexpected))
        }
        Failure::Own { detail, next, .. } => (detail, next, None),
    };
    let head = if colour { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    let mut lines = detail.lines().map(escape::line);
    let mut output = format!("{head} {}\n", lines.next().unwrap_or_default());
    for line in lines {
        output.push_str(&format!("       {line}\n"));
    }
    for command in next {
        output.push_str(&format!("  try: {}\n", escape::line(command)));
    }
    if let Some(logged) = logged {
        output.push_str(&format!("  in the server's log: {}\n", escape::line(&logged)));
    }
    output
}

/// What finds a problem in the server's log: its trace, or from a server that gives none its number.
fn logged(problem: &Problem) -> Option<String> {
    match (problem.trace_id.as_str(), problem.request_id.as_str()) {
        ("", "") => None,
        ("", request) => Some(format!("request {request}")),
        (trace, _) => Some(format!("trace {trace}")),
    }
}

/// For programs: the server's problem as it came, or the like of it without the members that only a server has.
fn value(failure: &Failure) -> Value {
    match failure {
        Failure::Problem(problem) => json!(problem),
        Failure::Own { exit, detail, next } => {
            let (title, code) = exit.words();
            let mut value = json!({ "type": "about:blank", "title": title, "detail": detail, "code": code });
            if !next.is_empty() {
                value["next"] = json!(next);
            }
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_wire::problem::Code;

    fn problem(code: Code, trace_id: &str) -> Failure {
        Failure::Problem(Box::new(Problem {
            kind: "about:blank".to_owned(),
            title: "title".to_owned(),
            status: 500,
            detail: "it\u{1b}[2J broke\nhere".to_owned(),
            code,
            request_id: "req_1".to_owned(),
            trace_id: trace_id.to_owned(),
            next: vec!["mayfly status".to_owned()],
        }))
    }

    #[test]
    fn text_leads_on_and_obeys_nobody() {
        let told = "error: it\\u{1b}[2J broke\n       here\n  try: mayfly status\n  in the server's log:";
        assert_eq!(text(&problem(Code::Server, ""), false), format!("{told} request req_1\n"));
        assert_eq!(text(&problem(Code::Server, "4bf9"), false), format!("{told} trace 4bf9\n"));
        assert!(!text(&problem(Code::Invalid, "4bf9"), false).contains("log"));
    }

    #[test]
    fn our_own_failures_have_a_problems_members() {
        let value = value(&Failure::usage("wrong").hint("mayfly help"));
        assert_eq!(
            value,
            json!({"type": "about:blank", "title": "invalid input", "detail": "wrong", "code": "invalid", "next": ["mayfly help"]})
        );
    }
}
