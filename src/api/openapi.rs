//! The OpenAPI document, as docs/openapi.json has it. A test makes it of the types that are sent and of the handlers of the
//! paths, and holds the file against that: so the program need not have what makes it.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::problem::{Document, Problem};
use super::query::Query;
use crate::https::response::WholeResponse;

/// The document.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// This document.
#[utoipa::path(get, operation_id = "openapi", path = "/openapi.json", responses((status = 200, body = Object, description = "OpenAPI 3.1"), (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "There is a parameter that it does not take")))]
pub fn answer(query: &str) -> Result<WholeResponse, Problem> {
    Query::of(query, &[])?;
    let mut response = WholeResponse::new(Bytes::from_static(DOCUMENT.as_bytes()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
    use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
    use utoipa::{Modify, OpenApi};

    use super::super::feed::GatewayEvent;
    use super::super::{acts, alarms, events, fridges, openapi, readings};

    #[derive(OpenApi)]
    #[openapi(
        info(
            title = "fridge",
            description = "How the fridges are, what was measured, and alarms. Temperatures are in °C, ages and lengths of time in whole seconds, moments in RFC 3339. New names may be added to an object, and none is taken away.",
            license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        ),
        servers((url = "/api/v1")),
        paths(
            fridges::list, fridges::one, readings::answer, alarms::answer, events::answer, openapi::answer,
            acts::acknowledge, acts::snooze, acts::defrost,
        ),
        components(schemas(GatewayEvent<'_>)),
        modifiers(&Common),
    )]
    struct Api;

    /// What is true of every path.
    struct Common;

    impl Modify for Common {
        fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
            let token = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("The token of a [[client]]: to act, and where `login` is on, to look"));
            let components = document.components.get_or_insert_default();
            components.add_security_scheme("token", SecurityScheme::Http(token.build()));
            let problem = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            for item in document.paths.paths.values_mut() {
                for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                    for (status, what) in [
                        ("401", "The token is nobody's, or one is needed and there is none"),
                        ("403", "This address may not look, or this client may not act"),
                    ] {
                        let response = ResponseBuilder::new()
                            .description(what)
                            .content("application/problem+json", problem())
                            .build();
                        operation.responses.responses.insert(status.to_owned(), response.into());
                    }
                }
                if let Some(operation) = &mut item.post {
                    let response = ResponseBuilder::new().description("The body has more than 4 KiB").build();
                    operation.responses.responses.insert(String::from("413"), response.into());
                    let response = ResponseBuilder::new()
                        .description("That is too much at once")
                        .content("application/problem+json", problem())
                        .build();
                    operation.responses.responses.insert(String::from("429"), response.into());
                }
            }
        }
    }

    /// The document as JSON.
    fn document() -> String {
        // It is made of names and texts: that is always JSON.
        let mut text = Api::openapi().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    }

    #[test]
    fn the_document_that_is_shipped_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        if std::env::var_os("WRITE_OPENAPI").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        let shipped = std::fs::read_to_string(path).unwrap_or_default();
        assert!(shipped == document(), "run `WRITE_OPENAPI=1 cargo test --lib openapi`");
    }
}
