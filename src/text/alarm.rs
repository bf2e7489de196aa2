//! What an alarm says: in a message, in a list, and to who does something about it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::{Units, count, duration, temperature};
use crate::alarm::{Acknowledgement, Alarm, Kind, Message, RuleName, Topic, Urgency};
use crate::doc::{Block, Doc, Text};
use crate::reading::Celsius;

/// There are none.
pub const NO_ALARMS: &str = "No alarm is open.";
/// No alarm that is open is meant.
pub const NOT_OPEN: &str = "No open alarm is meant by that. `fridge alarms` lists them.";
/// Behind `defrost` no fridge is named.
pub const NO_FRIDGE_MEANT: &str = "Which fridge? Name it, such as `fridge defrost freezer 45m`.";
/// The length of time behind `snooze` or `defrost` cannot be used.
pub const NO_LENGTH: &str = "How long? End with a length of time from 1m to 24h, such as `45m` or `2h`.";
/// A button of an alarm that is over.
pub const IS_OVER: &str = "This alarm is over. `fridge alarms` lists those that are open.";
/// A button of an alarm whose month is over.
pub const BUTTON_EXPIRED: &str = "This button is too old. `fridge alarms` lists the open alarms.";

/// What an alarm is about, behind a fridge's name.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::TooWarm => "too warm",
        Kind::TooCold => "too cold",
        Kind::ProbeSilent => "probe silent",
        Kind::ProbeStuck => "probe stuck",
    }
}

/// Which rule raised it.
pub fn rule(rule: RuleName) -> &'static str {
    match rule {
        RuleName::ProductLag => "product lag",
        RuleName::Delay => "delay",
        RuleName::Escalation => "escalation",
        RuleName::Gross => "gross",
        RuleName::Silent => "silent",
        RuleName::Stuck => "stuck",
    }
}

/// The first line of a message, enough for a phone's notification: "Milk is too warm (#41)".
pub fn headline(message: &Message, gateway: Option<&str>, is_simulated: bool) -> Text {
    let line = match &message.alarms[..] {
        [only] => {
            let name = Text::name(&only.name).and(format!(" (#{}) ", only.number));
            name.and(match message.topic {
                Topic::Raised => format!("is {}", state(only)),
                Topic::Escalated => format!("is {}: now urgent", state(only)),
                Topic::Unanswered => format!("is {}, and nobody has acknowledged it", state(only)),
                Topic::Reminder => format!("is still {}", state(only)),
                Topic::Cleared => String::from("is OK again"),
            })
        }
        several => {
            let fridges = count(several.len(), "alarm");
            Text::from(match message.topic {
                Topic::Raised => format!("{fridges} at once"),
                Topic::Escalated => format!("{fridges} are now urgent"),
                Topic::Unanswered => format!("{fridges}, and nobody has acknowledged them"),
                Topic::Reminder => format!("{fridges} are still open"),
                Topic::Cleared => format!("{fridges} are over"),
            })
        }
    };
    super::headline(line, gateway, is_simulated)
}

/// What stands below: a line for each alarm, and what can be done.
pub fn lines(message: &Message, units: Units, now: Timestamp) -> Doc {
    let is_single = message.alarms.len() == 1;
    let lines = message.alarms.iter().take(MOST_LISTED).map(|alarm| {
        let said = details(alarm, units, now);
        if is_single {
            said
        } else {
            Text::name(&alarm.name).and(format!(" (#{}): ", alarm.number)).and(said)
        }
    });
    let mut lines = lines;
    let doc = match (is_single, lines.next()) {
        (true, Some(only)) => Doc::new(only),
        (_, first) => {
            Doc::default().with(Block::List(first.into_iter().chain(lines).chain(rest(message)).collect()))
        }
    };
    match message.topic {
        Topic::Cleared => doc,
        _ => doc.with(Block::Line(Text::sentence("To take it on, type `fridge ack` and the cause."))),
    }
}

/// The whole message as plain text.
pub fn plain(message: &Message, gateway: Option<&str>, units: Units, now: Timestamp) -> String {
    let doc = Doc { headline: headline(message, gateway, false), ..Doc::default() };
    let mut text = crate::doc::terminal::render(&doc, false);
    for alarm in message.alarms.iter().take(MOST_LISTED) {
        let line = Text::name(&alarm.name).and(": ").and(details(alarm, units, now));
        text.push_str(&crate::doc::terminal::render(&Doc::new(line), false));
    }
    if let Some(rest) = rest(message) {
        text.push_str(&crate::doc::terminal::render(&Doc::new(rest), false));
    }
    text.trim_end().to_owned()
}

/// Stands for the alarms that are not listed.
fn rest(message: &Message) -> Option<Text> {
    more(message.alarms.len().saturating_sub(MOST_LISTED))
}

/// An alarm in a line, behind its fridge's name: "too warm for 40 min, acknowledged by anna: delivery".
pub fn details(alarm: &Alarm, units: Units, now: Timestamp) -> Text {
    let mut text = match alarm.cleared {
        None => Text::from(format!("{} for {}", kind(alarm.kind), duration(ago(alarm.since, now)))),
        Some(cleared) => {
            let lasted = duration(alarm.lasts(now));
            let line = Text::from(format!("was {} for {lasted}", kind(alarm.kind)));
            match cleared.peak.and_then(Celsius::from_degrees) {
                Some(peak) => {
                    let extreme = if alarm.kind == Kind::TooCold { "lowest" } else { "highest" };
                    let outside = duration(Duration::from_secs(cleared.outside_s));
                    line.and(format!(", {extreme} {}, {outside} outside its limit", temperature(peak, units)))
                }
                None => line,
            }
        }
    };
    if alarm.urgency == Urgency::Urgent && alarm.cleared.is_none() {
        text = text.and(", ").and(Text::strong("urgent"));
    }
    let late = ago(alarm.raised, now);
    if alarm.cleared.is_none() && late > LATE {
        text = text.and(format!(", raised {} ago", duration(late)));
    }
    match &alarm.acknowledged {
        None => text,
        Some(acknowledgement) => {
            let text = match &acknowledgement.by {
                Some(by) => text.and(", acknowledged by ").and(Text::name(by)),
                None => text.and(", acknowledged"),
            };
            match &acknowledgement.cause {
                Some(cause) => text.and(": ").and(Text::name(cause)),
                None => text,
            }
        }
    }
}

/// More alarms than this are not listed one by one: names have up to 200 characters, and a post 16,383.
const MOST_LISTED: usize = 30;

/// From this on a message says when its alarm was raised.
const LATE: Duration = Duration::from_secs(5 * 60);

/// An open alarm in the answer to `status`: "Milk: too warm since 09:12, #41, acknowledged by anna".
pub fn in_status(alarm: &Alarm, since: DateTime, today: Date) -> Text {
    let time = format!("{:02}:{:02}", since.hour(), since.minute());
    let when = if since.date() == today { time } else { format!("{} {time}", since.date()) };
    let urgent = if alarm.urgency == Urgency::Urgent { ", urgent" } else { "" };
    let text = Text::name(&alarm.name).and(format!(
        ": {} since {when}{urgent}, #{}",
        kind(alarm.kind),
        alarm.number
    ));
    match &alarm.acknowledged {
        None => text,
        Some(Acknowledgement { by: Some(by), .. }) => text.and(", acknowledged by ").and(Text::name(by)),
        Some(_) => text.and(", acknowledged"),
    }
}

/// Stands for the alarms that `status` does not show.
pub fn more(alarms: usize) -> Option<Text> {
    (alarms > 0).then(|| Text::sentence(&format!("… and {alarms} more; `fridge alarms` lists them.")))
}

/// The line above a list of open alarms.
pub fn open(alarms: usize) -> String {
    format!("{} open", count(alarms, "alarm"))
}

/// Some alarms were acknowledged.
pub fn acknowledged(alarms: &[&Alarm], cause: Option<&str>) -> Text {
    let names = alarms.iter().map(|alarm| Text::name(&alarm.name).and(format!(" (#{})", alarm.number)));
    let text = Text::from("Acknowledged: ").and(Text::joined(names));
    match cause {
        Some(cause) => text.and(". Cause: ").and(Text::name(cause)),
        None => text,
    }
}

/// Around some fridges it is quiet.
pub fn snoozed<'a>(fridges: impl IntoIterator<Item = &'a str>, length: Duration) -> Text {
    Text::names(fridges).and(format!(": no messages for {}", duration(length)))
}

/// Warmth is expected in some fridges.
pub fn defrosting<'a>(fridges: impl IntoIterator<Item = &'a str>, length: Duration) -> Text {
    Text::names(fridges)
        .and(format!(": warmth is expected for {}; an urgent alarm still comes", duration(length)))
}

fn state(alarm: &Alarm) -> &'static str {
    match alarm.kind {
        Kind::TooWarm => "too warm",
        Kind::TooCold => "too cold",
        Kind::ProbeSilent => "without readings",
        Kind::ProbeStuck => "stuck at one reading",
    }
}

fn ago(since: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(since).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(alarms: u64) -> Message {
        let alarm = |number| Alarm {
            number,
            fridge: format!("f{number}"),
            name: "\u{1f9ca}*_|".repeat(50),
            kind: Kind::TooWarm,
            rule: RuleName::ProductLag,
            urgency: Urgency::Urgent,
            since: Timestamp::UNIX_EPOCH,
            raised: Timestamp::UNIX_EPOCH,
            drill: false,
            acknowledged: None,
            announced: true,
            announced_urgent: false,
            unanswered: None,
            cleared: None,
            ended: false,
        };
        Message { topic: Topic::Raised, at: Timestamp::UNIX_EPOCH, alarms: (1..=alarms).map(alarm).collect() }
    }

    #[test]
    fn a_message_about_a_thousand_fridges_is_one_post() {
        let message = message(1_000);
        let doc = lines(&message, Units::Celsius, Timestamp::UNIX_EPOCH);
        let text = crate::doc::markdown::render(&doc);
        assert!(text.chars().count() < crate::doc::markdown::POST_CHARACTERS, "{}", text.chars().count());
        assert!(text.contains("… and 970 more"), "{text}");
        assert!(plain(&message, None, Units::Celsius, Timestamp::UNIX_EPOCH).contains("… and 970 more"));
    }

    #[test]
    fn a_message_says_what_since_when_and_when_late_that_too() {
        let mut one = message(1);
        one.alarms[0].name = "Milk".into();
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(3 * 3_600);
        let said = |message: &Message| plain(message, Some("Kitchen"), Units::Celsius, now);
        assert_eq!(
            said(&one),
            "Kitchen: Milk (#1) is too warm\nMilk: too warm for 3 h, urgent, raised 3 h ago"
        );
        one.topic = Topic::Cleared;
        let at = Timestamp::UNIX_EPOCH + Duration::from_secs(7_200);
        one.alarms[0].cleared = Some(crate::alarm::Clearance { at, peak: Some(9.0), outside_s: 5_400 });
        assert_eq!(
            said(&one),
            "Kitchen: Milk (#1) is OK again\nMilk: was too warm for 2 h, highest 9.0 °C, 90 min outside its limit"
        );
    }
}
