//! The first line of a log that names its columns: which of them holds the time, which the value, and which fridge a line is
//! about.

use super::Unit;

/// Where the columns are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    separator: char,
    time: usize,
    value: usize,
    fridge: Option<usize>,
    fault: Option<usize>,
    /// The unit that the value's name says.
    pub unit: Option<Unit>,
}

/// What stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The time.
    pub time: String,
    /// The value; empty where there was a fault.
    pub value: String,
    /// The fridge.
    pub fridge: Option<String>,
    /// The fault.
    pub fault: Option<String>,
    /// Whether faults have a column of their own.
    pub has_faults: bool,
}

impl Heading {
    /// Reads a line that names a time and a value; of two columns only where it says the unit as well.
    pub fn read(line: &str) -> Option<Heading> {
        let separator = [';', '\t', ','].into_iter().find(|separator| line.contains(*separator))?;
        let names: Vec<String> =
            fields(line, separator).iter().map(|name| name.trim().to_lowercase()).collect();
        let place = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
        let celsius =
            place(&["celsius", "temperature_c", "temp_c", "temperature (°c)", "temperature(°c)", "°c"]);
        let fahrenheit =
            place(&["fahrenheit", "temperature_f", "temp_f", "temperature (°f)", "temperature(°f)", "°f"]);
        let any = place(&["temperature", "temp", "value", "reading"]);
        let unit = match (celsius, fahrenheit) {
            (Some(_), _) => Some(Unit::Celsius),
            (None, Some(_)) => Some(Unit::Fahrenheit),
            _ => None,
        };
        Some(Heading {
            separator,
            time: place(&["time", "timestamp", "date", "datetime", "date/time", "last_changed", "_time"])?,
            value: celsius.or(fahrenheit).or(any)?,
            fridge: place(&["fridge", "name", "sensor", "device", "entity_id"]),
            fault: place(&["fault", "error"]),
            unit,
        })
        .filter(|_| names.len() > 2 || unit.is_some())
    }

    /// What stands in a line below it.
    ///
    /// # Errors
    /// Where it has too few columns, in words.
    pub fn fields(&self, line: &str) -> Result<Fields, String> {
        let fields = fields(line, self.separator);
        let field = |place: usize| fields.get(place).map(|field| field.trim().to_owned());
        let too_few = || format!("{} columns, fewer than the heading has", fields.len());
        let text = |place: Option<usize>| place.and_then(field).filter(|text| !text.is_empty());
        Ok(Fields {
            time: field(self.time).ok_or_else(too_few)?,
            value: field(self.value).ok_or_else(too_few)?,
            fridge: text(self.fridge),
            fault: text(self.fault),
            has_faults: self.fault.is_some(),
        })
    }
}

/// The fields of a line of CSV (RFC 4180): one in quotes may hold the separator, and two quotes for one.
fn fields(line: &str, separator: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let is_first = fields.last().is_none_or(|field| field.trim().is_empty());
        let last = fields.len() - 1;
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                fields[last].push('"');
            }
            '"' if is_quoted || is_first => is_quoted = !is_quoted,
            character if character == separator && !is_quoted => fields.push(String::new()),
            character => fields[last].push(character),
        }
    }
    fields
}

/// A text as a field of CSV.
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_names_its_columns_in_any_order_and_two_columns_need_none() {
        let heading = Heading::read("time,fridge,probe,celsius,fault").unwrap();
        let fields = heading.fields("2026-01-01T00:00:00Z,\"Milk, \"\"raw\"\"\",28-1,4.5,").unwrap();
        assert_eq!((fields.fridge.as_deref(), fields.value.as_str()), (Some("Milk, \"raw\""), "4.5"));
        let other = Heading::read("Sensor;Temperature (°F);Date").unwrap();
        assert_eq!(other.unit, Some(Unit::Fahrenheit));
        assert_eq!(other.fields("a;40,5;2026-01-01").unwrap().value, "40,5");
        assert!(other.fields("a;40,5").is_err());
        assert_eq!(Heading::read("time,fahrenheit").unwrap().unit, Some(Unit::Fahrenheit));
        for none in ["timestamp,value", "a,b,c", "", "time,fridge,probe", "nothing here"] {
            assert_eq!(Heading::read(none), None, "{none}");
        }
    }

    #[test]
    fn whatever_a_name_holds_it_comes_back() {
        for name in ["Milk", "a,b", "say \"hi\"", "\"", "", "ü;\t"] {
            assert_eq!(fields(&format!("{},x", quoted(name)), ','), [name, "x"], "{name}");
        }
    }
}
