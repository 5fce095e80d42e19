//! `ls`: people, credentials and resources.

use super::Context;
use crate::args::Kind;
use crate::failure::{Exit, Failure};
use crate::output::{Format, Table};
use mayfly_wire::objects::Listed;
use mayfly_wire::paths;

/// Lists the objects of these kinds, of every kind where none is named, that hold the text.
///
/// # Errors
/// As the server's answer says.
pub(super) async fn run(context: &Context, kinds: &[Kind], query: Option<&str>) -> Result<Exit, Failure> {
    let mut objects: Vec<Listed> = context.client.all(paths::OBJECTS).await?;
    let all = objects.len();
    objects.retain(|object| fits(object, kinds, query.unwrap_or_default()));
    context.output.list(&objects, |object| object.name.clone(), table)?;
    if objects.is_empty() && context.output.format == Format::Table {
        context.output.remark(match all {
            0 => "there are no objects yet: `mayfly apply -f FILE` makes them",
            _ => "no object fits: `mayfly ls` shows all",
        });
    }
    Ok(Exit::Done)
}

/// Whether an object is of one of the kinds and holds the text, whatever the case.
fn fits(object: &Listed, kinds: &[Kind], query: &str) -> bool {
    let of_kind = kinds.is_empty() || kinds.iter().any(|kind| kind.is(&object.kind));
    let query = query.to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&query);
    of_kind && (holds(&object.name) || holds(&object.summary) || holds(&labels(object)))
}

fn labels(object: &Listed) -> String {
    let pairs: Vec<_> = object.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(",")
}

fn table(objects: &[Listed]) -> Table {
    let mut table = Table::new(&["KIND", "NAME", "SECRET", "LABELS", "SUMMARY"]);
    for object in objects {
        let secret = match object.has_secret {
            Some(true) => "set",
            Some(false) => "NOT SET",
            None => "",
        };
        table.row(&[&object.kind, &object.name, secret, &labels(object), &object.summary]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_text_both_have_to_fit() {
        let object = Listed {
            kind: "Database".to_owned(),
            name: "orders".to_owned(),
            labels: [("env".to_owned(), "prod".to_owned())].into(),
            summary: "DB1.example.com:5432".to_owned(),
            has_secret: None,
        };
        assert!(fits(&object, &[], ""));
        assert!(fits(&object, &[Kind::Machine, Kind::Database], "ORD"));
        assert!(fits(&object, &[], "db1.example"));
        assert!(fits(&object, &[], "env=prod"));
        assert!(!fits(&object, &[], "env=test"));
        assert!(!fits(&object, &[Kind::User], "orders"));
    }
}
