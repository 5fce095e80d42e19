//! A program that waits for lines and stays between them, as `psql` and a shell do: fed with one line at a time, and read up
//! to the end of its answer.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What marks the end of an answer.
const MARK: &str = "--- end of the answer ---";

/// The program. It is killed when it is dropped.
#[derive(Debug)]
pub struct Prompt {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What ends a line, and what makes the program print the mark after it.
    ends: (&'static str, &'static str),
}

impl Prompt {
    /// Starts the program and does not wait for anything. A line ends with `end`, and `echo`, with a text in place of `{}`, makes the
    /// program print that text.
    pub(crate) fn start(command: &mut Command, end: &'static str, echo: &'static str) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the client cannot be started")?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("the client has an output")?);
        Ok(Self { child, input, output, ends: (end, echo) })
    }

    /// Gives it a line and returns its answer.
    ///
    /// # Errors
    /// When it has ended, with what it said.
    pub fn query(&mut self, line: &str) -> Result<String> {
        let input = self.input.as_mut().context("the client is closed")?;
        let (end, echo) = self.ends;
        // One that has ended takes no more; what it said is the answer then.
        let _ = input.write_all(format!("{line}{end}\n{}\n", echo.replace("{}", MARK)).as_bytes());
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                anyhow::bail!("the client ended: {}", self.said()?);
            }
            if line.trim_end() == MARK {
                return Ok(all.trim().to_owned());
            }
            all.push_str(&line);
        }
    }

    /// Waits for it to end and gives what it wrote to standard error.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn said(&mut self) -> Result<String> {
        self.input = None;
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            std::io::Read::read_to_string(&mut errors, &mut text)?;
        }
        self.child.wait()?;
        Ok(text)
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Leaves, as a person does at the end of what they had to say.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn leave(mut self) -> Result<()> {
        self.input = None;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
