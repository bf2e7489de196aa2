//! The OpenAPI document.

use hyper::StatusCode;

use crate::https::response::{WholeResponse, json};

pub fn answer() -> WholeResponse {
    json(StatusCode::OK, &serde_json::json!({}))
}
