//! `export`: objects as YAML that can be applied again.

use super::Context;
use crate::args::Kind;
use crate::client::with_parameters;
use crate::failure::{Exit, Failure};
use clap::ValueEnum as _;
use mayfly_wire::paths;

/// Writes objects out. YAML is what it is for, whatever form of results is asked for.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, kind: Option<Kind>) -> Result<Exit, Failure> {
    let kind = kind.and_then(|kind| kind.to_possible_value()).map(|kind| kind.get_name().to_owned());
    let path = with_parameters(paths::EXPORT, &[("kind", kind.as_deref())]);
    context.output.write(&context.client.text(&path).await?)?;
    Ok(Exit::Done)
}
