//! A message as ntfy takes it (its "publish as JSON"): the topic is the last part of the target's address, and all goes
//! to the address before it.

use hyper::Uri;
use serde::Serialize;

use super::{Context, severity};
use crate::chat::Severity;
use crate::doc::terminal;
use crate::recorder::Parcel;
use crate::text::alarm;

/// ntfy takes messages of 4,096 bytes; what is longer becomes a file, or is refused.
const MOST_BYTES: usize = 3_800;

#[derive(Serialize)]
struct Payload<'a> {
    topic: &'a str,
    title: String,
    message: String,
    /// 1 to 5, where 3 is usual.
    priority: u8,
    /// ntfy shows those that are names of emojis as such.
    tags: [&'static str; 1],
}

/// The address without its topic, and the topic; `None` where it has none.
pub fn split(uri: &Uri) -> Option<(Uri, String)> {
    let (folder, topic) = uri.path().trim_end_matches('/').rsplit_once('/')?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("{folder}/{query}").parse().ok();
    Some((Uri::from_parts(parts).ok()?, topic.to_owned())).filter(|_| !topic.is_empty())
}

/// The body.
pub fn payload(parcel: &Parcel, topic: &str, context: &Context) -> Vec<u8> {
    let message = &parcel.message;
    let now = (context.clock)().wall;
    let headline = alarm::headline(message, context.gateway.as_deref(), context.is_simulated);
    let severity = severity(message);
    let priority = match severity {
        Severity::Critical => 5,
        Severity::Warning => 4,
        Severity::Pending | Severity::Ok | Severity::Info => 3,
    };
    let payload = Payload {
        topic,
        title: terminal::line(&headline),
        message: shortened(terminal::render(&alarm::lines(message, context.units, now), false).trim()),
        priority,
        tags: [severity.emoji().trim_matches(':')],
    };
    // It has no maps with other keys than text, so it always has a JSON.
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// The lines that have room.
fn shortened(text: &str) -> String {
    if text.len() <= MOST_BYTES {
        return text.to_owned();
    }
    let mut short = String::new();
    for line in text.lines().take_while(|line| line.len() < MOST_BYTES) {
        if short.len() + line.len() + 1 > MOST_BYTES {
            break;
        }
        short.extend([line, "\n"]);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_at_a_line() {
        let line = "x".repeat(500);
        let long = [line.as_str(); 20].join("\n");
        let short = shortened(&long);
        assert!(short.len() <= 4_096 && short.ends_with("x\n…"), "{}", short.len());
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn the_last_part_of_the_address_is_the_topic() {
        let split = |uri: &str| {
            let (uri, topic) = split(&uri.parse().unwrap())?;
            Some((uri.to_string(), topic))
        };
        let to = |uri: &str, topic: &str| Some((uri.to_owned(), topic.to_owned()));
        assert_eq!(split("https://ntfy.sh/kitchen"), to("https://ntfy.sh/", "kitchen"));
        assert_eq!(split("https://a.org/push/kitchen/?auth=x"), to("https://a.org/push/?auth=x", "kitchen"));
        assert_eq!(split("https://ntfy.sh/"), None);
    }
}
