//! Tables of the configuration as text: what `fridge probes` and others hand a person to paste.

use crate::reading::{Celsius, ProbeId};

/// Colder than this is a freezer.
const FREEZER: Celsius = Celsius::from_sixteenths(-10 * 16);

/// A `[[fridge]]` table for a probe that reads `celsius` now, with limits that suit it.
pub fn fridge_table(name: &str, probe: ProbeId, celsius: Option<Celsius>) -> String {
    let limits = match celsius {
        Some(celsius) if celsius < FREEZER => "{ max = -15 }",
        _ => "{ min = 0, max = 8 }",
    };
    let name = format!("name = \"{name}\"");
    let name = match celsius {
        Some(celsius) => format!("{name:<32} # reads {:.1} °C now", celsius.degrees()),
        None => name,
    };
    format!("[[fridge]]\n{name}\nprobe = \"{probe}\"\nlimits = {limits}\n")
}
