//! The service: whether systemd starts it, why it started it last, and which version the package brought.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::Machine;
use crate::cli::doctor::{Findings, Id};
use crate::config::Config;
use crate::daemon::Report;

const ABOUT: &str = "service";
const UNITS: [&str; 3] = [
    "etc/systemd/system/fridge.service",
    "usr/lib/systemd/system/fridge.service",
    "lib/systemd/system/fridge.service",
];
const JOURNAL: &str = "journalctl -u fridge -n 50";
/// The exit status for a bad configuration.
const BAD_CONFIGURATION: &str = "78";

impl Machine {
    pub(super) fn service(&self, report: Option<&Report>, findings: &mut Findings) {
        self.package(report, findings);
        if !UNITS.iter().any(|unit| self.path(unit).exists() || self.path(unit).is_symlink()) {
            return;
        }
        let properties = "--property=UnitFileState,ActiveState,SubState,Result,NRestarts,ExecMainStatus";
        let Some(shown) = self.say(&["systemctl", "show", "fridge.service", properties]) else { return };
        let shown: HashMap<&str, &str> = shown.lines().filter_map(|line| line.split_once('=')).collect();
        let property = |name: &str| shown.get(name).copied().unwrap_or_default();
        match property("UnitFileState") {
            "masked" | "masked-runtime" => findings.fault(
                Id::ServiceMasked,
                ABOUT,
                "masked: nothing can start it",
                "sudo systemctl unmask fridge",
            ),
            "disabled" => findings.warning(
                Id::ServiceDisabled,
                ABOUT,
                "it does not start with the machine",
                "sudo systemctl enable fridge",
            ),
            _ => {}
        }
        match (property("ActiveState"), property("SubState"), property("ExecMainStatus")) {
            ("failed", _, BAD_CONFIGURATION) => findings.fault(
                Id::ServiceConfiguration,
                ABOUT,
                "it does not run: the configuration is wrong",
                "fridge check; then sudo systemctl restart fridge",
            ),
            ("failed" | "activating", "failed" | "auto-restart", _) => findings.fault(
                Id::ServiceFailed,
                ABOUT,
                format!("it ended: {}", reason(property("Result"))),
                format!("{JOURNAL}; then sudo systemctl restart fridge"),
            ),
            ("inactive", ..) => {
                findings.warning(Id::ServiceStopped, ABOUT, "it does not run", "sudo systemctl start fridge")
            }
            ("active", ..) => self.restarts(property("NRestarts"), findings),
            _ => {}
        }
    }

    /// Whether the service may read its configuration, which an editor or a copy may have made root's alone.
    pub(super) fn rights_of_configuration(&self, config: Option<&Config>, findings: &mut Findings) {
        let Some(path) =
            config.map(|config| &config.path).filter(|path| path.starts_with(self.path("etc/fridge")))
        else {
            return;
        };
        let (Ok(file), Some(user), Some(group)) =
            (fs::metadata(path), self.service_user(), self.service_group())
        else {
            return;
        };
        let readable = file.mode() & 0o004 != 0
            || file.gid() == group && file.mode() & 0o040 != 0
            || file.uid() == user && file.mode() & 0o400 != 0;
        if !readable {
            let shown = path.display();
            findings.fault(
                Id::ConfigurationRights,
                ABOUT,
                format!("its user cannot read {shown}"),
                format!("sudo chgrp fridge {shown}; sudo chmod 640 {shown}; sudo systemctl restart fridge"),
            );
        }
    }

    fn restarts(&self, restarts: &str, findings: &mut Findings) {
        if matches!(restarts, "" | "0") {
            findings.ok(ABOUT, "it runs, and never had to be restarted");
            return;
        }
        // What systemd itself knows of that is forgotten with the new start.
        let last = self.say(&[
            "journalctl",
            "--unit=fridge.service",
            "--quiet",
            "--no-pager",
            "--output=cat",
            "--lines=1",
            "--grep=Failed with result",
        ]);
        let result = last.as_deref().and_then(|line| line.split('\'').nth(1));
        let why =
            result.map_or_else(String::new, |result| format!(", the last time because {}", reason(result)));
        let times = if restarts == "1" { "once".into() } else { format!("{restarts} times") };
        findings.warning(
            Id::ServiceRestarted,
            ABOUT,
            format!("it runs, and was restarted {times}{why}"),
            JOURNAL,
        );
    }

    fn package(&self, report: Option<&Report>, findings: &mut Findings) {
        let Some(package) = self.say(&["dpkg-query", "--show", "--showformat=${Version}", "fridge"]) else {
            return;
        };
        let version = package.split('-').next().unwrap_or(&package);
        let runs = report.map_or(env!("CARGO_PKG_VERSION"), |report| report.version.as_str());
        if version == runs {
            findings.ok("package", format!("version {package}"));
        } else {
            let what = if report.is_some() { "runs" } else { "is this program" };
            findings.warning(
                Id::PackageVersion,
                "package",
                format!("version {package} is installed, and {runs} {what}"),
                "sudo systemctl restart fridge; `type -a fridge` shows whether two versions are installed",
            );
        }
    }
}

/// A result of systemd's in words (`systemd.exec(5)`, $SERVICE_RESULT).
fn reason(result: &str) -> String {
    match result {
        "watchdog" => "its self-check failed for too long (watchdog)".into(),
        "oom-kill" => "it was out of memory (oom-kill)".into(),
        "timeout" => "it took too long to start or end (timeout)".into(),
        "exit-code" => "it failed (exit-code)".into(),
        "signal" | "core-dump" => format!("it was killed ({result})"),
        other => other.to_owned(),
    }
}
