//! A table of the file, whose shape was checked: its settings come out by their names, as what they are.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::text::Units;

/// A table whose [shape](super::shape) was checked.
#[derive(Clone, Copy)]
pub struct Section<'a>(pub &'a DeTable<'a>);

impl<'a> Section<'a> {
    fn get<T>(self, name: &str, read: impl FnOnce(&'a DeValue<'a>) -> Option<T>) -> Option<Spanned<T>> {
        let (_, value) = self.0.iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
        Some(Spanned::new(value.span(), read(value.get_ref())?))
    }

    /// Whether that setting is there.
    pub fn has(self, name: &str) -> bool {
        self.0.keys().any(|key| key.get_ref().as_ref() == name)
    }

    /// A text.
    pub fn text(self, name: &str) -> Option<Spanned<String>> {
        self.get(name, text)
    }

    /// A text that must be there.
    pub fn needed(self, name: &str) -> Spanned<String> {
        self.text(name).unwrap_or_else(|| Spanned::new(0..0, String::new()))
    }

    /// A list of texts.
    pub fn texts(self, name: &str) -> Option<Vec<Spanned<String>>> {
        let list = self.get(name, |value| value.as_array())?.into_inner();
        Some(list.iter().filter_map(|item| Some(Spanned::new(item.span(), text(item.get_ref())?))).collect())
    }

    /// A text or a list of them.
    pub fn text_or_texts(self, name: &str) -> Option<Spanned<Vec<String>>> {
        self.get(name, |value| match value {
            DeValue::Array(list) => Some(list.iter().filter_map(|item| text(item.get_ref())).collect()),
            one => text(one).map(|text| vec![text]),
        })
    }

    /// `true`, or anything else.
    pub fn flag(self, name: &str) -> bool {
        self.get(name, DeValue::as_bool).is_some_and(Spanned::into_inner)
    }

    /// The same, and what it is where it is not there.
    pub fn flag_or(self, name: &str, otherwise: bool) -> bool {
        if self.has(name) { self.flag(name) } else { otherwise }
    }

    /// A number.
    pub fn number(self, name: &str) -> Option<Spanned<f64>> {
        self.get(name, number)
    }

    /// A temperature.
    pub fn degrees(self, name: &str) -> Option<Degrees> {
        let read = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Degrees::read(text),
            other => number(other).map(Degrees),
        };
        self.get(name, read).map(Spanned::into_inner)
    }

    /// A whole number.
    pub fn whole(self, name: &str) -> Option<Spanned<i64>> {
        self.get(name, whole)
    }

    /// A list of whole numbers.
    pub fn wholes(self, name: &str) -> Option<Spanned<Vec<i64>>> {
        self.get(name, |value| {
            Some(value.as_array()?.iter().filter_map(|item| whole(item.get_ref())).collect())
        })
    }

    /// A table.
    pub fn table<T>(self, name: &str, read: impl FnOnce(Section<'a>) -> T) -> Option<Spanned<T>> {
        self.get(name, |value| value.as_table().map(|table| read(Section(table))))
    }

    /// Tables.
    pub fn tables<T>(self, name: &str, read: impl Fn(Section<'a>) -> T) -> Vec<Spanned<T>> {
        let list = self.get(name, |value| value.as_array()).map(Spanned::into_inner);
        let one = |item: &'a Spanned<DeValue<'a>>| {
            Some(Spanned::new(item.span(), read(Section(item.get_ref().as_table()?))))
        };
        list.into_iter().flatten().filter_map(one).collect()
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(number) => number.as_str().parse().ok(),
        other => whole(other).map(|whole| whole as f64),
    }
}

fn whole(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
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
