//! What is said when the gateway was off: for how long, how warm each fridge became by an estimate, and whether its time
//! outside is within its budget.

use std::time::Duration;

use super::{Units, count, exposure, hours_and_minutes, temperature};
use crate::alarm::{Estimate, Outage, Side};
use crate::doc::Text;
use crate::reading::Celsius;

/// The first line: "The gateway was off for up to 3 h 20 min; no fridge passed a limit, by estimate".
pub fn headline(outage: &Outage) -> Text {
    let length = hours_and_minutes(Duration::from_secs(outage.off_s));
    let length = if outage.was_ended { length } else { format!("up to {length}") };
    let line = format!("The gateway was off for {length}");
    let passed = outage.fridges.iter().filter(|fridge| fridge.outside_s > 0).count();
    let unknown = outage.fridges.iter().filter(|fridge| !fridge.is_known()).count();
    let verdict = match (passed, unknown) {
        _ if outage.fridges.is_empty() => String::new(),
        (0, 0) => String::from("; no fridge passed a limit, by estimate"),
        (0, unknown) => format!("; no estimate for {}", count(unknown, "fridge")),
        (passed, 0) => format!("; {} passed a limit, by estimate", count(passed, "fridge")),
        (passed, unknown) => format!(
            "; {} passed a limit, by estimate, and there is no estimate for {unknown} more",
            count(passed, "fridge")
        ),
    };
    Text::from(line + &verdict)
}

/// What stands below the fridges.
pub const CAVEAT: &str = "Estimated from the readings before and after. A fridge that got its power back before the gateway did was warmer than that.";

/// A line for a fridge: "Milk: at most 9.1 °C by estimate, 40 min above 7 °C; 25 min of 4 h above 8 °C used".
pub fn line(estimate: &Estimate, units: Units) -> Text {
    let name = Text::name(&estimate.name).and(": ");
    let celsius = |degrees: f64| Celsius::from_degrees(degrees).map(|it| temperature(it, units));
    let Some(peak) = estimate.peak().and_then(celsius) else {
        return name.and(match estimate.after.and_then(celsius) {
            Some(now) => format!("{now} now, no reading from before"),
            None => String::from("no reading yet"),
        });
    };
    let (extreme, beyond) = match estimate.side {
        Side::Above => ("at most", "above"),
        Side::Below => ("at least", "below"),
    };
    let line = name.and(format!("{extreme} {peak} by estimate"));
    let Some(limit) = estimate.limit.and_then(celsius) else { return line };
    if estimate.outside_s == 0 {
        return line.and(format!(", within its limit of {limit}"));
    }
    let outside = hours_and_minutes(Duration::from_secs(estimate.outside_s));
    let line = line.and(format!(", {outside} {beyond} {limit}"));
    let Some(used) = estimate.exposure else { return line };
    let budget = exposure::budget(&used, units);
    if used.outside_s <= used.budget_s {
        line.and(format!("; {budget} used"))
    } else {
        line.and("; ")
            .and(Text::strong(format!("{budget}, more than allowed: check the food in this fridge")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::Preset;
    use crate::doc::{Doc, terminal};

    fn said(before: f64, after: f64, hours: u64) -> String {
        let off = Duration::from_secs(hours * 3_600);
        let celsius = Celsius::from_degrees;
        let rules = Preset::Fridge.rules();
        let mut estimate = Estimate::new("Milk", &rules, off, celsius(before), celsius(after));
        estimate.exposure = rules.exposure.map(|budget| budget.used(Duration::from_secs(estimate.counted_s)));
        let line = terminal::render(&Doc::new(line(&estimate, Units::Celsius)), false);
        let outage = Outage { off_s: off.as_secs() + 1_200, was_ended: false, fridges: vec![estimate] };
        let headline = terminal::render(&Doc::new(headline(&outage)), false);
        format!("{}\n{}", headline.trim_end(), line.trim_end())
    }

    #[test]
    fn it_says_how_long_how_warm_and_whether_that_is_within_the_budget() {
        assert_eq!(
            said(4.0, 6.0625, 3),
            "The gateway was off for up to 3 h 20 min; no fridge passed a limit, by estimate\n\
             Milk: at most 6.1 °C by estimate, within its limit of 7.0 °C"
        );
        let outside = said(4.0, 10.0, 4);
        assert!(outside.contains("; 1 fridge passed a limit"), "{outside}");
        assert!(
            outside.contains("above 7.0 °C; ") && outside.contains(" of 4 h above 8 °C used"),
            "{outside}"
        );
        assert!(
            said(4.0, 18.0, 12)
                .contains(" of 4 h above 8 °C, more than allowed: check the food in this fridge")
        );
    }
}
