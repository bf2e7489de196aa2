//! What an alarm says: in a message, in a list, and to who does something about it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::{Decimal, Units, clock, count, duration, exposure, outage, temperature};
use crate::alarm::{Acknowledgement, Alarm, Kind, Message, RuleName, Topic, Urgency};
use crate::doc::{Block, Doc, Text};
use crate::reading::Celsius;

/// There are none.
pub const NO_ALARMS: &str = "There are no open alarms.";
/// The same where not all gateways are heard.
pub const NO_ALARMS_KNOWN: &str = "No open alarms are known.";
/// Those that are open are other gateways'.
pub const NAME_ONE: &str = "Which alarm? This gateway has none of its own to acknowledge. Name another's, such as `fridge ack north#41`.";
/// Behind an alarm of another gateway of which nothing is heard.
pub const UNCONFIRMED: &str = ", and may be over by now";
/// No alarm that is open is meant.
pub const NOT_OPEN: &str = "No open alarm matches that. `fridge alarms` lists them.";
/// Behind `defrost` no fridge is named.
pub const NO_FRIDGE_MEANT: &str = "Which fridge? Name it, such as `fridge defrost freezer 45m`.";
/// The length of time behind `snooze` or `defrost` cannot be used.
pub const NO_LENGTH: &str = "How long? End with a length of time from 1m to 24h, such as `45m` or `2h`.";
/// Behind `drill` no fridge is named, or several.
pub const NO_DRILL_MEANT: &str = "Which fridge? Name one, such as `fridge drill milk`.";
/// A fridge without limits raises no alarm about them.
pub const NOTHING_TO_DRILL: &str = "That fridge has no limits, so it has no alarm to try.";
/// Another gateway raises its alarms.
pub const DRILL_ELSEWHERE: &str =
    "Another gateway watches that fridge. Type this in the channel of that gateway.";
/// A fridge that is out of service raises none.
pub const OUT_OF_SERVICE: &str = "That fridge is out of service, so it raises no alarms.";
/// Two drills at once could not be told apart.
pub const DRILL_IS_OPEN: &str = "A drill of that fridge is open already. `fridge alarms` lists it.";
/// What a test of the way to a target says.
pub const TEST: &str = "This is a test: messages about alarms arrive here.";
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
    if let Some(notice) = &message.notice {
        return super::headline(super::gateway::headline(notice), gateway, is_simulated);
    }
    let line = match (&message.outage, &message.alarms[..]) {
        (Some(off), _) => outage::headline(off),
        (None, []) => Text::sentence(TEST),
        (None, [only]) => {
            let drill = if only.drill { "Drill: " } else { "" };
            let name = Text::from(drill).and(Text::name(&only.name)).and(format!(" (#{}) ", only.number));
            name.and(match message.topic {
                Topic::Cleared if only.drill => Text::from("is over"),
                Topic::Cleared if only.cleared.is_some_and(|it| it.is_unwatched) => {
                    Text::from("is no longer watched")
                }
                Topic::Raised => Text::from(format!("is {}", state(only))),
                Topic::Escalated => Text::from(format!("is {}: now urgent", state(only))),
                Topic::Unanswered => {
                    Text::from(format!("is {}, and nobody has acknowledged it", state(only)))
                }
                Topic::Reminder => Text::from(format!("is still {}", state(only))),
                Topic::Acknowledged => taken_on(only),
                Topic::Cleared | Topic::Outage | Topic::Gateway | Topic::Test => Text::from(no_longer(only)),
            })
        }
        (None, several) => {
            let is_drill = several.iter().all(|alarm| alarm.drill);
            let fridges = count(several.len(), if is_drill { "drill" } else { "alarm" });
            Text::from(match message.topic {
                Topic::Raised => format!("{fridges} at once"),
                Topic::Escalated => format!("{fridges} are now urgent"),
                Topic::Unanswered => format!("{fridges}, and nobody has acknowledged them"),
                Topic::Reminder => format!("{fridges} are still open"),
                Topic::Acknowledged => format!("{fridges} are acknowledged"),
                Topic::Cleared | Topic::Outage | Topic::Gateway | Topic::Test => {
                    format!("{fridges} are over")
                }
            })
        }
    };
    super::headline(line, gateway, is_simulated)
}

/// What stands below: a line for each alarm, and what can be done.
pub fn lines(message: &Message, units: Units, now: Timestamp) -> Doc {
    if let Some(notice) = &message.notice {
        return Doc::new(super::gateway::line(notice));
    }
    if let Some(off) = &message.outage {
        let lines = off.fridges.iter().take(MOST_LISTED).map(|fridge| outage::line(fridge, units));
        let doc = Doc::default().with(Block::List(lines.chain(rest(message)).collect()));
        return doc.with(Block::Line(outage::CAVEAT.into()));
    }
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
        Topic::Acknowledged | Topic::Cleared | Topic::Outage | Topic::Gateway | Topic::Test => doc,
        _ => {
            let number = message.alarms.first().map_or(0, |alarm| alarm.number);
            let it = if is_single { "it" } else { "one" };
            let how = format!("To take {it} on, type `fridge ack #{number}` and the cause.");
            doc.with(Block::Line(Text::sentence(&how)))
        }
    }
}

/// The whole message as plain text.
pub fn plain(message: &Message, gateway: Option<&str>, units: Units, now: Timestamp) -> String {
    let doc = Doc { headline: headline(message, gateway, false), ..Doc::default() };
    let mut text = crate::doc::terminal::render(&doc, false);
    if let Some(notice) = &message.notice {
        text.push_str(&crate::doc::terminal::render(&Doc::new(super::gateway::line(notice)), false));
    }
    let alarms = message.alarms.iter().take(MOST_LISTED);
    let alarms = alarms.map(|alarm| Text::name(&alarm.name).and(": ").and(details(alarm, units, now)));
    let fridges = message.outage.iter().flat_map(|off| off.fridges.iter().take(MOST_LISTED));
    let fridges = fridges.map(|fridge| outage::line(fridge, units));
    for line in alarms.chain(fridges).chain(rest(message)) {
        text.push_str(&crate::doc::terminal::render(&Doc::new(line), false));
    }
    text.trim_end().to_owned()
}

/// Stands for the alarms, or fridges, that are not listed.
fn rest(message: &Message) -> Option<Text> {
    match &message.outage {
        Some(off) => {
            let rest = off.fridges.len().saturating_sub(MOST_LISTED);
            (rest > 0).then(|| Text::from(format!("… and {rest} more")))
        }
        None => more(message.alarms.len().saturating_sub(MOST_LISTED)),
    }
}

/// An alarm in a line, behind its fridge's name: "too warm for 40 min, acknowledged by anna: delivery".
pub fn details(alarm: &Alarm, units: Units, now: Timestamp) -> Text {
    if alarm.drill {
        return drill(alarm);
    }
    let mut text = match alarm.cleared {
        None => {
            let line = format!("{} for {}", kind(alarm.kind), duration(ago(alarm.since, now)));
            Text::from(line).and(peak_so_far(alarm, units).unwrap_or_default())
        }
        Some(cleared) => {
            let lasted = duration(alarm.lasts(now));
            let line = Text::from(format!("was {} for {lasted}", kind(alarm.kind)));
            let line = if cleared.is_unwatched {
                line.and(" when the configuration took the fridge away, or out of service")
            } else {
                line
            };
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
    if let (Some(used), None) = (&alarm.exposure, alarm.cleared) {
        text = text.and(format!(", {} used", exposure::budget(used, units)));
    }
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
            let text = text.and(acknowledged_by(acknowledgement));
            match &acknowledgement.cause {
                Some(cause) => text.and(": ").and(Text::name(cause)),
                None => text,
            }
        }
    }
}

/// A drill with its times: "drill, nothing is wrong; told within 2 s, acknowledged by anna after 3 min".
fn drill(alarm: &Alarm) -> Text {
    let after = |at: Timestamp| duration(ago(alarm.raised, at).max(Duration::from_secs(1)));
    let mut text = Text::from("drill, nothing is wrong");
    if let Some(delivered) = alarm.delivered {
        text = text.and(format!("; told within {}", after(delivered)));
    }
    match &alarm.acknowledged {
        Some(acknowledgement) => {
            text.and(acknowledged_by(acknowledgement)).and(format!(" after {}", after(acknowledgement.at)))
        }
        None if alarm.cleared.is_some() => text.and(", and nobody acknowledged it"),
        None => text,
    }
}

/// "is acknowledged by anna", behind a fridge's name
fn taken_on(alarm: &Alarm) -> Text {
    match alarm.acknowledged.as_ref().and_then(|acknowledgement| acknowledgement.by.as_ref()) {
        Some(by) => Text::from("is acknowledged by ").and(Text::name(by)),
        None => Text::from("is acknowledged"),
    }
}

fn acknowledged_by(acknowledgement: &Acknowledgement) -> Text {
    match &acknowledgement.by {
        Some(by) => Text::from(", acknowledged by ").and(Text::name(by)),
        None => Text::from(", acknowledged"),
    }
}

/// ", highest 9.0 °C (limit 7 °C)"
fn peak_so_far(alarm: &Alarm, units: Units) -> Option<String> {
    let peak = temperature(alarm.peak.and_then(Celsius::from_degrees)?, units);
    let extreme = if alarm.kind == Kind::TooCold { "lowest" } else { "highest" };
    let limit = alarm.limit.and_then(Celsius::from_degrees);
    let limit = limit.map(|limit| format!(" (limit {:#} {})", Decimal(units.tenths(limit)), units.sign()));
    Some(format!(", {extreme} {peak}{}", limit.unwrap_or_default()))
}

/// More alarms than this are not listed one by one: names have up to 200 characters, and a post 16,383.
const MOST_LISTED: usize = 30;

/// From this on a message says when its alarm was raised.
const LATE: Duration = Duration::from_secs(5 * 60);

/// An open alarm in the answer to `status`: "Milk: too warm since 09:12, highest 9.0 °C (limit 7 °C), #41, acknowledged by anna".
pub fn in_status(alarm: &Alarm, units: Units, since: DateTime, today: Date) -> Text {
    let when = clock(since, today);
    let urgent = if alarm.urgency == Urgency::Urgent { ", urgent" } else { "" };
    let peak = peak_so_far(alarm, units).unwrap_or_default();
    let reference = alarm.reference();
    let text = Text::name(&alarm.name).and(match alarm.drill {
        true => format!(": drill since {when}, {reference}"),
        false => format!(": {} since {when}{peak}{urgent}, {reference}", kind(alarm.kind)),
    });
    match &alarm.acknowledged {
        None => text,
        Some(acknowledgement) => text.and(acknowledged_by(acknowledgement)),
    }
}

/// Stands for the alarms, or the fridges that are snoozed, that `status` does not show.
pub fn more(alarms: usize) -> Option<Text> {
    (alarms > 0).then(|| Text::sentence(&format!("… and {alarms} more; `fridge alarms` lists them.")))
}

/// The line above a list of open alarms.
pub fn open(alarms: usize) -> String {
    format!("{} open", count(alarms, "alarm"))
}

/// Nothing is heard of the alarms of these other gateways.
pub fn unheard<'a>(sites: impl Iterator<Item = &'a str>) -> Option<Text> {
    let mut sites = sites.peekable();
    sites.peek()?;
    Some(
        Text::from("Nothing was heard lately of the alarms at ")
            .and(Text::names(sites))
            .and(": some may have begun, or ended, since."),
    )
}

/// Some alarms were acknowledged.
pub fn acknowledged(alarms: &[&Alarm], cause: Option<&str>) -> Text {
    let names = alarms.iter().map(|alarm| Text::name(&alarm.name).and(format!(" ({})", alarm.reference())));
    let text = Text::from("Acknowledged: ").and(Text::joined(names));
    match cause {
        Some(cause) => text.and(". Cause: ").and(Text::name(cause)),
        None => text,
    }
}

/// A drill begins.
pub fn drilling(name: &str) -> Text {
    Text::from("Drill: an alarm is made up for ")
        .and(Text::name(name))
        .and(". It ends when somebody acknowledges it, or after an hour")
}

fn no_longer(alarm: &Alarm) -> &'static str {
    match alarm.kind {
        Kind::TooWarm => "is no longer too warm",
        Kind::TooCold => "is no longer too cold",
        Kind::ProbeSilent => "has readings again",
        Kind::ProbeStuck => "is no longer stuck at one reading",
    }
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
        let (epoch, name) = (Timestamp::UNIX_EPOCH, "\u{1f9ca}*_|".repeat(50));
        let what = (Kind::TooWarm, RuleName::ProductLag, Urgency::Urgent);
        let alarm = |number| Alarm::new(number, (&format!("f{number}"), &name), what, epoch, epoch);
        Message::new(Topic::Raised, epoch, (1..=alarms).map(alarm).collect())
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
        one.alarms[0].cleared = Some(crate::alarm::Clearance::new(at, Some(9.0), Duration::from_secs(5_400)));
        assert_eq!(
            said(&one),
            "Kitchen: Milk (#1) is no longer too warm\nMilk: was too warm for 2 h, highest 9.0 °C, 90 min outside its limit"
        );
    }
}
