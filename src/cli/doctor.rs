//! `fridge doctor`: everything that can be wrong, a line each: ok, warning or fault, and the cure.
//! Exit status 0, 1, 2 by the worst of them.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::{FileOptions, terminal};
use crate::config::Config;
use crate::daemon::Report;
use crate::host as machine;
use crate::https::{TurnedAway, certificate};
use crate::socket::{self, Question};
use crate::text;

mod calibration;
mod finding;
mod gpio;
mod history;
mod host;
mod link;
mod page;
mod targets;
mod traffic;

use finding::{Findings, Id, Level};

/// A certificate that ends within this time is worth a warning.
const ENDS_SOON: Duration = Duration::from_secs(30 * 86_400);

/// The options of `doctor`.
#[derive(Args)]
pub struct Options {
    /// Explain what was turned away lately instead (for root and the group fridge)
    #[arg(long)]
    last: bool,
    /// Measure instead whether this computer keeps a bus's time windows on a pin, for `kind = "gpio"`
    #[arg(long, conflicts_with = "last")]
    gpio: bool,
    /// Trust the certificates in this file, too, when trying the link
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send a message that says it is a test to everyone who is told of alarms
    #[arg(long, conflicts_with_all = ["last", "gpio"])]
    send: bool,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Runs every check and reports the findings.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<ExitCode> {
    if options.last {
        return last(options, files);
    }
    let mut findings = Findings::default();
    if options.gpio {
        gpio::examine(files, &mut findings)?;
    } else {
        examine(options, files, &mut findings);
    }
    if options.json {
        terminal::print_json(&findings.0)?;
    } else {
        terminal::print(&finding::text(&findings.0, terminal::wants_colour()))?;
    }
    let worst = findings.0.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    Ok(ExitCode::from(worst as u8))
}

fn examine(options: &Options, files: &FileOptions, findings: &mut Findings) {
    let report = gateway(files, findings);
    let config = configuration(files, report.as_ref(), findings);
    let own = certificate(files, config.as_ref(), report.as_ref(), findings);
    match &report {
        Some(report) => running(report, findings),
        None => port(config.as_ref(), findings),
    }
    let state = report.as_ref().and_then(|report| report.certificate.parent().map(Path::to_owned));
    let state = state.unwrap_or_else(|| files.state());
    host::Machine::this().examine(config.as_ref(), &state, report.as_ref(), findings);
    // Without a gateway that runs there is nobody to answer, unless the configuration names another machine.
    if let Some(config) = config.as_ref().filter(|config| report.is_some() || config.mattermost.url.is_some())
    {
        let was_asked = report.as_ref().is_some_and(|report| report.questions.asked > 0);
        let seen = link::Seen { own: own.as_deref(), ca: options.ca.as_deref(), was_asked };
        link::examine(&config.mattermost, &seen, findings);
    }
    if let Some(config) = &config {
        let today = Timestamp::now().to_zoned_datetime(machine::time_zone().0).date();
        calibration::examine(&config.site.fridges, today, findings);
        page::examine(&config.page, &config.auth, findings);
        targets::examine(config, report.as_ref(), findings);
        if options.send {
            targets::send(config, findings);
        }
    }
}

/// What was turned away lately, the newest first.
fn last(options: &Options, files: &FileOptions) -> anyhow::Result<ExitCode> {
    let answer = socket::ask(&files.sockets(), &Question::RecentRejections)?;
    if let Some(error) = answer["error"].as_str() {
        anyhow::bail!("{error}");
    }
    if options.json {
        return terminal::print_json(&answer).map(|()| ExitCode::SUCCESS);
    }
    let rejections: Vec<TurnedAway> = serde_json::from_value(answer)?;
    let mut text = String::new();
    if rejections.is_empty() {
        text.push_str("Nothing was turned away since the start.\n");
    }
    for TurnedAway { age_s, count, peer, reason, explanation, .. } in rejections {
        let age = text::duration(Duration::from_secs(age_s));
        let peer = peer.map(|peer| format!(", {peer}")).unwrap_or_default();
        let times = if count == 1 { String::new() } else { format!(", {count} times") };
        text.push_str(&format!("{age} ago{peer}{times}, {reason}: {explanation}\n"));
    }
    terminal::print(&terminal::printable(&text)).map(|()| ExitCode::SUCCESS)
}

fn gateway(files: &FileOptions, findings: &mut Findings) -> Option<Report> {
    const ABOUT: &str = "gateway";
    let (answer, user) = match socket::ask_whom(&files.sockets(), &Question::Report) {
        Ok(answered) => answered,
        Err(error) => {
            let text = "not running, or not reachable";
            findings.warning(Id::GatewayNotRunning, ABOUT, text, error.to_string());
            return None;
        }
    };
    if !trusted_users().contains(&user) {
        findings.warning(
            Id::GatewayOfAnother,
            ABOUT,
            format!(
                "user {user} runs what answers on this socket: the files that it names are not looked at"
            ),
            format!("ask as that user: sudo -u '#{user}' fridge doctor; or give another --socket"),
        );
        return None;
    }
    match serde_json::from_value::<Report>(answer) {
        Ok(report) => {
            let up = text::duration(Duration::from_secs(report.up_s));
            if report.version == env!("CARGO_PKG_VERSION") {
                findings.ok(ABOUT, format!("version {} runs, up for {up}", report.version));
            } else {
                let text =
                    format!("version {} runs, {} is installed", report.version, env!("CARGO_PKG_VERSION"));
                findings.warning(Id::GatewayVersion, ABOUT, text, "sudo systemctl restart fridge");
            }
            Some(report)
        }
        Err(error) => {
            findings.fault(
                Id::GatewayVersion,
                ABOUT,
                format!("another version runs: {error}"),
                "sudo systemctl restart fridge",
            );
            None
        }
    }
}

/// The configuration of the gateway that runs; where none does, of the one that would.
fn configuration(files: &FileOptions, report: Option<&Report>, findings: &mut Findings) -> Option<Config> {
    const ABOUT: &str = "configuration";
    let path = match (&files.config, report) {
        // Whoever has the socket names a file: only one that its owner could not have chosen to spy on others' is read.
        (None, Some(report)) if is_owned_by(&report.configuration, &readers()) => {
            Ok(report.configuration.clone())
        }
        _ => files.config_path(),
    };
    let path = match path {
        Ok(path) => path,
        Err(problems) => {
            let cure = "correct it, then `fridge check`";
            findings.fault(Id::ConfigurationWrong, ABOUT, problems.to_string(), cure);
            return None;
        }
    };
    match Config::load(&path) {
        Ok(config) => {
            match report {
                Some(report) if report.is_last_good && report.configuration == path => findings.warning(
                    Id::ConfigurationWarning,
                    ABOUT,
                    format!(
                        "{} is OK, but the gateway refused it when it last looked, and runs on the one before",
                        path.display()
                    ),
                    "sudo systemctl restart fridge",
                ),
                _ => findings.ok(ABOUT, format!("{} is OK", path.display())),
            }
            for warning in &config.warnings {
                findings.warning(
                    Id::ConfigurationWarning,
                    ABOUT,
                    warning.clone(),
                    "docs/config.md describes every setting",
                );
            }
            Some(config)
        }
        Err(problems) => {
            let is_refused = report.is_some_and(|report| report.is_last_good && report.configuration == path);
            let runs = if is_refused { "; the gateway runs on the last good one" } else { "" };
            findings.fault(
                Id::ConfigurationWrong,
                ABOUT,
                format!("{problems}{runs}"),
                "correct it, then `fridge check`",
            );
            None
        }
    }
}

/// Whose configuration is read: nobody else's, because what is wrong with it is printed.
fn readers() -> [u32; 2] {
    [0, rustix::process::geteuid().as_raw()]
}

/// Whose word is taken: root's, the asker's own, and that of the service's user.
fn trusted_users() -> Vec<u32> {
    let own = rustix::process::geteuid().as_raw();
    [0, own].into_iter().chain(machine::user_id(Path::new("/"), machine::SERVICE)).collect()
}

/// Whether a path that a gateway names is one of these users', and its folder, too: nobody else can have put there what
/// should not be read.
fn is_owned_by(path: &Path, users: &[u32]) -> bool {
    let is_owned = |path: &Path| {
        fs::symlink_metadata(path).is_ok_and(|it| !it.is_symlink() && users.contains(&it.uid()))
    };
    is_owned(path) && path.parent().is_some_and(is_owned)
}

/// Judges the gateway's certificate and returns its file, if there is one.
fn certificate(
    files: &FileOptions,
    config: Option<&Config>,
    report: Option<&Report>,
    findings: &mut Findings,
) -> Option<PathBuf> {
    const ABOUT: &str = "certificate";
    let configured = config.and_then(|config| config.https.certificate.as_ref());
    let is_known = |path: &PathBuf| {
        configured.is_some_and(|configured| configured.certificate == *path)
            || is_owned_by(path, &trusted_users())
    };
    let served = report.map(|report| report.certificate.clone()).filter(is_known);
    let path = served.unwrap_or_else(|| match configured {
        Some(configured) => configured.certificate.clone(),
        None => files.state().join("certificate.pem"),
    });
    if report.is_none() && configured.is_none() && !path.exists() {
        findings.ok(ABOUT, format!("none yet; the first start makes {}", path.display()));
        return None;
    }
    match certificate::describe(&path) {
        Err(error) => {
            findings.fault(Id::CertificateUnreadable, ABOUT, error.to_string(), "`fridge cert --help`")
        }
        Ok(description) => judge_certificate(&path, &description, Timestamp::now(), findings),
    }
    Some(path)
}

fn judge_certificate(
    path: &Path,
    description: &certificate::Description,
    now: Timestamp,
    findings: &mut Findings,
) {
    const ABOUT: &str = "certificate";
    let issues = description.issues(now);
    let until = description.not_after.strftime("%Y-%m-%d");
    if issues.is_empty() && description.not_after.duration_since(now).unsigned_abs() < ENDS_SOON {
        let another = "replace it; the new one is read without a restart";
        findings.warning(
            Id::CertificateExpires,
            ABOUT,
            format!("{} expires on {until}", path.display()),
            another,
        );
    } else if issues.is_empty() {
        findings.ok(
            ABOUT,
            format!("{} is valid until {until} for {}", path.display(), description.names.join(", ")),
        );
    }
    if let Some(bits) = description.rsa_bits.filter(|_| description.is_slow()) {
        findings.warning(
            Id::CertificateSlow,
            ABOUT,
            format!("{} has an RSA key of {bits} bits: each new connection takes long", path.display()),
            "use a certificate with an ECDSA P-256 key, or RSA with 2048 bits",
        );
    }
    for issue in issues {
        findings.fault(
            Id::CertificateUnfit,
            ABOUT,
            format!("{}: {}", path.display(), issue.what),
            issue.cure,
        );
    }
}

/// Whether the port is free, where no gateway runs that has it.
fn port(config: Option<&Config>, findings: &mut Findings) {
    for address in config.iter().flat_map(|config| &config.https.listen) {
        match TcpListener::bind::<SocketAddr>(*address) {
            Ok(_) => findings.ok("port", format!("{address} is free")),
            Err(error) => findings.fault(
                Id::PortTaken,
                "port",
                format!("cannot listen on {address}: {error}"),
                match error.kind() {
                    ErrorKind::AddrInUse => {
                        format!("sudo ss -ltnp 'sport = :{}' shows what uses it", address.port())
                    }
                    _ => String::from("correct `listen`: an address of this machine, and a port above 1023"),
                },
            ),
        }
    }
}

fn running(report: &Report, findings: &mut Findings) {
    let addresses: Vec<String> = report.addresses.iter().map(SocketAddr::to_string).collect();
    findings.ok("port", format!("answering on {}", addresses.join(", ")));
    for bus in &report.buses {
        let simulated = if report.simulated { ", simulated" } else { "" };
        match (&bus.fault, bus.age_s) {
            (Some(fault), _) => findings.fault(
                Id::BusBroken,
                "readings",
                format!("{}: {fault}", bus.name),
                "docs/probes.md; `fridge probes` shows which probes it has",
            ),
            (None, Some(age)) if bus.fresh => {
                let age = text::duration(Duration::from_secs(age));
                let text = format!("{}: {} probes, last sweep {age} ago{simulated}", bus.name, bus.probes);
                findings.ok("readings", text);
            }
            (None, Some(age)) => {
                let age = text::duration(Duration::from_secs(age));
                findings.fault(
                    Id::BusStuck,
                    "readings",
                    format!("{}: no sweep for {age}", bus.name),
                    "its driver is stuck: restart the gateway, and look at its wires",
                );
            }
            (None, None) => findings.warning(
                Id::BusUnmeasured,
                "readings",
                format!("{}: no sweep yet", bus.name),
                "ask again in some seconds",
            ),
        }
    }
    for name in &report.fridges_without_value {
        findings.fault(
            Id::FridgeWithoutValue,
            "readings",
            name.clone(),
            "`fridge probes` shows its probe, and docs/probes.md what to look at",
        );
    }
    if let Some(problem) = &report.time_zone {
        findings.warning(Id::TimeZone, "clock", problem.clone(), "then restart the gateway");
    }
    traffic::examine(report, findings);
    history::examine(report, findings);
}

#[cfg(test)]
mod tests;
