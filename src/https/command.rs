//! `POST` and `GET /command`: Mattermost's slash command, which works in private channels, too. Once the
//! token is right the status is 200: Mattermost shows its user any other one as an error.

use hyper::StatusCode;
use warp::reply::Response;

use super::message::Message;
use super::post;
use super::reception::Reception;
use super::routes::{authenticated, json};

impl Reception {
    /// A command as a POST: a form in the body.
    pub fn command(&self, content_type: Option<&str>, authorization: Option<&str>, body: &[u8]) -> Response {
        match Message::read(content_type, body) {
            Ok(message) => self.run(&message, authorization),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// A command as a GET: the same pairs in the query.
    pub fn command_in_query(&self, authorization: Option<&str>, query: &str) -> Response {
        self.run(&Message::from_form(query.as_bytes()), authorization)
    }

    fn run(&self, message: &Message, authorization: Option<&str>) -> Response {
        // The header has the same token, unless an outgoing OAuth connection took its place.
        let in_header = authorization.and_then(|value| value.strip_prefix("Token ")).map(str::trim);
        let token = if message.token.is_empty() { in_header.unwrap_or_default() } else { &message.token };
        let hook = match self.hook_of(token) {
            Ok(hook) => hook,
            Err(refusal) => return self.refuse(refusal),
        };
        let reply = self.ask(hook, &message.text);
        let post = post::to_command(&reply, hook, self.buttons(hook, &message.channel));
        authenticated(json(StatusCode::OK, &post))
    }
}
