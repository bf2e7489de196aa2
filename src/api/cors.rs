//! Which other web sites' scripts may use the API in a visitor's browser: none but those that the configuration names, and
//! never with the visitor's session (Cross-Origin Resource Sharing, <https://fetch.spec.whatwg.org>).

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, StatusCode};

use crate::https::response::WholeResponse;

/// The answer to a browser that asks before it asks, for a site that may; `None` for anything else.
pub fn preflight(method: &Method, headers: &HeaderMap, origins: &[String]) -> Option<WholeResponse> {
    let asks = method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    named(headers, origins).filter(|_| asks)?;
    let mut response = WholeResponse::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, Last-Event-ID"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Lets a site that is named read the response.
pub fn allow(request: &HeaderMap, response: &mut HeaderMap, origins: &[String]) {
    if origins.is_empty() {
        return;
    }
    response.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = named(request, origins) {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

fn named<'a>(headers: &'a HeaderMap, origins: &[String]) -> Option<&'a HeaderValue> {
    headers.get(ORIGIN).filter(|origin| origins.iter().any(|named| named.as_bytes() == origin.as_bytes()))
}
