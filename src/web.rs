//! The page: what a person sees who opens the gateway's address in a browser. It is complete without its script, loads
//! nothing from anywhere else, and changes nothing.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use ipnet::IpNet;

use crate::api::decoded;
use crate::chat::Chat;
use crate::fridge::Fridge;
use crate::gateway::{Range, Unread};
use crate::history::PastError;
use crate::https::response::{Explanation, WholeResponse, explained, method_not_allowed};
use crate::text::{page, past};

mod about;
mod alarms;
mod asset;
mod fridge;
mod icon;
mod layout;
mod overview;
mod report;
mod spark;

/// Who may look at the page, the API and the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether they are there at all.
    pub enabled: bool,
    /// From where one may look.
    pub allow: Vec<IpNet>,
}

/// Networks that are nobody's on the Internet: this machine, private ones (RFC 1918, RFC 4193) and those of a single link
/// (RFC 3927, RFC 4291).
const PRIVATE: [&str; 8] = [
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

impl Default for Config {
    fn default() -> Self {
        // They are written correctly.
        Config { enabled: true, allow: PRIVATE.iter().filter_map(|network| network.parse().ok()).collect() }
    }
}

impl Config {
    /// Whether that address may look.
    pub fn is_allowed(&self, peer: IpAddr) -> bool {
        self.enabled && self.allow.iter().any(|network| network.contains(&peer.to_canonical()))
    }
}

/// What nobody but the page itself may do with it: load or run anything, send a form, or put it into a frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether a path is the page's.
pub fn owns(path: &str) -> bool {
    matches!(path, "/" | "/alarms" | "/about")
        || path.starts_with("/fridges/")
        || path.starts_with("/assets/")
}

/// Answers a request for one of its paths.
pub async fn respond(head: &Parts, chat: &Arc<Chat>) -> WholeResponse {
    let mut response = match answer(head, chat).await {
        Ok(response) => response,
        Err(failure) => failure.response(chat),
    };
    let headers = response.headers_mut();
    headers.insert("content-security-policy", HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    // What it shows is of this moment: it must not come back from a store.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn answer(head: &Parts, chat: &Arc<Chat>) -> Result<WholeResponse, Failure> {
    if !matches!(head.method.as_str(), "GET" | "HEAD") {
        return Ok(method_not_allowed("GET, HEAD"));
    }
    let query = head.uri.query().unwrap_or_default();
    let segments: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
    let page = match segments[..] {
        [""] => overview::page(chat, query),
        ["alarms"] => alarms::page(chat).await,
        ["about"] => about::page(chat),
        ["assets", name] => return asset::answer(name).ok_or(Failure::NOT_FOUND),
        ["fridges", id] => fridge::page(chat, &known(chat, id)?, Range::of(query)).await,
        ["fridges", id, "story"] => fridge::story(chat, &known(chat, id)?, Range::of(query)).await?,
        ["fridges", id, "report"] => return report::page(chat, &known(chat, id)?, query).await,
        ["fridges", id, "readings.csv"] => {
            return report::csv(chat, &known(chat, id)?, Range::of(query)).await;
        }
        _ => return Err(Failure::NOT_FOUND),
    };
    Ok(of_type(page.into_string(), HTML))
}

/// The fridge with that id.
fn known(chat: &Chat, id: &str) -> Result<Fridge, Failure> {
    let id = decoded(id);
    let fridge = chat.gateway().fridges().iter().find(|fridge| fridge.id == id);
    fridge.cloned().ok_or(Failure::NOT_FOUND)
}

const HTML: &str = "text/html; charset=utf-8";

fn of_type(text: String, content_type: &'static str) -> WholeResponse {
    let mut response = WholeResponse::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Why there is no page, for who wanted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failure {
    status: StatusCode,
    sentence: &'static str,
}

impl Failure {
    const NOT_FOUND: Failure = Failure { status: StatusCode::NOT_FOUND, sentence: page::NOT_FOUND };

    /// A page that says so.
    fn response(self, chat: &Chat) -> WholeResponse {
        let mut response = of_type(layout::failure(chat, self.sentence).into_string(), HTML);
        *response.status_mut() = self.status;
        explained(response, Explanation::of_status(self.status, self.sentence))
    }
}

/// What was read of the past; or why nothing was. What the disk says is for the owner, in the log and by `fridge doctor`: it
/// names files.
fn read<T>(read: Result<Result<T, PastError>, Unread>) -> Result<T, Failure> {
    let sentence = match read {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(PastError::Nothing(_))) => page::NOTHING_KEPT,
        Ok(Err(PastError::Store(_))) => page::UNREADABLE,
        Err(Unread::Busy) => past::BUSY,
        Err(Unread::Slow) => past::SLOW,
    };
    Err(Failure { status: StatusCode::SERVICE_UNAVAILABLE, sentence })
}
