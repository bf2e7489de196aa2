//! What comes to the running gateway: questions, and whatever was turned away.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Findings, Id};
use crate::daemon::Report;
use crate::https::{CERTIFICATE_REFUSED, HUNG_UP, TurnedAway};
use crate::text;

const ABOUT: &str = "Mattermost";
const LAST: &str = "sudo fridge doctor --last";
/// What is older, in seconds, has been mended, or nobody minds.
const DAY: u64 = 86_400;

/// Looks at what was asked and at what was turned away.
pub fn examine(report: &Report, findings: &mut Findings) {
    let questions = &report.questions;
    if report.hooks == 0 {
        findings.fault(
            Id::NoToken,
            ABOUT,
            "no token is configured: every question is rejected",
            "a [[hook]] with the token that Mattermost shows",
        );
    }
    match (&questions.last_hook, questions.last_question_age_s) {
        (Some(hook), Some(age)) => {
            let age = text::duration(Duration::from_secs(age));
            findings.ok(ABOUT, format!("last question {age} ago by {hook}, {} in all", questions.asked));
        }
        _ => findings.warning(
            Id::NoQuestion,
            ABOUT,
            "no question since the start",
            "type `fridge status` in the channel; if there is no answer, see docs/chat.md, \"When it does not work\"",
        ),
    }
    turned_away(report, findings);
}

/// What was turned away within a day, by its reason. A port scan is nothing to be mended.
fn turned_away(report: &Report, findings: &mut Findings) {
    let mut by_reason: BTreeMap<&str, Vec<&TurnedAway>> = BTreeMap::new();
    for entry in report.turned_away.iter().filter(|it| it.age_s < DAY && it.reason != HUNG_UP) {
        by_reason.entry(&entry.reason).or_default().push(entry);
    }
    for (reason, entries) in by_reason {
        let count = entries.iter().map(|entry| entry.count).sum::<u64>();
        if report.questions.rejected.contains_key(reason) {
            findings.warning(Id::RequestsRejected, ABOUT, format!("{count} rejected: {reason}"), LAST);
            continue;
        }
        let newest = entries.iter().map(|entry| entry.age_s).min().unwrap_or_default();
        let ago = text::duration(Duration::from_secs(newest));
        let when = match count {
            1 => format!("once, {ago} ago"),
            count => format!("{count} times, last {ago} ago"),
        };
        let peers = entries.iter().filter_map(|entry| entry.peer.map(|peer| peer.to_string()));
        let peers: Vec<String> = peers.take(3).collect();
        let whom = if peers.is_empty() { String::from("a client") } else { peers.join(", ") };
        if reason == CERTIFICATE_REFUSED {
            if report.questions.last_question_age_s.is_some_and(|age| age < newest) {
                // Whoever asked since then trusts it.
                continue;
            }
            findings.warning(
                Id::CertificateRefused,
                "certificate",
                format!("{whom} refused our certificate {when}"),
                "if that is Mattermost's server: `fridge cert` prints what it has to trust",
            );
        } else {
            let why = entries.first().map_or("", |entry| &entry.explanation);
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let text = format!("turned {whom} away {when} ({reason}){why}");
            findings.warning(Id::TurnedAway, "connections", text, LAST);
        }
    }
}
