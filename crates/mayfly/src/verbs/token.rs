//! `token`: tokens for programs that administer over HTTPS.

use super::Context;
use crate::args::Duration;
use crate::escape;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::paths;
use mayfly_wire::tokens::{Token, TokenAnswer, TokenRequest};

/// Makes a token and prints it. Alone it goes to standard output, so that it can be put into a file; the rest are remarks.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn create(
    context: &Context,
    name: String,
    scopes: Vec<String>,
    valid: Duration,
) -> Result<Exit, Failure> {
    let request = TokenRequest { name, scopes, valid_s: Some(valid.seconds) };
    let answer: TokenAnswer = context.client.post(paths::TOKENS, &request).await?;
    context.output.one(&answer, &answer.secret, || format!("{}\n", answer.secret))?;
    if context.output.format == Format::Table {
        let Token { id, scopes, expires_at, .. } = &answer.token;
        context.output.remark(&format!(
            "{id} may {} until {expires_at}; it is not shown again. Take it back with: mayfly token revoke {id}",
            scopes.join(", ")
        ));
    }
    Ok(Exit::Done)
}

/// Lists tokens.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn ls(context: &Context) -> Result<Exit, Failure> {
    let tokens: Vec<Token> = context.client.all(paths::TOKENS).await?;
    context.output.list(&tokens, |token| token.id.clone(), table)?;
    if tokens.is_empty() && context.output.format == Format::Table {
        context.output.remark("no tokens");
    }
    Ok(Exit::Done)
}

fn table(tokens: &[Token]) -> Table {
    let mut table = Table::new(&["TOKEN", "NAME", "SCOPES", "ISSUED", "EXPIRES", "MADE BY"]);
    for token in tokens {
        let Token { id, name, scopes, issued_at, expires_at, made_by } = token;
        table.row(&[id, name, &scopes.join(" "), issued_at, expires_at, made_by]);
    }
    table
}

/// Takes a token back.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn revoke(context: &Context, id: &str) -> Result<Exit, Failure> {
    context.client.delete(&paths::with(paths::TOKEN, id)).await?;
    let done = serde_json::json!({ "id": id, "revoked": true });
    context.output.one(&done, id, || format!("{} is not accepted any more\n", escape::line(id)))?;
    Ok(Exit::Done)
}
