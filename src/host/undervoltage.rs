//! The Pi's own supply: its firmware notes when that was too low, which is the commonest reason why
//! probes lose their power.

use std::fs;
use std::path::Path;

/// Where the kernel lists what measures voltages.
pub const HWMON: &str = "/sys/class/hwmon";

/// Whether the computer's supply was too low since it started; `None` where it cannot tell. The
/// kernel's `rpi_volt` keeps the flag until the next start (drivers/hwmon/raspberrypi-hwmon.c).
pub fn too_low(hwmon: &Path) -> Option<bool> {
    let monitors = fs::read_dir(hwmon).ok()?.flatten();
    monitors
        .filter_map(|entry| {
            // Why a monitor's file cannot be read does not matter: such a monitor is not the Pi's, and where none is,
            // the answer is `None`.
            let read = |file: &str| fs::read_to_string(entry.path().join(file)).ok();
            (read("name")?.trim() == "rpi_volt").then_some(())?;
            Some(read("in0_lcrit_alarm")?.trim() == "1")
        })
        .reduce(|one, other| one || other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pis_own_alarm_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |monitor: &str, name: &str, alarm: &str| {
            let path = folder.path().join(monitor);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("name"), format!("{name}\n")).unwrap();
            fs::write(path.join("in0_lcrit_alarm"), format!("{alarm}\n")).unwrap();
        };
        write("hwmon0", "cpu_thermal", "1");
        assert_eq!(too_low(folder.path()), None);
        write("hwmon1", "rpi_volt", "0");
        assert_eq!(too_low(folder.path()), Some(false));
        write("hwmon1", "rpi_volt", "1");
        assert_eq!(too_low(folder.path()), Some(true));
    }
}
