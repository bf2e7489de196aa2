//! Requests as Mattermost's client writes them, and what their answers must be like.

#![allow(dead_code)] // Each test program uses its own part.

use crate::gateway::{Answer, Client};
use crate::served::Served;

/// The content type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A connection to the server, its certificate verified.
pub fn connect(served: &Served) -> Client {
    Client::to(served.address, &served.certificate)
}

/// A request as Mattermost's client writes it.
pub fn request(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: fridge\r\nUser-Agent: Mattermost-Bot/1.1\r\nContent-Length: {}\r\n\
         Accept: application/json\r\nContent-Type: {content_type}\r\nAccept-Encoding: gzip\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Posts to the webhook.
pub fn post(client: &mut Client, content_type: &str, body: &[u8]) -> Answer {
    client.send(&request("POST", "/webhook", content_type, body))
}

/// A refusal has that status, a reason in JSON, and nothing that Mattermost would post.
pub fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert!(body["error"].as_str().is_some_and(|reason| !reason.is_empty()), "{answer:?}");
    assert!(body.get("text").is_none() && body.get("attachments").is_none(), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// The text of an answer that Mattermost posts.
pub fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.header("content-length").is_some() && answer.header("transfer-encoding").is_none());
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body["text"].as_str().unwrap().to_owned()
}
