//! `record check --exercise`: a session of a record that is launched, used once and taken away, step by step.

use super::Context;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use mayfly_wire::paths;
use mayfly_wire::records::{ExerciseAnswer, ExerciseStep, Went};

/// Tries a record out. [`Exit::Pending`] when something went wrong: the steps are the result, and are printed.
///
/// # Errors
/// When it is not begun, and whatever else the server says.
pub(super) async fn run(context: &Context, name: &str) -> Result<Exit, Failure> {
    let path = paths::with(paths::RECORD_EXERCISE, name);
    let answer: ExerciseAnswer = context.client.post_slow(&path, &(), "trying it out on the target").await?;
    context.output.one(&answer, &answer.record, || text(&context.output, &answer))?;
    Ok(if answer.passed { Exit::Done } else { Exit::Pending })
}

fn text(output: &Output, answer: &ExerciseAnswer) -> String {
    let mut text: String = answer.steps.iter().map(|step| lines(output, step)).collect();
    let verdict = if answer.passed { "everything went well" } else { "something went wrong" };
    text.push_str(&format!(
        "\n{}: {verdict}, in {} (mayfly {}, {})\n",
        escape::line(&answer.record),
        millis(answer.took_us).trim_start(),
        escape::line(&answer.version),
        escape::line(&answer.kind)
    ));
    text
}

/// One step, with what to do below it.
fn lines(output: &Output, step: &ExerciseStep) -> String {
    let mark = match step.went {
        Went::Well => output.paint(32, "✓"),
        Went::Wrong => output.paint(31, "✗"),
        Went::NotTried => output.paint(33, "!"),
    };
    let took = step.took_us.map_or_else(|| " ".repeat(millis(0).len()), millis);
    let mut text = format!("{mark} {took}  {:<12}  {}\n", escape::line(&step.step), escape::line(&step.what));
    for next in &step.next {
        text.push_str(&format!("      {}\n", escape::line(next)));
    }
    text
}

/// Milliseconds, in a column.
fn millis(micros: u64) -> String {
    let tenths = micros.saturating_add(50) / 100;
    format!("{:>8} ms", format!("{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::millis;

    #[test]
    fn times_stand_in_a_column() {
        assert_eq!(millis(0), "     0.0 ms");
        assert_eq!(millis(1_949), "     1.9 ms");
        assert_eq!(millis(1_950), "     2.0 ms");
        assert_eq!(millis(61_000_000), " 61000.0 ms");
    }
}
