//! `audit tail` and `audit show`: the last entries of the trail and those that follow, and one of them.

use super::Context;
use crate::args::Count;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::Format;
use mayfly_wire::audit::AuditAnswer;
use mayfly_wire::paths;
use serde_json::Value;
use std::time::Duration;

/// The most entries of one answer.
const PAGE: u64 = 1000;

/// How often the server is asked for what is new.
const EVERY: Duration = Duration::from_secs(1);

/// What is shown of an entry beside its number, time and kind, in this order.
const SHOWN: &[&str] = &["actor", "person", "record", "session", "connection", "change", "target", "account", "group"];

/// Prints the last entries; with `follow` goes on until it is interrupted.
///
/// # Errors
/// As the server's answer says; a list without an end has no whole JSON form.
pub(super) async fn tail(context: &Context, count: Count, follow: bool) -> Result<Exit, Failure> {
    if follow && matches!(context.output.format, Format::Json | Format::Yaml) {
        return Err(Failure::usage("a list without an end has no such form").hint("mayfly audit tail -f -o jsonl"));
    }
    let size = read(context, None, 0).await?.size;
    let mut next = match count {
        Count::All => 0,
        Count::Last(count) => size.saturating_sub(count),
    };
    let mut entries = Vec::new();
    // Only what was there at first is wanted, or a busy server would never let us come to an end.
    while next < size {
        let page = read(context, Some(next), PAGE.min(size - next)).await?;
        if page.entries.is_empty() {
            return Err(Failure::unexpected(format!("the server has {size} entries and does not give entry {next}")));
        }
        next += page.entries.len() as u64;
        entries.extend(page.entries);
    }
    print(context, &entries)?;
    if follow { watch(context, next).await } else { Ok(Exit::Done) }
}

/// Prints one entry, every field of it.
///
/// # Errors
/// As the server's answer says, and when the trail has no such entry.
pub(super) async fn show(context: &Context, number: u64) -> Result<Exit, Failure> {
    let page = read(context, Some(number), 1).await?;
    let entry = page.entries.first().ok_or_else(|| {
        let text = format!("the trail has no entry {number}: it has {}, the first of which is 0", page.size);
        Failure::own(Exit::NotFound, text).hint("mayfly audit tail")
    })?;
    if context.output.format == Format::Jsonl {
        return context.output.raw_json(entry).map(|()| Exit::Done);
    }
    let value = parse(entry);
    context.output.one(&value, &number.to_string(), || whole(&value))?;
    Ok(Exit::Done)
}

/// Every field of an entry, a line each, those of `detail` among them.
fn whole(value: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let at = value["at_us"].as_i64().and_then(|us| jiff::Timestamp::from_microsecond(us).ok());
    let mut pairs = vec![("at".to_owned(), at.map_or_else(String::new, |at| format!("{at:.6}")))];
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(detail) => pairs.extend(detail.iter().map(|(name, value)| (name.clone(), text(value)))),
            value => pairs.push((name.clone(), text(value))),
        }
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    super::facts(&pairs)
}

/// Prints the entries from number `next` on as they are written. Ends only with a failure, or the process.
async fn watch(context: &Context, mut next: u64) -> Result<Exit, Failure> {
    loop {
        tokio::time::sleep(EVERY).await;
        let page = read(context, Some(next), PAGE).await?;
        if page.size < next {
            return Err(Failure::unexpected(format!("the trail had {next} entries and now has {}", page.size))
                .hint("mayfly audit verify"));
        }
        next += page.entries.len() as u64;
        print(context, &page.entries)?;
    }
}

async fn read(context: &Context, from: Option<u64>, limit: u64) -> Result<AuditAnswer, Failure> {
    let from = from.map(|from| format!("from={from}&")).unwrap_or_default();
    context.client.get(&format!("{}?{from}limit={limit}", paths::AUDIT)).await
}

/// Prints entries: as lines for people, as the very bytes that are hashed for `jsonl`.
fn print(context: &Context, entries: &[String]) -> Result<(), Failure> {
    let output = &context.output;
    match output.format {
        Format::Jsonl => entries.iter().try_for_each(|entry| output.raw_json(entry)),
        Format::Json | Format::Yaml => {
            let parsed: Result<Vec<Value>, _> = entries.iter().map(|entry| serde_json::from_str(entry)).collect();
            let parsed =
                parsed.map_err(|error| Failure::unexpected(format!("an entry of the trail is not JSON: {error}")))?;
            output.json(&serde_json::json!({ "items": parsed, "next": null }))
        }
        Format::Table => output.write(&entries.iter().map(|entry| line(entry)).collect::<String>()),
        Format::Csv | Format::Cef | Format::Ocsf => {
            Err(Failure::usage("the tail of the trail has no such form").hint("mayfly audit export -o csv"))
        }
        Format::Name => {
            let number = |entry: &String| parse(entry)["seq"].to_string() + "\n";
            output.write(&entries.iter().map(number).collect::<String>())
        }
    }
}

fn parse(entry: &str) -> Value {
    serde_json::from_str(entry).unwrap_or_default()
}

/// One entry on one line: number, time, kind, then what it is about, then why.
pub(super) fn line(entry: &str) -> String {
    let value = parse(entry);
    let at = value["at_us"].as_i64().and_then(|us| jiff::Timestamp::from_microsecond(us).ok());
    let at = at.map_or_else(|| "(no time)".to_owned(), |at| format!("{at:.3}"));
    let mut line =
        format!("{:>6}  {at}  {:<24}", value["seq"].to_string(), value["kind"].as_str().unwrap_or("(not an entry)"));
    let mut add = |name: &str, value: &Value| {
        if let Some(text) = value.as_str() {
            line.push_str(&format!("  {name}={text}"));
        }
    };
    for name in SHOWN {
        add(name, &value[*name]);
    }
    for (name, text) in value["detail"].as_object().into_iter().flatten() {
        add(name, text);
    }
    if let Some(reason) = value["reason"].as_str() {
        line.push_str(&format!("  ({reason})"));
    }
    escape::line(&line) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_that_says_what_happened() {
        let entry = r#"{"actor":"person:alice","at_us":1764000000000000,"detail":{"b":"2"},"kind":"session.launched","reason":"why\nnot","record":"orders","seq":12}"#;
        assert_eq!(
            line(entry),
            "    12  2025-11-24T16:00:00.000Z  session.launched          actor=person:alice  record=orders  b=2  (why\\u{a}not)\n"
        );
        assert!(line("nonsense").contains("(not an entry)"));
    }
}
