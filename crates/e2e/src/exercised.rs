//! `record check --exercise` as the tests of every kind of target read it.

use crate::Installation;
use anyhow::{Context, Result, ensure};

/// What was printed of trying a record out.
#[derive(Debug)]
pub struct Exercised {
    /// Whether everything went well.
    pub passed: bool,
    /// The session, as the trail names it.
    pub session: String,
    /// Each step, how it went, and what is said of it.
    pub steps: Vec<(String, String, String)>,
    /// What is to be done, of all steps.
    pub next: Vec<String>,
    /// All that was printed.
    pub text: String,
}

impl Exercised {
    /// Tries a record out and reads what is printed. Every step that was tried has a time, or is a verdict.
    ///
    /// # Errors
    /// When it is not begun, or what is printed is not what is to be.
    pub fn of(installation: &Installation, record: &str) -> Result<Self> {
        let output = installation.run(&["-o", "json", "record", "check", record, "--exercise"])?;
        let (text, said) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
        let answer: serde_json::Value = serde_json::from_str(&text).with_context(|| format!("{text}\n{said}"))?;
        let passed = answer["passed"].as_bool().context("a verdict")?;
        ensure!(output.status.code() == Some(if passed { 0 } else { 12 }), "{:?}: {text}", output.status);
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let (mut steps, mut next) = (Vec::new(), Vec::new());
        for step in answer["steps"].as_array().context("steps")? {
            let timed = step["took_us"].is_u64() || ["over", "launch"].contains(&word(&step["step"]).as_str());
            ensure!(timed || step["went"] == "not_tried", "a step without a time: {step}");
            steps.push((word(&step["step"]), word(&step["went"]), word(&step["what"])));
            next.extend(step["next"].as_array().context("what to do")?.iter().map(word));
        }
        Ok(Self { passed, session: word(&answer["session"]), steps, next, text })
    }

    /// What is said of the last step of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn step(&self, name: &str) -> Result<(&str, &str)> {
        let found = self.steps.iter().rev().find(|(step, ..)| step == name);
        found.map(|(_, went, what)| (went.as_str(), what.as_str())).with_context(|| format!("no {name} in {self:#?}"))
    }

    /// Expects that everything went well: these steps among others, in this order.
    ///
    /// # Errors
    /// What did not.
    pub fn expect(&self, wanted: &[&str]) -> Result<()> {
        ensure!(self.passed && self.next.is_empty(), "{self:#?}");
        let mut steps = self.steps.iter();
        for name in wanted {
            let found = steps.find(|(step, ..)| step == name);
            ensure!(found.is_some_and(|(_, went, _)| went == "well"), "{name} is not where it should be: {self:#?}");
        }
        Ok(())
    }
}
