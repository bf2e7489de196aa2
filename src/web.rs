//! The page: what a person sees who opens the gateway's address in a browser. It is complete without its script, and loads
//! nothing from anywhere else. Who is logged in can do something about what it shows; all others look.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, StatusCode};
use ipnet::IpNet;
use maud::Markup;

use crate::api::decoded;
use crate::auth::{Auth, Session, Visitor};
use crate::chat::{Chat, Rights};
use crate::doc::{Text, html as of_doc};
use crate::fridge::Fridge;
use crate::gateway::{Range, Unread};
use crate::history::PastError;
use crate::https::response::{Explanation, WholeResponse, explained, method_not_allowed};
use crate::text::{login as words, page, past};

mod about;
mod act;
mod alarms;
mod asset;
pub mod doctor;
mod form;
mod fridge;
mod icon;
mod layout;
mod login;
mod overview;
mod report;
mod spark;

use form::Form;

/// Who may look at the page, the API and the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether they are there at all.
    pub enabled: bool,
    /// From where one may look.
    pub allow: Vec<IpNet>,
    /// Whether one has to log in, or show a token, to look.
    pub login: bool,
    /// The web sites whose scripts may use the API in a visitor's browser.
    pub origins: Vec<String>,
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
        let allow = PRIVATE.iter().filter_map(|network| network.parse().ok()).collect();
        Config { enabled: true, allow, login: false, origins: Vec::new() }
    }
}

impl Config {
    /// Whether that address may look.
    pub fn is_allowed(&self, peer: IpAddr) -> bool {
        self.enabled && self.allow.iter().any(|network| network.contains(&peer.to_canonical()))
    }
}

/// What nobody but the page itself may do: load or run anything, or send a form; and nobody may put it into a frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Whether a path is the page's.
pub fn owns(path: &str) -> bool {
    matches!(path, "/" | "/alarms" | "/about" | "/doctor" | "/login" | "/logout")
        || ["/fridges/", "/alarms/", "/assets/"].iter().any(|folder| path.starts_with(folder))
}

/// Whether a path is for who is not known yet, too.
fn is_before_login(path: &str) -> bool {
    path == "/login" || path.starts_with("/assets/")
}

/// The page that holds the form which is sent to that path: it is what one comes back to.
fn page_of_form(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((_, "acknowledge")) => "/alarms",
        Some((fridge, "snooze" | "defrost")) => fridge,
        _ => "/",
    }
}

/// Who looks, and at what.
pub struct Visit<'a> {
    /// The gateway's answers.
    pub chat: &'a Arc<Chat>,
    /// Who is logged in.
    pub session: Option<Session>,
    /// Whether anybody can log in.
    pub has_users: bool,
    /// The path and the query, to come back to.
    pub here: &'a str,
}

impl Visit<'_> {
    /// Who may do something about what they see.
    pub fn acting(&self) -> Option<&Session> {
        self.session.as_ref().filter(|session| session.rights == Rights::Act)
    }
}

/// What serves the page, besides what it shows.
pub struct Web {
    /// Knows who is logged in.
    pub auth: Arc<Auth>,
    /// Does what `fridge doctor` does.
    pub examine: Box<doctor::Examine>,
}

impl Web {
    /// Answers a request for one of its paths.
    pub async fn respond(
        &self,
        request: &Request<Bytes>,
        peer: IpAddr,
        visitor: Visitor,
        is_login_needed: bool,
        chat: &Arc<Chat>,
    ) -> WholeResponse {
        let here = match *request.method() {
            Method::POST => page_of_form(request.uri().path()),
            _ => request.uri().path_and_query().map_or("/", PathAndQuery::as_str),
        };
        let has_users = self.auth.has_users();
        let is_known = visitor.is_known();
        let visit = Visit { chat, session: visitor.session, has_users, here };
        let answer = match is_login_needed && !is_known && !is_before_login(request.uri().path()) {
            true => Ok(login::first(here)),
            false => self.answer(request, peer, &visit).await,
        };
        let mut response = answer.unwrap_or_else(|failure| failure.response(&visit));
        let headers = response.headers_mut();
        headers.insert("content-security-policy", HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
        // What it shows is of this moment: it must not come back from a store.
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }

    async fn answer(
        &self,
        request: &Request<Bytes>,
        peer: IpAddr,
        visit: &Visit<'_>,
    ) -> Result<WholeResponse, Failure> {
        let segments: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
        match (request.method().as_str(), &segments[..]) {
            ("GET" | "HEAD", _) => {
                self.look(&segments, request.uri().query().unwrap_or_default(), visit).await
            }
            (
                "POST",
                ["login" | "logout"] | ["alarms", _, "acknowledge"] | ["fridges", _, "snooze" | "defrost"],
            ) => self.post(&segments, &Form::of(request)?, peer, request.headers(), visit).await,
            _ => Ok(method_not_allowed(match &segments[..] {
                ["logout"] | ["alarms", _, "acknowledge"] | ["fridges", _, "snooze" | "defrost"] => "POST",
                ["login"] => "GET, HEAD, POST",
                _ => "GET, HEAD",
            })),
        }
    }

    async fn look(
        &self,
        segments: &[&str],
        query: &str,
        visit: &Visit<'_>,
    ) -> Result<WholeResponse, Failure> {
        let chat = visit.chat;
        let page = match segments {
            [""] => overview::page(visit, query),
            ["alarms"] => alarms::page(visit).await,
            ["about"] => about::page(visit),
            ["login"] => {
                let next = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next");
                let next = next.map_or_else(String::new, |(_, value)| value.into_owned());
                login::page(visit, login::local(&next), None)
            }
            ["doctor"] if visit.session.is_none() => return Ok(login::first(visit.here)),
            ["doctor"] => doctor::page(visit, (self.examine)().await.as_deref()),
            ["assets", name] => return asset::answer(name).ok_or(Failure::not_found()),
            ["fridges", id] => fridge::page(visit, &known(chat, id)?, Range::of(query)).await,
            ["fridges", id, "story"] => fridge::story(chat, &known(chat, id)?, Range::of(query)).await?,
            ["fridges", id, "report"] => return report::page(chat, &known(chat, id)?, query).await,
            ["fridges", id, "readings.csv"] => {
                return report::csv(chat, &known(chat, id)?, Range::of(query)).await;
            }
            ["logout"] | ["alarms", _, "acknowledge"] | ["fridges", _, "snooze" | "defrost"] => {
                return Ok(method_not_allowed("POST"));
            }
            _ => return Err(Failure::not_found()),
        };
        Ok(of_type(page.into_string(), HTML))
    }

    async fn post(
        &self,
        segments: &[&str],
        form: &Form,
        peer: IpAddr,
        headers: &HeaderMap,
        visit: &Visit<'_>,
    ) -> Result<WholeResponse, Failure> {
        let now = visit.chat.gateway().now().mono;
        match segments {
            ["login"] => {
                let response = login::log_in(form, visit, &self.auth, peer).await;
                if response.status() == StatusCode::SEE_OTHER {
                    // Whoever it was before is it no more.
                    self.auth.log_out(headers);
                }
                Ok(response)
            }
            ["logout"] => {
                form.session(visit.session.as_ref())?;
                self.auth.log_out(headers);
                Ok(login::log_out())
            }
            _ if let Some(Err(wait)) = visit.acting().map(|it| self.auth.take_act(&it.user, now)) => {
                Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, words::too_many_acts(wait)))
            }
            ["alarms", number, "acknowledge"] => act::acknowledge(form, visit, number).await,
            ["fridges", id, "snooze"] => act::snooze(form, visit, &known(visit.chat, id)?).await,
            ["fridges", id, _] => act::defrost(form, visit, &known(visit.chat, id)?).await,
            _ => Err(Failure::not_found()),
        }
    }
}

/// The fridge with that id.
fn known(chat: &Chat, id: &str) -> Result<Fridge, Failure> {
    let id = decoded(id);
    let fridge = chat.gateway().fridges().iter().find(|fridge| fridge.id == id);
    fridge.cloned().ok_or_else(Failure::not_found)
}

const HTML: &str = "text/html; charset=utf-8";

fn of_type(text: String, content_type: &'static str) -> WholeResponse {
    let mut response = WholeResponse::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Sends the browser elsewhere, by a GET.
fn see_other(path: &str) -> WholeResponse {
    let mut response = WholeResponse::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    // A path has nothing that a header cannot hold.
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, path);
    response
}

/// A sentence in which backticks mark what is typed.
fn sentence(sentence: &str) -> Markup {
    of_doc::line(&Text::sentence(sentence))
}

/// Why there is no page, for who wanted it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    status: StatusCode,
    sentence: Cow<'static, str>,
}

impl Failure {
    fn new(status: StatusCode, sentence: impl Into<Cow<'static, str>>) -> Failure {
        Failure { status, sentence: sentence.into() }
    }

    fn not_found() -> Failure {
        Failure::new(StatusCode::NOT_FOUND, page::NOT_FOUND)
    }

    /// A page that says so.
    fn response(self, visit: &Visit<'_>) -> WholeResponse {
        let mut response = of_type(layout::failure(visit, &self.sentence).into_string(), HTML);
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
    Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, sentence))
}
