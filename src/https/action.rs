//! `POST /action`: a pressed button or a chosen line of a menu. It comes without a token, so its context
//! must be one that this gateway signed, for this channel, not too long ago. Whatever is wrong with it
//! is told to the one who pressed, with status 200: Mattermost shows any other as an error of ours.

use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use warp::reply::Response;

use super::Hook;
use super::message::{MediaType, media_type, object, text};
use super::post::{Pressed, to_presser};
use super::reception::Reception;
use super::refusals::Refusal;
use super::routes::{authenticated, json};
use super::signature::Context;
use crate::chat::english;

mod details;
mod refresh;

/// The ids of the buttons, which are also what their contexts say.
pub const REFRESH: &str = "refresh";
/// See [`REFRESH`].
pub const DETAILS: &str = "details";

/// A button that holds: what it says, and what was chosen from its menu.
struct Press<'a> {
    context: Context,
    chosen: Option<String>,
    hook: &'a Hook,
    channel: String,
}

/// What Mattermost sends, as far as it matters here.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    channel_id: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

/// What Mattermost adds to the context of a menu.
#[derive(Deserialize)]
struct Chosen<'a> {
    #[serde(borrow)]
    selected_option: Option<&'a RawValue>,
}

impl Reception {
    /// Does what the button says.
    pub fn action(&self, content_type: Option<&str>, body: &[u8]) -> Response {
        if media_type(content_type) != Some(MediaType::Json) {
            return self.refuse(Refusal::ContentType);
        }
        let payload = match object(body) {
            Ok(payload) => payload,
            Err(refusal) => return self.refuse(refusal),
        };
        let mut answer = match self.press(&payload) {
            Ok(press) => authenticated(json(StatusCode::OK, &self.act(&press))),
            Err(why) => {
                self.note(Refusal::Button(why));
                json(StatusCode::OK, &to_presser(why.to_owned()))
            }
        };
        // Mattermost opens a connection for each press, keeps it for 90 s, and never uses it again.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }

    fn press(&self, payload: &Payload<'_>) -> Result<Press<'_>, &'static str> {
        let context = payload.context.ok_or(english::FOREIGN_BUTTON)?.get().as_bytes();
        let chosen: Chosen<'_> = object(context).map_err(|_| english::FOREIGN_BUTTON)?;
        let chosen = chosen.selected_option.and_then(text);
        let context: Context = object(context).map_err(|_| english::FOREIGN_BUTTON)?;
        if !self.key.signed(&context) {
            return Err(english::FOREIGN_BUTTON);
        }
        if (self.gateway.clock)().wall.as_second() > context.expires {
            return Err(english::EXPIRED_BUTTON);
        }
        let channel = payload
            .channel_id
            .and_then(text)
            .filter(|channel| *channel == context.channel)
            .ok_or(english::BUTTON_OF_ANOTHER_CHANNEL)?;
        let hook =
            self.hooks.iter().find(|hook| hook.name == context.hook).ok_or(english::BUTTON_WITHOUT_HOOK)?;
        Ok(Press { context, chosen, hook, channel })
    }

    fn act(&self, press: &Press<'_>) -> Pressed {
        match press.context.action.as_str() {
            REFRESH => refresh::act(self, press),
            DETAILS => details::act(self, press),
            _ => to_presser(english::FOREIGN_BUTTON.to_owned()),
        }
    }
}
