//! `mayfly server openapi`: the description of the API, without a server.

/// The description of the API as OpenAPI 3.1, in JSON.
pub fn openapi() -> String {
    crate::api::description()
}
