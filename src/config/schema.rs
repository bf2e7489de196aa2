//! The shape of the TOML file: which keys there are and of what type. What they mean and whether they
//! fit together is checked in the parent module.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use toml::Spanned;

use crate::text::Units;

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
    pub min: Option<Degrees>,
    pub max: Option<Degrees>,
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
    pub limit: Degrees,
    pub after: Spanned<String>,
}

/// `exposure = { max = 8, budget = "4h", window = "24h" }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    pub min: Option<Degrees>,
    pub max: Option<Degrees>,
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

/// A temperature in °C: a number, or a text with its unit, such as "41 °F".
#[derive(Clone, Copy)]
pub struct Degrees(pub f64);

impl Degrees {
    /// Reads a text with a unit.
    pub fn read(text: &str) -> Option<Degrees> {
        let text = text.trim();
        let number = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '°' || c.is_whitespace());
        let degrees: f64 = number.replace('\u{2212}', "-").parse().ok()?;
        match Units::of(text[number.len()..].trim())? {
            Units::Celsius => Some(Degrees(degrees)),
            Units::Fahrenheit => Some(Degrees((degrees - 32.0) / 1.8)),
        }
    }
}

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Degrees;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a text with a unit")
            }

            fn visit_i64<E>(self, degrees: i64) -> Result<Degrees, E> {
                Ok(Degrees(degrees as f64))
            }

            fn visit_f64<E>(self, degrees: f64) -> Result<Degrees, E> {
                Ok(Degrees(degrees))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Degrees, E> {
                Degrees::read(text).ok_or_else(|| E::custom("not a temperature with its unit"))
            }
        }

        deserializer.deserialize_any(Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_can_be_said_in_either_unit() {
        let read = |text| Degrees::read(text).map(|degrees| (degrees.0 * 100.0).round() / 100.0);
        assert_eq!(read("41 °F"), Some(5.0));
        assert_eq!(read("0F"), Some(-17.78));
        assert_eq!(read("5.5 °C"), Some(5.5));
        assert_eq!(read("\u{2212}18 C"), Some(-18.0));
        for no in ["5", "5,5 °C", "warm", "°C", "", "5 K"] {
            assert_eq!(read(no), None, "{no}");
        }
    }
}
