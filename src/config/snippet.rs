//! Tables of the configuration as text: what `fridge probes` and others hand a person to paste.

use crate::reading::{Celsius, ProbeId};

/// Colder than this is a freezer.
const FREEZER: Celsius = Celsius::from_sixteenths(-10 * 16);
/// Warmer than this is no fridge yet: the probe still lies on a desk.
const FRIDGE: Celsius = Celsius::from_sixteenths(15 * 16);

/// A `[[fridge]]` table for a probe, with limits that suit what it reads now; without a value that suggests
/// any, they are left to the person who edits the file. `now` is what it reads.
pub fn fridge_table(name: &str, probe: ProbeId, celsius: Option<Celsius>, now: &str) -> String {
    let limits = match celsius {
        Some(celsius) if celsius < FREEZER => "limits = { max = -15 }",
        Some(celsius) if celsius < FRIDGE => "limits = { min = 0, max = 8 }",
        _ => "#limits = { min = 0, max = 8 }",
    };
    let probe = format!("probe = \"{probe}\"");
    format!("[[fridge]]\nname = \"{name}\"\n{probe:<33}# {now}\n{limits}\n")
}
