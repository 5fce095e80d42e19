//! `record create` and `user create`: what is not there yet, from a template in the editor or from a few options. Both are an `apply` against
//! the revision at which nothing of that name was there.

use super::{Context, apply, edit};
use crate::args::{Kind, Template};
use crate::ask;
use crate::failure::{Exit, Failure};
use mayfly_server::cli::{OsEntropy, PasswordHash, Secret};
use mayfly_wire::objects::{Action, ApplyAnswer};
use mayfly_wire::paths;

/// What stands above a template.
const HEAD: &str =
    "# What is written here is made when you leave the editor; nothing is made when nothing was changed.\n";

/// Lets a person write a record and its administrative credential from a template, and makes both.
///
/// # Errors
/// When something of that name is there, the editor fails, or what was written is at fault. It is kept then, and the file named.
pub(super) async fn record(context: &Context, template: Template, name: &str) -> Result<Exit, Failure> {
    let (kind, text) = match template {
        Template::Database => {
            (Kind::Database, filled(include_str!("../../../../docs/examples/orders.yaml"), "orders", name))
        }
        Template::Machine => {
            (Kind::Machine, filled(include_str!("../../../../docs/examples/web01.yaml"), "web01", name))
        }
    };
    absent(context, Kind::RECORDS, name, &format!("mayfly record edit {name}")).await?;
    let Some(file) = edit::written(&text).await? else {
        context.output.remark("nothing was changed, so nothing was made");
        return Ok(Exit::Done);
    };
    let made = match apply::written(file.path()) {
        Ok(documents) => make(context, documents, &format!("{kind:?}/{name}")).await,
        Err(failure) => Err(failure),
    };
    made.map_err(|failure| edit::kept(file, failure))
}

/// Makes a person, whose password is asked for.
///
/// # Errors
/// When somebody of that name is there, no usable password was typed, or a record does not exist.
pub(super) async fn user(context: &Context, name: &str, may_launch: &[String]) -> Result<Exit, Failure> {
    absent(context, &[Kind::Person], name, &format!("mayfly user edit {name}")).await?;
    let password = ask::new_password(context.no_input)?;
    let hash = PasswordHash::make(&Secret::new(password.to_string()), &mut OsEntropy)
        .map_err(|error| Failure::usage(error.to_string()))?;
    // Names are of an alphabet that means nothing to YAML, and so is a hash.
    let documents = format!(
        "kind: Person\nname: {name}\nspec:\n  password_hash: \"{}\"\n  may_launch: [{}]\n",
        hash.as_str(),
        may_launch.join(", ")
    );
    make(context, documents, &format!("Person/{name}")).await
}

/// The example without its person, for a record of this name.
fn filled(example: &str, of: &str, name: &str) -> String {
    let records = example.split_once("---\n").map_or(example, |(_, records)| records);
    format!("{HEAD}{}", records.replace(of, name))
}

async fn absent(context: &Context, kinds: &[Kind], name: &str, instead: &str) -> Result<(), Failure> {
    match edit::find(context, kinds, name).await {
        Ok(object) => Err(Failure::own(Exit::Conflict, format!("there is {object} already")).hint(instead)),
        Err(failure) if failure.exit() == Exit::NotFound => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Applies documents of which all are new and one is the object that was asked for.
async fn make(context: &Context, documents: String, object: &str) -> Result<Exit, Failure> {
    let seen = edit::tried(context, documents.clone(), Vec::new()).await?;
    if let Some(other) = seen.objects.iter().find(|applied| applied.action != Action::Created) {
        let text = format!("{} is there already: only what is new is made here", other.object);
        return Err(Failure::own(Exit::Conflict, text));
    }
    if !seen.objects.iter().any(|applied| applied.object == object) {
        return Err(Failure::usage(format!("{object} is not among what was written")));
    }
    let request = edit::request(documents, Vec::new(), false);
    let answer: ApplyAnswer = context.client.post_if(paths::OBJECTS, &request, Some(seen.revision)).await?;
    context.output.one(&answer, object, || apply::text(&answer))?;
    Ok(Exit::Done)
}
