//! The description of the API as OpenAPI 3.1, made of the handlers themselves. It is committed as `docs/openapi.json`, and a test
//! compares the two.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use mayfly_wire::problem::{MEDIA_TYPE, Problem};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

/// The description of the API.
fn document() -> OpenApi {
    let (_, mut document) = super::operations().split_for_parts();
    document.info = InfoBuilder::new()
        .title("Mayfly")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Accounts that exist for one session. Times are RFC 3339 in UTC, durations whole seconds in fields that end in `_s`, \
             lists pages with a cursor, refusals RFC 9457 problems. Fields are only ever added.",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    let mut token = Http::new(HttpAuthScheme::Bearer);
    token.description =
        Some("A token made with `mayfly token create`; the scopes are what it has to be for.".to_owned());
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let mut socket = Http::new(HttpAuthScheme::Bearer);
    socket.description = Some(
        "No token is enough: this is done over the server's local socket, by root or the server's own user.".to_owned(),
    );
    components.add_security_scheme("socket", SecurityScheme::Http(socket));
    let mut person = Http::new(HttpAuthScheme::Bearer);
    person.description = Some(
        "The token of a person who has signed in with `POST /v1/login`; it reaches what is theirs and nothing else."
            .to_owned(),
    );
    components.add_security_scheme("person", SecurityScheme::Http(person));
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        operations.into_iter().flatten().for_each(complete);
    }
    document
}

/// What the handlers cannot say by themselves: a name of its own for each operation, and that every one can be refused, always in
/// the same form.
fn complete(operation: &mut Operation) {
    if let (Some(tag), Some(id)) = (operation.tags.as_ref().and_then(|tags| tags.first()), &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            "Done".clone_into(&mut response.description);
        }
    }
    let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let refused =
        ResponseBuilder::new().description("What was wrong, where, and what to do").content(MEDIA_TYPE, content);
    operation.responses.responses.insert("default".to_owned(), RefOr::T(refused.build()));
}

/// The description, for whoever asks.
pub(super) async fn serve() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], text())
}

/// The description as text, the same each time.
pub(crate) fn text() -> String {
    document().to_pretty_json().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    /// What is committed is what is served: whoever changes the API sees the change in the document too.
    #[test]
    fn the_committed_document_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let text = super::text() + "\n";
        if std::env::var_os("MAYFLY_BLESS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == text, "docs/openapi.json is not what is served: run this test with MAYFLY_BLESS=1");
    }

    #[test]
    fn every_path_is_described_and_every_reference_leads_somewhere() {
        let document: serde_json::Value = serde_json::from_str(&super::text()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let described = document["paths"].as_object().unwrap();
        let operations = described.values().flat_map(|path| path.as_object().unwrap().values());
        let ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), different.len(), "{ids:?}");
        let paths = include_str!("../../../wire/src/paths.rs");
        let known =
            paths.lines().filter(|line| line.starts_with("pub const")).filter_map(|line| line.split('"').nth(1));
        for path in known.filter(|path| *path != mayfly_wire::paths::OPENAPI) {
            assert!(described.contains_key(path), "{path} is not described");
        }
        let text = document.to_string();
        let references =
            text.split("\"$ref\":\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let missing: Vec<&str> = references.filter(|name| !schemas.contains_key(*name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
