//! `POST /action`: a pressed button or a chosen line of a menu. It comes without a token, so its context
//! must be one that this gateway signed, for this channel, not too long ago. Whatever is wrong with it
//! is told to the one who pressed, with status 200: Mattermost shows any other as an error of ours.

use hyper::StatusCode;
use serde_json::Value;
use warp::reply::Response;

use super::Hook;
use super::message::{MediaType, media_type, object};
use super::post::{Pressed, to_presser};
use super::reception::Reception;
use super::refusals::Refusal;
use super::routes::json;
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
    chosen: Option<&'a str>,
    hook: &'a Hook,
    channel: &'a str,
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
        let pressed = match self.press(&payload) {
            Ok(press) => self.act(&press),
            Err(why) => {
                self.note(Refusal::Button(why));
                to_presser(why.to_owned())
            }
        };
        json(StatusCode::OK, &pressed)
    }

    fn press<'a>(&'a self, payload: &'a serde_json::Map<String, Value>) -> Result<Press<'a>, &'static str> {
        let text = |key: &str| payload.get(key).and_then(Value::as_str);
        let context = payload.get("context").ok_or(english::FOREIGN_BUTTON)?;
        let chosen = context.get("selected_option").and_then(Value::as_str);
        let context: Context =
            serde_json::from_value(context.clone()).map_err(|_| english::FOREIGN_BUTTON)?;
        if !self.key.signed(&context) {
            return Err(english::FOREIGN_BUTTON);
        }
        if (self.gateway.clock)().wall.as_second() > context.expires {
            return Err(english::EXPIRED_BUTTON);
        }
        let channel = text("channel_id")
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
