//! A finding of the doctor: how a thing is, under an id that stays, and what to do about it. docs/doctor.md has each id
//! with its causes and its cure.

use anstyle::{AnsiColor, Style};
use serde::{Serialize, Serializer};
use strum::{IntoStaticStr, VariantArray};

use crate::cli::terminal;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// It does not work.
    Fault,
}

/// What is not as it should be, in a word that stays the same whatever the sentence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Id {
    GatewayNotRunning,
    GatewayVersion,
    GatewayOfAnother,
    ConfigurationWrong,
    ConfigurationWarning,
    ConfigurationRights,
    PortTaken,
    BusBroken,
    BusStuck,
    BusUnmeasured,
    FridgeWithoutValue,
    CalibrationDue,
    NoToken,
    NoQuestion,
    RequestsRejected,
    TurnedAway,
    CertificateRefused,
    CertificateUnreadable,
    CertificateUnfit,
    CertificateExpires,
    CertificateSlow,
    CertificateAddresses,
    KeyForEverybody,
    KeyRights,
    LinkUnreachable,
    LinkNoGateway,
    LinkUntrusted,
    LinkUnproven,
    LinkCertificateName,
    LinkCertificateDates,
    LinkTokenRejected,
    LinkNoToken,
    LinkNotAllowed,
    OnewireNoBus,
    OnewireNoProbe,
    OnewireNoDriver,
    OnewireRights,
    GpioUnusable,
    GpioWithoutPriority,
    GpioLate,
    GpioTooLate,
    ClockWrong,
    ClockUnsynchronised,
    TimeZone,
    SupplyWeak,
    Heat,
    DiskReadOnly,
    DiskFull,
    PageOpen,
    HistoryFailing,
    HistorySlow,
    HistoryLost,
    HistoryDamaged,
    ServiceMasked,
    ServiceDisabled,
    ServiceStopped,
    ServiceFailed,
    ServiceConfiguration,
    ServiceRestarted,
    PackageVersion,
    NotifyUnused,
    NotifyFailing,
    MqttFailing,
    NotifyTest,
}

impl Id {
    /// As it is written: "clock-wrong".
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// How it is.
    pub level: Level,
    /// What is wrong; `None` where nothing is.
    pub id: Option<Id>,
    /// What was looked at, in a word.
    pub about: &'static str,
    /// What was found.
    pub text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// Everything that was looked at.
#[derive(Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// It is as it should be.
    pub fn ok(&mut self, about: &'static str, text: impl Into<String>) {
        self.0.push(Finding { level: Level::Ok, id: None, about, text: text.into(), cure: None });
    }

    /// It works, and somebody should know.
    pub fn warning(&mut self, id: Id, about: &'static str, text: impl Into<String>, cure: impl Into<String>) {
        self.push(Level::Warning, id, about, text.into(), cure.into());
    }

    /// It does not work.
    pub fn fault(&mut self, id: Id, about: &'static str, text: impl Into<String>, cure: impl Into<String>) {
        self.push(Level::Fault, id, about, text.into(), cure.into());
    }

    fn push(&mut self, level: Level, id: Id, about: &'static str, text: String, cure: String) {
        self.0.push(Finding { level, id: Some(id), about, text, cure: Some(cure) });
    }
}

/// A line for each, with its cure below it.
pub fn text(findings: &[Finding], colour: bool) -> String {
    let mut lines = String::new();
    for Finding { level, id, about, text, cure } in findings {
        let (word, style) = match level {
            Level::Ok => ("ok", AnsiColor::Green.on_default()),
            Level::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
            Level::Fault => ("fault", AnsiColor::Red.on_default().bold()),
        };
        let style = if colour { style } else { Style::new() };
        let id = id.map(|id| format!(" [{}]", id.name())).unwrap_or_default();
        let text = terminal::printable(text);
        lines.push_str(&format!("{style}{word:<8}{style:#} {about}: {text}{id}\n"));
        if let Some(cure) = cure {
            lines.push_str(&format!("         → {}\n", terminal::printable(cure)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every test's source, those of the machines included.
    fn sources() -> String {
        let mut all = String::new();
        for folder in ["tests", "src/cli/doctor", "src/cli/doctor/host", "scripts/pi"] {
            for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_file()) {
                // Pictures and the like hold no names.
                if !entry.path().ends_with("finding.rs") {
                    all += &std::fs::read_to_string(entry.path()).unwrap_or_default();
                }
            }
        }
        all
    }

    #[test]
    fn each_id_is_explained_and_provoked_by_a_test() {
        let (page, tests) = (std::fs::read_to_string("docs/doctor.md").unwrap(), sources());
        let named: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let ids: Vec<&str> = Id::VARIANTS.iter().map(|id| id.name()).collect();
        assert_eq!(named, ids, "the page has them in the order of the list, and no other");
        let untried: Vec<&&str> = ids.iter().filter(|id| !tests.contains(&format!("\"{id}\""))).collect();
        assert!(untried.is_empty(), "no test provokes {untried:?}");
    }
}
