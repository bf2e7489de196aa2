//! The messages of other gateways, as docs/fleet.md describes them; whatever else arrives is none.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::chat::data::AlarmRow;
use crate::fridge::Limits;
use crate::notify::mqtt::SCHEMA;
use crate::reading::{Celsius, Fault, Sample};

/// What is subscribed to.
pub const FILTERS: [&str; 6] = [
    "fridge/+/status",
    "fridge/+/fridges/+",
    "fridge/+/readings",
    "fridge/+/alarms",
    "fridge/+/alarm",
    "fridge/+/acted",
];
/// The longest name of a gateway in a topic, in bytes: each of its characters may be written as three.
const LONGEST_GATEWAY: usize = 120;
/// The longest name of a fridge, of a group, or of a gateway as people call it, in characters.
const LONGEST_NAME: usize = 200;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// Whether the gateway lives.
    Status,
    /// How the fridge of that id, as topics write it, is.
    Fridge(&'a str),
    /// What was read.
    Readings,
    /// Which alarms are open.
    Alarms,
    /// A change of one of them.
    Alarm,
    /// What the gateway of that name has asked about the past.
    Answer(&'a str),
    /// What became of something that it was asked to do.
    Acted,
}

/// The gateway of a topic, and what its messages are about.
pub fn parts(topic: &str) -> Option<(&str, About<'_>)> {
    let (gateway, rest) = topic.strip_prefix("fridge/")?.split_once('/')?;
    let is_level =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if gateway.is_empty() || gateway.len() > LONGEST_GATEWAY || !gateway.bytes().all(is_level) {
        return None;
    }
    let about = match rest {
        "status" => About::Status,
        "readings" => About::Readings,
        "alarms" => About::Alarms,
        "alarm" => About::Alarm,
        "acted" => About::Acted,
        other => {
            let below = |prefix| other.strip_prefix(prefix).filter(|id| !id.is_empty() && !id.contains('/'));
            below("fridges/").map(About::Fridge).or_else(|| below("answers/").map(About::Answer))?
        }
    };
    Some((gateway, about))
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is of another version of the format.
    Schema(u32),
    /// It is none of ours, or damaged.
    Foreign,
}

/// Whether a gateway lives.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// What people call it.
    pub name: Option<String>,
    /// Whether its readings are simulated.
    pub simulated: bool,
    /// The names in topics of the gateways that may have something done there.
    #[serde(default)]
    pub acts_from: Vec<String>,
    status: String,
}

impl Status {
    /// Whether it is gone.
    pub fn is_offline(&self) -> bool {
        self.status == "offline"
    }
}

/// How one fridge is.
#[derive(Debug, Deserialize)]
pub struct State {
    /// When it was written.
    pub t: Timestamp,
    /// Differs from one start of the gateway to the next.
    pub boot: Option<String>,
    /// What the gateway's records call the fridge.
    pub id: String,
    /// What people call it there.
    pub name: String,
    /// Which others it belongs with.
    pub group: Option<String>,
    /// Whether its gateway's readings are simulated.
    pub simulated: bool,
    limits: Ends,
    verdict: String,
    celsius: Option<f64>,
    fault: Option<Fault>,
    read: Option<Timestamp>,
    /// The age in seconds beyond which a reading is stale.
    pub stale_after_s: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Ends {
    min: Option<f64>,
    max: Option<f64>,
}

/// The open alarms.
#[derive(Debug, Deserialize)]
pub struct Alarms {
    /// When the message was written.
    pub t: Timestamp,
    /// Differs from one start of the gateway to the next.
    pub boot: Option<String>,
    /// The alarms.
    pub alarms: Vec<Row>,
}

/// An alarm, as far as this version understands it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Row {
    /// One that it understands.
    Known(Box<AlarmRow>),
    /// Another one.
    Other(IgnoredAny),
}

/// What every message says that is sent once; none of it where an earlier version has written it.
#[derive(Clone, Debug, Deserialize)]
pub struct Numbered {
    /// When the message was written.
    pub t: Timestamp,
    /// Differs from one start of the gateway to the next.
    pub boot: Option<String>,
    /// Its number since that start.
    pub sequence: Option<u64>,
    /// The broker had everything that was written earlier than a minute before this.
    pub complete_to: Option<Timestamp>,
}

/// Readings.
#[derive(Debug, Deserialize)]
pub struct Readings {
    /// When the message was written.
    pub t: Timestamp,
    /// Differs from one start of the gateway to the next.
    pub boot: Option<String>,
    sequence: Option<u64>,
    complete_to: Option<Timestamp>,
    /// Whether it is sent afterwards.
    pub late: bool,
    /// What was read.
    pub readings: Vec<Reading>,
}

impl Readings {
    /// Its number, and what belongs to that.
    pub fn numbered(&self) -> Numbered {
        let Readings { t, sequence, complete_to, .. } = *self;
        Numbered { t, boot: self.boot.clone(), sequence, complete_to }
    }
}

/// A part of what was asked about the past.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// Which question it answers.
    pub id: String,
    /// Which message of the answer it is, from 0 on …
    pub part: usize,
    /// … and of how many.
    pub parts: usize,
    /// They hold everything before this.
    pub to: Timestamp,
    /// What was read.
    pub readings: Vec<Reading>,
}

/// One reading.
#[derive(Debug, Deserialize)]
pub struct Reading {
    /// The fridge.
    pub id: String,
    /// When.
    pub t: Timestamp,
    celsius: Option<f64>,
    fault: Option<Fault>,
}

/// Reads a message.
///
/// # Errors
/// [`Unfit`]
pub fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Unfit> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    match serde_json::from_slice::<Version>(payload) {
        Ok(Version { schema: SCHEMA }) => serde_json::from_slice(payload).map_err(|_| Unfit::Foreign),
        Ok(Version { schema }) => Err(Unfit::Schema(schema)),
        Err(_) => Err(Unfit::Foreign),
    }
}

/// A name, where it is one that can be shown and asked for.
pub fn name(name: &str) -> Option<&str> {
    let name = name.trim();
    let fits =
        !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    fits.then_some(name)
}

/// An id, where it is one: one that is made from a name may have any letters and signs of that.
pub fn id(id: &str) -> Option<&str> {
    let is_other = |character: char| character.is_control() || character.is_whitespace();
    let fits = !id.is_empty() && id.chars().count() <= LONGEST_NAME && !id.chars().any(is_other);
    fits.then_some(id)
}

impl State {
    /// The temperatures that it may have.
    pub fn limits(&self) -> Limits {
        let celsius = |degrees: Option<f64>| Celsius::from_degrees(degrees?);
        Limits { min: celsius(self.limits.min), max: celsius(self.limits.max) }
    }

    /// Whether it is out of service.
    pub fn is_out_of_service(&self) -> bool {
        self.verdict == "out_of_service"
    }

    /// What is read of it at present, and when that was read; `None` where nothing is.
    pub fn present(&self) -> Option<(Sample, Timestamp)> {
        match (self.celsius, self.fault) {
            (Some(degrees), _) => Some((Ok(Celsius::from_degrees(degrees)?), self.read?)),
            (None, Some(Fault::Pending) | None) => None,
            (None, Some(fault)) => Some((Err(fault), self.t)),
        }
    }
}

impl Reading {
    /// What was read.
    pub fn sample(&self) -> Option<Sample> {
        match (self.celsius, self.fault) {
            (Some(degrees), None) => Celsius::from_degrees(degrees).map(Ok),
            (None, Some(fault)) => Some(Err(fault)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_of_a_gateway_says_which_and_what_and_no_other_does() {
        assert_eq!(parts("fridge/north/status"), Some(("north", About::Status)));
        assert_eq!(parts("fridge/n_6frth/fridges/milk-2"), Some(("n_6frth", About::Fridge("milk-2"))));
        assert_eq!(parts("fridge/north/readings"), Some(("north", About::Readings)));
        let long = format!("fridge/{}/status", "n".repeat(LONGEST_GATEWAY + 1));
        assert_eq!(parts("fridge/north/answers/office"), Some(("north", About::Answer("office"))));
        for none in
            ["fridge/north", "fridge//status", "fridge/north/answers/", "fridge/north/fridges/", &long]
        {
            assert_eq!(parts(none), None, "{none}");
        }
        for none in ["fridge/north/fridges/a/b", "fridge/NORTH/status", "home/north/status", ""] {
            assert_eq!(parts(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_of_another_version_or_none_of_ours_is_not_taken() {
        let status = |json: &str| read::<Status>(json.as_bytes()).map(|status| status.name);
        assert_eq!(
            status(r#"{"schema":1,"name":"North","status":"online","simulated":false,"more":[1]}"#),
            Ok(Some("North".into()))
        );
        assert_eq!(status(r#"{"schema":2,"name":"North","simulated":false}"#), Err(Unfit::Schema(2)));
        for foreign in ["", "21.5", "{}", r#"{"schema":1}"#, r#"{"schema":"1"}"#, "[[[[[[", "\u{0}"] {
            assert_eq!(status(foreign), Err(Unfit::Foreign), "{foreign}");
        }
        let sample = |json: &str| serde_json::from_str::<Reading>(json).ok()?.sample();
        let with = |rest: &str| format!(r#"{{"id":"milk","t":"2026-11-28T10:00:00Z",{rest}}}"#);
        assert_eq!(sample(&with(r#""celsius":4.0625"#)), Some(Ok(Celsius::from_sixteenths(65))));
        assert_eq!(sample(&with(r#""fault":"crc""#)), Some(Err(Fault::Crc)));
        for none in
            [r#""celsius":1e9"#, r#""celsius":null"#, r#""celsius":4,"fault":"crc""#, r#""fault":"new""#]
        {
            assert_eq!(sample(&with(none)), None, "{none}");
        }
        assert_eq!((name(" Milk "), name("a\nb"), name("  ")), (Some("Milk"), None, None));
        assert_eq!((id("milk-&-cream"), id("my milk"), id("")), (Some("milk-&-cream"), None, None));
    }
}
