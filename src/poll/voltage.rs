//! The Pi's own supply: its firmware notes when that was too low, which is the commonest reason why
//! probes lose their power.

use std::fs;
use std::path::Path;

/// Where the kernel lists what measures voltages.
pub const HWMON: &str = "/sys/class/hwmon";

/// Whether the computer's supply was too low since it started; `false` also where it cannot tell. The
/// kernel's `rpi_volt` keeps the flag until the next start (drivers/hwmon/raspberrypi-hwmon.c).
pub fn was_too_low(hwmon: &Path) -> bool {
    let Ok(entries) = fs::read_dir(hwmon) else { return false };
    entries.flatten().any(|entry| {
        let reads = |file: &str, wanted: &str| {
            fs::read_to_string(entry.path().join(file)).is_ok_and(|text| text.trim() == wanted)
        };
        reads("name", "rpi_volt") && reads("in0_lcrit_alarm", "1")
    })
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
        assert!(!was_too_low(folder.path()));
        write("hwmon0", "cpu_thermal", "1");
        write("hwmon1", "rpi_volt", "0");
        assert!(!was_too_low(folder.path()));
        write("hwmon1", "rpi_volt", "1");
        assert!(was_too_low(folder.path()));
    }
}
