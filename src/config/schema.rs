//! The shape of the TOML file: which keys there are and of what type. What they mean and whether they
//! fit together is checked in the parent module.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use toml::Spanned;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub name: Option<Spanned<String>>,
    #[serde(default)]
    pub listen: Option<Spanned<OneOrMany>>,
    pub url: Option<Spanned<String>>,
    pub trigger_words: Option<Vec<Spanned<String>>>,
    pub units: Option<Spanned<String>>,
    pub allow: Option<Vec<Spanned<String>>>,
    pub certificate: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    #[serde(default)]
    pub hook: Vec<Spanned<Hook>>,
    #[serde(default)]
    pub bus: Vec<Spanned<Bus>>,
    #[serde(default)]
    pub fridge: Vec<Spanned<Fridge>>,
    #[serde(default)]
    pub notify: Vec<Spanned<Notify>>,
}

/// `[[notify]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    pub kind: Spanned<String>,
    pub name: Option<Spanned<String>>,
    pub url: Option<Spanned<String>>,
    pub url_file: Option<Spanned<String>>,
    pub ca: Option<String>,
    pub mention: Option<String>,
    pub channel: Option<String>,
    pub username: Option<String>,
    pub icon_emoji: Option<String>,
    pub every: Option<Spanned<String>>,
    pub format: Option<Spanned<String>>,
    #[serde(default)]
    pub urgent_only: bool,
}

/// `[[hook]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    pub name: Option<Spanned<String>>,
    pub token: Option<Spanned<String>>,
    pub token_file: Option<Spanned<String>>,
    pub response: Option<Spanned<String>>,
    #[serde(default)]
    pub in_channel: bool,
    pub username: Option<Spanned<String>>,
    pub icon_url: Option<Spanned<String>>,
    pub fridges: Option<Vec<Spanned<String>>>,
    pub may_act: Option<Vec<Spanned<String>>>,
}

/// `[[bus]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    pub kind: Spanned<String>,
    pub name: Option<Spanned<String>>,
    pub period: Option<Spanned<String>>,
    pub root: Option<Spanned<String>>,
    pub resolution: Option<Spanned<i64>>,
    pub pin: Option<Spanned<i64>>,
    pub through: Option<Spanned<String>>,
    pub chip: Option<Spanned<String>>,
    pub address: Option<Spanned<String>>,
    pub probes: Option<Spanned<i64>>,
    pub warm: Option<Spanned<Vec<i64>>>,
    pub silent: Option<Spanned<Vec<i64>>>,
    pub replay: Option<Spanned<String>>,
    pub unit: Option<Spanned<String>>,
    pub speed: Option<Spanned<f64>>,
}

/// `[[fridge]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fridge {
    pub id: Option<Spanned<String>>,
    pub name: Spanned<String>,
    pub group: Option<Spanned<String>>,
    pub probe: Spanned<String>,
    pub limits: Option<Spanned<Limits>>,
    pub preset: Option<Spanned<String>>,
    pub alarm: Option<Spanned<Alarm>>,
    pub calibration: Option<Spanned<Calibration>>,
    #[serde(default)]
    pub out_of_service: bool,
}

/// `limits = { min = 0, max = 5 }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// `alarm = { lag = "60min", escalation = { limit = 10, after = "30min" } }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    pub lag: Option<Spanned<String>>,
    pub escalation: Option<Spanned<AlarmPoint>>,
    pub gross: Option<Spanned<AlarmPoint>>,
    pub low: Option<Spanned<AlarmPoint>>,
    pub low_escalation: Option<Spanned<AlarmPoint>>,
    pub silent: Option<Spanned<String>>,
    pub stuck: Option<Spanned<String>>,
    pub exposure: Option<Spanned<Exposure>>,
    #[serde(default)]
    pub defrost: Vec<Defrost>,
    pub unanswered: Option<Spanned<String>>,
}

/// `defrost = [{ at = "02:00", length = "45min" }]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defrost {
    pub at: Spanned<String>,
    pub length: Spanned<String>,
}

/// A limit and for how long it has to be passed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmPoint {
    pub limit: f64,
    pub after: Spanned<String>,
}

/// `exposure = { max = 8, budget = "4h", window = "24h" }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub budget: Spanned<String>,
    pub window: Spanned<String>,
}

/// `calibration = { offset = -0.5 }` or `calibration = { points = [{ shows = 0.4, is = 0 }, …] }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    pub offset: Option<f64>,
    pub points: Option<Vec<Point>>,
}

/// What a probe shows, and what it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    pub shows: f64,
    pub is: f64,
}

/// A text, or a list of texts.
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
