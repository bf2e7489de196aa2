//! The shape of the file before anything in it is looked at. Whatever has another shape than its
//! [setting](super::settings) is told in our own words, all of it at once.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostics::{Collector, unknown_word};
use super::section::Degrees;
use super::settings::{FILE, Kind, Setting};

/// Notes whatever in the file has not the shape that it must have.
pub fn check(file: &Spanned<DeTable<'_>>, problems: &mut Collector<'_>) {
    table(file.get_ref(), &file.span(), FILE, problems);
}

fn table(
    table: &DeTable<'_>,
    span: &Range<usize>,
    settings: &'static [Setting],
    problems: &mut Collector<'_>,
) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match settings.iter().find(|setting| setting.name == name) {
            Some(setting) => self::value(value, setting, problems),
            None => problems.at(&key.span(), unknown(name, settings)),
        }
    }
    for setting in settings.iter().filter(|setting| setting.is_needed) {
        if !table.keys().any(|key| key.get_ref().as_ref() == setting.name) {
            let Setting { name, example, .. } = setting;
            problems
                .at(span, format!("the setting `{name}` is missing here, for example {name} = {example}"));
        }
    }
}

/// A setting that is not one here: one of the whole file below a section, or a slip.
fn unknown(name: &str, settings: &[Setting]) -> String {
    let is_of_file =
        FILE.iter().any(|setting| setting.name == name && !matches!(setting.kind, Kind::Sections(_)));
    if is_of_file && !settings.iter().any(|setting| setting.name == "trigger_words") {
        return format!("`{name}` belongs above the first section: move it to before the first line with [[");
    }
    let allowed: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
    unknown_word(&format!("`{name}` is not a setting here"), name, &allowed)
}

fn value(value: &Spanned<DeValue<'_>>, setting: &'static Setting, problems: &mut Collector<'_>) {
    let span = value.span();
    match (setting.kind, value.get_ref()) {
        (Kind::Text | Kind::TextOrTexts, DeValue::String(_)) | (Kind::Flag, DeValue::Boolean(_)) => {}
        (Kind::Degrees, DeValue::String(text)) if Degrees::read(text).is_some() => {}
        (Kind::Number | Kind::Degrees, DeValue::Float(_)) => {}
        (Kind::Number | Kind::Degrees | Kind::Whole, DeValue::Integer(number)) => {
            if i64::from_str_radix(number.as_str(), number.radix()).is_err() {
                problems.at(&span, format!("`{}` is too large a number", setting.name));
            }
        }
        (Kind::Texts | Kind::TextOrTexts, DeValue::Array(list)) => {
            for item in list {
                if !item.get_ref().is_str() {
                    problems.at(&item.span(), wrong(setting, item.get_ref()));
                }
            }
        }
        (Kind::Wholes, DeValue::Array(list)) => {
            for item in list {
                let is_whole = item
                    .get_ref()
                    .as_integer()
                    .is_some_and(|number| i64::from_str_radix(number.as_str(), number.radix()).is_ok());
                if !is_whole {
                    problems.at(&item.span(), wrong(setting, item.get_ref()));
                }
            }
        }
        (Kind::Table(settings), DeValue::Table(of)) => table(of, &span, settings, problems),
        (Kind::Tables(settings) | Kind::Sections(settings), DeValue::Array(list)) => {
            for item in list {
                match item.get_ref() {
                    DeValue::Table(of) => table(of, &item.span(), settings, problems),
                    other => problems.at(&item.span(), wrong(setting, other)),
                }
            }
        }
        (_, other) => problems.at(&span, wrong(setting, other)),
    }
}

/// What the setting holds, what stands there, and how it is written.
fn wrong(setting: &Setting, found: &DeValue<'_>) -> String {
    let Setting { name, kind, example, .. } = setting;
    let holds = match kind {
        Kind::Table(_) if found.is_array() && FILE.iter().any(|of_file| of_file.name == *name) => {
            return format!("`{name}` is one section, so it has one bracket: write [{name}]");
        }
        Kind::Sections(_) => {
            return format!(
                "there can be several of `{name}`, so its section has two brackets: write [[{name}]]"
            );
        }
        Kind::Text => "a text in quotes",
        Kind::Texts => "a list of texts",
        Kind::TextOrTexts => "a text in quotes, or a list of them",
        Kind::Flag => "true or false, without quotes",
        Kind::Number => "a number without quotes and without a unit, with a decimal point",
        Kind::Degrees => {
            "a number of °C without quotes, with a decimal point, or a text with its unit, such as \"41 °F\""
        }
        Kind::Whole => "a whole number without quotes",
        Kind::Wholes => "a list of whole numbers",
        Kind::Table(_) => "a table in braces",
        Kind::Tables(_) => "a list of tables in braces",
    };
    let found = match found {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    format!("`{name}` is {holds}, and this is {found}; for example {name} = {example}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::config::settings::{
        ALARM, BUS, CALIBRATION, CLIENT, DEFROST, EXPOSURE, FRIDGE, HOOK, LIMITS, MQTT, NOTIFY, PAGE, POINT,
        USER,
    };

    /// Every setting with the way to it: `bus`, `kind`.
    fn all(settings: &'static [Setting], way: &[&'static str]) -> Vec<(Vec<&'static str>, Kind)> {
        let mut found = Vec::new();
        for setting in settings {
            let way = [way, &[setting.name]].concat();
            if let Kind::Table(below) | Kind::Tables(below) | Kind::Sections(below) = setting.kind {
                found.extend(all(below, &way));
            }
            found.push((way, setting.kind));
        }
        found
    }

    /// A file in which that setting has that value.
    fn file(way: &[&str], value: &str) -> String {
        match way {
            [top] => format!("{top} = {value}\n"),
            [table @ ("history" | "mqtt" | "page"), key] => format!("[{table}]\n{key} = {value}\n"),
            [section, key] => format!("[[{section}]]\n{key} = {value}\n"),
            [section, table, key] => format!("[[{section}]]\n{table} = {{ {key} = {value} }}\n"),
            [section, table, inner, key] => {
                format!("[[{section}]]\n{table} = {{ {inner} = {{ {key} = {value} }} }}\n")
            }
            _ => unreachable!("settings are nested three deep"),
        }
    }

    #[test]
    fn each_example_has_the_shape_that_it_shows() {
        for setting in [
            HOOK,
            BUS,
            FRIDGE,
            NOTIFY,
            LIMITS,
            ALARM,
            POINT,
            EXPOSURE,
            DEFROST,
            CALIBRATION,
            PAGE,
            MQTT,
            USER,
            CLIENT,
        ]
        .concat_refs()
        {
            let source = format!("{} = {}", setting.name, setting.example);
            let parsed = DeTable::parse(&source).unwrap();
            let mut problems = Collector::new(Path::new("x.toml"), &source);
            let (_, found) = parsed.get_ref().iter().next().unwrap();
            value(found, setting, &mut problems);
            problems.finish().unwrap_or_else(|problems| panic!("{problems}"));
        }
    }

    trait ConcatRefs {
        fn concat_refs(self) -> Vec<&'static Setting>;
    }

    impl<const N: usize> ConcatRefs for [&'static [Setting]; N] {
        fn concat_refs(self) -> Vec<&'static Setting> {
            self.into_iter().flatten().collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Of whatever type a value is, what is said of it names the file, the line and the setting, and no type of the
        /// library's.
        #[test]
        fn each_setting_with_each_type_is_told_in_our_own_words(
            which in any::<prop::sample::Index>(),
            value in prop::sample::select(vec![
                "1", "-3", "1.5", "nan", "inf", "true", "\"\"", "\"text\"", "\"5,5\"", "\"5 °C\"", "[]", "[1]",
                "[\"a\"]", "[[]]", "[{}]", "{}", "{ a = 1 }", "2026-01-01", "12:00:00", "99999999999999999999",
                "0x10", "[1.5]", "[true, 1]", "\"\"\"\na\n\"\"\"",
            ]),
        ) {
            let settings = all(FILE, &[]);
            let (way, kind) = which.get(&settings);
            let source = file(way, value);
            if let Err(problems) = Config::parse(Path::new("dir/x.toml"), &source) {
                let key = way.last().unwrap();
                for line in problems.to_string().lines() {
                    prop_assert!(line.starts_with("dir/x.toml"), "{}", line);
                    for words in ["expected", "invalid type", "invalid value", "missing field", "unknown field"] {
                        prop_assert!(!line.contains(words), "{source}{line}");
                    }
                }
                if matches!(kind, Kind::Flag) && value == "1" {
                    let said = problems.to_string();
                    prop_assert!(said.contains(&format!("`{key}` is true or false")), "{}", said);
                }
            }
        }
    }
}
