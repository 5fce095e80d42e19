//! `webhook`: receivers of events.

use super::Context;
use crate::args::Webhook as Verb;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::paths;
use mayfly_wire::webhooks::{RotateRequest, Webhook, WebhookRequest, WebhookSecret};
use serde_json::Value;

/// Does what is wanted with webhooks.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Create { name, url, event, allow_private } => {
            let request = WebhookRequest { name, url, kinds: event, allow_private };
            let answer: WebhookSecret = context.client.post(paths::WEBHOOKS, &request).await?;
            secret(context, &answer)
        }
        Verb::Ls => ls(context).await,
        Verb::Rotate { name, finish } => {
            let path = paths::with(paths::WEBHOOK_ROTATE, &name);
            let answer: Option<WebhookSecret> = context.client.post(&path, &RotateRequest { finish }).await?;
            match answer {
                Some(answer) => secret(context, &answer),
                None => done(context, &name, "signs with its newest secret alone"),
            }
        }
        Verb::Enable { name } => {
            let path = paths::with(paths::WEBHOOK_ENABLE, &name);
            let _: Value = context.client.post(&path, &Value::Null).await?;
            done(context, &name, "is served again")
        }
        Verb::Delete { name } => {
            context.client.delete(&paths::with(paths::WEBHOOK, &name)).await?;
            done(context, &name, "is deleted")
        }
    }
}

/// The secret alone goes to standard output, so that it can be put into a file.
fn secret(context: &Context, answer: &WebhookSecret) -> Result<Exit, Failure> {
    context.output.one(answer, &answer.secret, || format!("{}\n", answer.secret))?;
    if context.output.format == Format::Table {
        context.output.remark(&format!("the secret of {} is not shown again", answer.name));
    }
    Ok(Exit::Done)
}

fn done(context: &Context, name: &str, what: &str) -> Result<Exit, Failure> {
    let done = serde_json::json!({ "name": name, "done": what });
    context.output.one(&done, name, || format!("{} {what}\n", escape::line(name)))?;
    Ok(Exit::Done)
}

async fn ls(context: &Context) -> Result<Exit, Failure> {
    let all: Vec<Webhook> = context.client.all(paths::WEBHOOKS).await?;
    context.output.list(&all, |webhook| webhook.name.clone(), table)?;
    if all.is_empty() && context.output.format == Format::Table {
        context.output.remark("no webhooks");
    }
    Ok(Exit::Done)
}

fn table(all: &[Webhook]) -> Table {
    let mut table = Table::new(&["WEBHOOK", "ENDPOINT", "EVENTS", "STATE", "WAITING", "FAILURE"]);
    for webhook in all {
        let (state, failure) = match &webhook.disabled {
            Some(why) => ("off", why.as_str()),
            None => ("on", webhook.failure.as_deref().unwrap_or_default()),
        };
        let (kinds, waiting) = (webhook.kinds.join(" "), webhook.waiting.to_string());
        table.row(&[&webhook.name, &webhook.endpoint, &kinds, state, &waiting, failure]);
    }
    table
}
