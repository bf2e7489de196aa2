//! The probes without a fridge as `[[fridge]]` tables, for a person to paste into the configuration.

use serde_json::Value;

use crate::config;
use crate::reading::{Celsius, ProbeId};

/// A sentence and a table for each probe that is on a bus and in no fridge; nothing where there is
/// none.
pub fn for_unnamed(answer: &Value) -> String {
    let rows = answer["probes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let taken: Vec<&str> = rows.iter().filter_map(|row| row["fridge"].as_str()).collect();
    let mut names = (1..).map(|number| format!("Fridge {number}"));
    let mut tables = String::new();
    for row in rows.iter().filter(|row| row["fridge"].is_null() && !row["bus"].is_null()) {
        let Some(probe) = row["probe"].as_str().and_then(|probe| probe.parse::<ProbeId>().ok()) else {
            continue;
        };
        let Some(name) = names.find(|name| !taken.iter().any(|taken| taken.eq_ignore_ascii_case(name)))
        else {
            break;
        };
        let celsius = row["celsius"].as_f64().and_then(Celsius::from_degrees);
        let now = match celsius {
            Some(celsius) => format!("reads {:.1} °C now", celsius.degrees()),
            None => String::from("has no value now"),
        };
        tables.push_str(&format!("\n{}", config::fridge_table(&name, probe, celsius, &now)));
    }
    if tables.is_empty() {
        return tables;
    }
    format!(
        "\nFor the configuration, with names of your own (`fridge probes --watch` shows which is which):\n{tables}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_without_a_fridge_become_tables_with_names_that_are_free() {
        let answer = serde_json::json!({ "probes": [
            { "probe": "28-000000000001", "bus": "bus 1", "fridge": "fridge 1", "celsius": 4.0 },
            { "probe": "28-000000000002", "bus": "bus 1", "fridge": null, "celsius": -19.0625 },
            { "probe": "28-000000000003", "bus": "bus 1", "fridge": null, "celsius": null },
            { "probe": "28-000000000004", "bus": null, "fridge": "Milk", "celsius": null },
        ] });
        let tables = for_unnamed(&answer);
        assert_eq!(tables.matches("[[fridge]]").count(), 2);
        for table in [
            "name = \"Fridge 2\"\nprobe = \"28-000000000002\"        # reads -19.1 °C now\nlimits = { max = -15 }\n",
            "name = \"Fridge 3\"\nprobe = \"28-000000000003\"        # has no value now\n#limits",
        ] {
            assert!(tables.contains(table), "{tables}");
        }
        assert_eq!(for_unnamed(&serde_json::json!({ "probes": [] })), "");
    }
}
