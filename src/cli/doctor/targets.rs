//! Who is told of alarms: how the delivery goes, and a message that says it is a test.

use std::time::Duration;

use jiff::Timestamp;

use super::{Findings, Id};
use crate::config::Config;
use crate::daemon::{self, Report};
use crate::notify::{self, Context, Kind};
use crate::text;

const ABOUT: &str = "alarms";
const CURE: &str = "docs/alarms.md, \"Who is told\"; `fridge doctor --send` tries it";

const BROKER: &str = "mqtt";
const BROKER_CURE: &str = "docs/fleet.md, \"When nothing arrives\"";

/// How the delivery to each target goes.
pub fn examine(config: &Config, report: Option<&Report>, findings: &mut Findings) {
    if config.targets.is_empty() {
        findings.ok(ABOUT, "no [[notify]] is configured: they appear in `fridge alarms` and in the log only");
    }
    let Some(report) = report else { return };
    for target in &config.targets {
        let silence = "nothing to send";
        delivery(&target.name, (Id::NotifyFailing, CURE), silence, report, (ABOUT, findings));
    }
    if let Some(broker) = &config.mqtt {
        let id = (Id::MqttFailing, BROKER_CURE);
        delivery(&broker.label(), id, "nothing published", report, (BROKER, findings));
    }
    if let Some(hub) = &config.hub {
        let id = (Id::MqttFailing, BROKER_CURE);
        delivery(&hub.label(), id, "nothing read", report, (BROKER, findings));
    }
}

/// How the delivery to one of them goes; `silence` says that there was none.
fn delivery(
    name: &str,
    (failing, cure): (Id, &'static str),
    silence: &str,
    report: &Report,
    (about, findings): (&'static str, &mut Findings),
) {
    let Some(status) = report.targets.get(name) else {
        let text = format!("{name}: not in use yet");
        findings.warning(Id::NotifyUnused, about, text, "sudo systemctl reload fridge");
        return;
    };
    let waiting = match status.waiting {
        0 => String::new(),
        waiting => format!(", {} waiting", text::count(waiting, "message")),
    };
    match (&status.failing, status.arrived) {
        (Some(reason), _) => findings.fault(failing, about, format!("{name}: {reason}{waiting}"), cure),
        (None, Some(at)) => {
            let ago = Timestamp::now().duration_since(at).unsigned_abs();
            findings.ok(about, format!("{name}: reached {} ago{waiting}", text::duration(ago)));
        }
        (None, None) if status.waiting > 0 => findings.ok(about, format!("{name}: sending{waiting}")),
        (None, None) => {
            let up = text::duration(Duration::from_secs(report.up_s));
            findings.ok(about, format!("{name}: {silence} in the {up} since the start"));
        }
    }
}

/// Sends a test to each target.
pub fn send(config: &Config, findings: &mut Findings) {
    let context = Context {
        gateway: config.site.name.clone(),
        units: config.site.units,
        is_simulated: config.is_simulated(),
        buttons: None,
        clock: daemon::clock(),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            findings.fault(Id::NotifyTest, ABOUT, format!("no test was sent: {error}"), "try again");
            return;
        }
    };
    for target in &config.targets {
        match runtime.block_on(notify::send_test(target, config.mqtt.as_ref(), &context)) {
            Ok(()) if matches!(target.kind, Kind::Heartbeat { .. }) => {
                findings.ok(ABOUT, format!("{}: it answers", target.name));
            }
            Ok(()) => findings.ok(ABOUT, format!("{}: the test has arrived", target.name)),
            Err(reason) => {
                let text = format!("{}: the test did not arrive: {reason}", target.name);
                findings.fault(Id::NotifyTest, ABOUT, text, "docs/alarms.md, \"Who is told\"");
            }
        }
    }
}
