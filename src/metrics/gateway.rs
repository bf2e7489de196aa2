//! Metrics of the gateway: what it was asked, what it turned away, whom it told, and how its disk is.

use std::fmt;

use super::Scrape;
use super::sample::{Writer, flag, number};

/// Writes them.
pub fn write(writer: &mut Writer<'_>, scrape: &Scrape) -> fmt::Result {
    let gateway = scrape.chat.gateway();
    let (snapshot, now) = (gateway.snapshot(), gateway.now());
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    writer.gauges(("fridge_build_info", "The version that runs"), [(version, 1.0)])?;
    let up = now.since(&snapshot.started).as_secs_f64();
    writer.gauges(("fridge_uptime_seconds", "Time since the start"), [(vec![], up)])?;
    of_questions(writer, scrape)?;
    of_transport(writer, scrape)?;
    of_targets(writer, scrape)?;
    let disk = gateway.disk();
    writer.gauges(
        ("fridge_history_failing", "Whether what is measured cannot be written to the disk"),
        [(vec![], flag(disk.failing.is_some()))],
    )?;
    writer.counters(
        ("fridge_history_lost_readings", "Readings that were lost because the disk took none for too long"),
        [(vec![], number(disk.lost))],
    )?;
    writer.counters(
        (
            "fridge_history_writes",
            "Transactions of readings that were written to the disk, each with one fsync",
        ),
        [(vec![], number(disk.writes))],
    )
}

fn of_questions(writer: &mut Writer<'_>, scrape: &Scrape) -> fmt::Result {
    let questions = scrape.chat.gateway().questions();
    let labels = |(command, outcome)| vec![("command", command), ("outcome", <&str>::from(outcome))];
    writer.histograms(
        (
            "fridge_answer_duration_seconds",
            "How long the answer to a question took, by its command and outcome",
        ),
        questions.into_iter().map(|(question, durations)| (labels(question), durations)),
    )?;
    writer.counters(
        ("fridge_questions_rejected", "Questions of Mattermost that were rejected, by the reason"),
        scrape
            .sources
            .questions
            .rejected
            .iter()
            .map(|(why, count)| (vec![("reason", why.as_str())], number(*count))),
    )
}

fn of_transport(writer: &mut Writer<'_>, scrape: &Scrape) -> fmt::Result {
    let transport = &scrape.sources.transport;
    let connections =
        [("accepted", transport.accepted), ("refused", transport.refused), ("evicted", transport.evicted)];
    writer.counters(
        ("fridge_connections", "Connections that were accepted, refused at a limit, or ended to make room"),
        connections.map(|(outcome, count)| (vec![("outcome", outcome)], number(count))),
    )?;
    writer.counters(
        ("fridge_tls_failures", "TLS handshakes that failed, by the reason"),
        transport.tls_failed.iter().map(|(why, count)| (vec![("reason", why.as_str())], number(*count))),
    )?;
    let statuses: Vec<(String, u64)> =
        transport.rejected.iter().map(|(status, count)| (status.to_string(), *count)).collect();
    writer.counters(
        ("fridge_requests_rejected", "Requests that were rejected, by the HTTP status"),
        statuses.iter().map(|(status, count)| (vec![("status", status.as_str())], number(*count))),
    )?;
    writer.counters(
        ("fridge_requests_answered", "Requests that were answered"),
        [(vec![], number(transport.answered))],
    )
}

fn of_targets(writer: &mut Writer<'_>, scrape: &Scrape) -> fmt::Result {
    let targets = || scrape.sources.targets.iter().map(|(name, target)| (name.as_str(), target));
    writer.gauges(
        ("fridge_outbox_messages", "Messages about alarms that wait to be delivered, by the target"),
        targets().map(|(name, target)| (vec![("target", name)], target.waiting as f64)),
    )?;
    let now = scrape.chat.gateway().now().wall;
    writer.gauges(
        (
            "fridge_outbox_oldest_seconds",
            "How long ago the oldest message that waits was written, by the target",
        ),
        targets().filter_map(|(name, target)| {
            Some((vec![("target", name)], now.duration_since(target.oldest?).as_secs_f64().max(0.0)))
        }),
    )?;
    writer.gauges(
        ("fridge_delivery_failing", "Whether the newest try to deliver a message failed, by the target"),
        targets().map(|(name, target)| (vec![("target", name)], flag(target.is_failing))),
    )?;
    writer.gauges(
        ("fridge_last_delivery_timestamp_seconds", "When a message arrived last, by the target"),
        targets().filter_map(|(name, target)| {
            Some((vec![("target", name)], target.arrived?.as_millisecond() as f64 / 1_000.0))
        }),
    )?;
    let outcomes = targets().flat_map(|(name, target)| {
        [("delivered", target.delivered), ("failed", target.failed)]
            .map(|(outcome, count)| (vec![("target", name), ("outcome", outcome)], number(count)))
    });
    writer.counters(("fridge_deliveries", "Messages that were delivered, and tries that failed"), outcomes)
}
