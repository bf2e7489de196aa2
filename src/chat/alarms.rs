//! `alarms`, `ack`, `snooze`, `defrost` and `drill`: the open alarms, and what people do about them.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use jiff::SignedDuration;

use super::data::AlarmRow;
use super::selection::{self, Selection};
use super::{Answer, Data, Severity, View, doc};
use crate::alarm::{Alarm, Urgency};
use crate::doc::{Block, Table, Text};
use crate::fridge::{Fridge, names};
use crate::gateway::Wanted;
use crate::reading::Stamp;
use crate::recorder::Act;
use crate::state::Snapshot;
use crate::text::{self, Units, alarm};

/// A defrost without a length.
const USUAL_DEFROST: Duration = Duration::from_secs(45 * 60);
/// `status` shows at most so many alarms; `alarms` lists all.
const MOST_SHOWN: usize = 5;

/// The open alarms that the asker may see.
pub fn answer(view: &View<'_>) -> Answer {
    let alarms = visible(view);
    let now = view.now.wall;
    let severity = match alarms.iter().filter(|alarm| !alarm.drill).map(|alarm| alarm.urgency).max() {
        None => Severity::Ok,
        Some(Urgency::Warning) => Severity::Warning,
        Some(Urgency::Urgent) => Severity::Critical,
    };
    let data = Data::Alarms(rows(&alarms, view));
    let unheard = unheard(view);
    let doc = if alarms.is_empty() {
        doc(if unheard.is_empty() { alarm::NO_ALARMS } else { alarm::NO_ALARMS_KNOWN }, view)
    } else {
        let columns = [("", true), (text::FRIDGE, false), ("", false)];
        let mut table = Table::new(columns, text::more);
        for open in &alarms {
            let details = alarm::details(open, view.units, now);
            let details = match view.snapshot.is_confirmed(open, &view.now) {
                true => details,
                false => details.and(alarm::UNCONFIRMED),
            };
            table.push([open.reference().into(), Text::name(&open.name), details]);
        }
        doc(alarm::open(alarms.len()), view).with(Block::Table(table))
    };
    let doc = match alarm::unheard(unheard.into_iter()) {
        Some(line) => doc.with(Block::Line(line)),
        None => doc,
    };
    let quiet = quiet(&view.fridges, view);
    let doc = if quiet.is_empty() { doc } else { doc.with(Block::List(quiet)) };
    Answer { severity, ..Answer::new(doc, data) }
}

/// Takes alarms on: `ack`, `ack #41`, `ack milk`, each with a cause behind it.
pub fn acknowledge(words: &str, view: &View<'_>) -> Answer {
    let alarms = visible(view);
    let (meant, cause) = meant(words, &alarms, view);
    if meant.is_empty() {
        let is_bare = words.trim().is_empty();
        return selection::mistake(
            match &alarms[..] {
                [] => alarm::NO_ALARMS,
                [..] if is_bare && alarms.iter().any(|alarm| alarm.site.is_some()) => alarm::NAME_ONE,
                [..] => alarm::NOT_OPEN,
            },
            view,
        );
    }
    let acts = Wanted::acknowledge(meant.iter().copied(), &cause);
    let cause = acts.iter().find_map(|wanted| match &wanted.act {
        Act::Acknowledge { cause, .. } => cause.as_deref(),
        _ => None,
    });
    let doc = doc(alarm::acknowledged(&meant, cause), view);
    let data = Data::Alarms(rows(&meant, view));
    Answer { acts, ..Answer::new(doc, data) }
}

/// Nobody wants to hear of some fridges for a while: `snooze milk 2h`, or of all: `snooze 2h`.
pub fn snooze(words: &str, view: &View<'_>) -> Answer {
    let (name, length) = match name_and_length(words, None) {
        Some(found) => found,
        None => return selection::mistake(alarm::NO_LENGTH, view),
    };
    let fridges = match fridges(name, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    let doc = doc(text::quiet::snoozed(fridges.iter().map(|fridge| fridge.name.as_str()), length), view);
    act_on(&fridges, doc, |fridges| Act::Snooze { fridges, length })
}

/// Warmth is expected: `defrost freezer 45m`.
pub fn defrost(words: &str, view: &View<'_>) -> Answer {
    let (name, length) = match name_and_length(words, Some(USUAL_DEFROST)) {
        Some((name, length)) if !name.is_empty() => (name, length),
        Some(_) => return selection::mistake(alarm::NO_FRIDGE_MEANT, view),
        None => return selection::mistake(alarm::NO_LENGTH, view),
    };
    let fridges = match fridges(name, view) {
        Ok(fridges) => fridges,
        Err(explanation) => return *explanation,
    };
    let doc = doc(text::quiet::defrosting(fridges.iter().map(|fridge| fridge.name.as_str()), length), view);
    act_on(&fridges, doc, |fridges| Act::Defrost { fridges, length })
}

/// Raises a made-up alarm: `drill milk`.
pub fn drill(words: &str, view: &View<'_>) -> Answer {
    let fridge = match selection::resolve(words, view) {
        Selection::One(fridge) => fridge,
        Selection::None(nearest) => return selection::unknown(nearest, view),
        Selection::Several(fridges) | Selection::Group(fridges) => return selection::ask_back(&fridges),
        Selection::All(_) => return selection::mistake(alarm::NO_DRILL_MEANT, view),
    };
    if fridge.out_of_service {
        return selection::mistake(alarm::OUT_OF_SERVICE, view);
    }
    if fridge.site.is_some() {
        return selection::mistake(alarm::DRILL_ELSEWHERE, view);
    }
    if fridge.rules.temperature.is_empty() {
        return selection::mistake(alarm::NOTHING_TO_DRILL, view);
    }
    if view.snapshot.alarms.iter().any(|open| open.drill && open.fridge == fridge.id) {
        return selection::mistake(alarm::DRILL_IS_OPEN, view);
    }
    let data = Data::Quiet(vec![fridge.id.clone()]);
    let acts = vec![Wanted::here(Act::Drill { fridge: fridge.id.clone() })];
    Answer { acts, ..Answer::new(doc(alarm::drilling(&fridge.name), view), data) }
}

/// The fridges around which it is quiet, a line each.
fn quiet(fridges: &[&Fridge], view: &View<'_>) -> Vec<Text> {
    let now = view.now.wall;
    let line = |fridge: &&Fridge| {
        let quiet = view.snapshot.quiet.get(&fridge.id).filter(|quiet| quiet.until > now)?;
        let until = view.snapshot.local(&Stamp { wall: quiet.until, ..view.now }).datetime();
        Some(text::quiet::line(&fridge.name, quiet, until, view.snapshot.local(&view.now).date()))
    };
    fridges.iter().filter_map(line).collect()
}

/// The open alarms that the asker may see. Whoever sees everything sees those of fridges, too, that are not known: a broker
/// keeps the alarms of a gateway that is gone for longer than its fridges.
fn visible<'a>(view: &'a View<'_>) -> Vec<&'a Alarm> {
    match view.everything {
        true => view.snapshot.open_alarms().collect(),
        false => of_fridges(&view.fridges, &view.snapshot),
    }
}

/// Other gateways that the asker may see, and of whose alarms nothing was heard lately.
fn unheard<'a>(view: &'a View<'_>) -> BTreeSet<&'a str> {
    let of_fridges = view.fridges.iter().filter_map(|fridge| fridge.site.as_deref());
    let of_alarms = view.snapshot.site_alarms.keys().filter(|_| view.everything).map(String::as_str);
    let sites: BTreeSet<&str> = of_fridges.chain(of_alarms).collect();
    sites.into_iter().filter(|site| !view.snapshot.are_alarms_known(site, &view.now)).collect()
}

fn of_fridges<'a>(fridges: &[&Fridge], snapshot: &'a Snapshot) -> Vec<&'a Alarm> {
    if snapshot.open_alarms().next().is_none() {
        return Vec::new();
    }
    let ids: HashSet<&str> = fridges.iter().map(|fridge| fridge.id.as_str()).collect();
    snapshot.open_alarms().filter(|alarm| ids.contains(alarm.fridge.as_str())).collect()
}

fn rows(alarms: &[&Alarm], view: &View<'_>) -> Vec<AlarmRow> {
    alarms.iter().map(|alarm| AlarmRow::new(alarm, &view.snapshot, &view.now)).collect()
}

/// The open alarms of these fridges in a line each, as `status` shows them, and those around which it is quiet; not more
/// than a screen holds.
pub fn of(fridges: &[&Fridge], view: &View<'_>) -> Vec<Text> {
    let meant = of_fridges(fridges, &view.snapshot);
    let line = |alarm: &&Alarm| line(alarm, &view.snapshot, &view.now, view.units);
    let shown = meant.iter().take(MOST_SHOWN).map(line);
    let rest = alarm::more(meant.len().saturating_sub(MOST_SHOWN));
    let mut quiet = quiet(fridges, view);
    let more_quiet = alarm::more(quiet.len().saturating_sub(MOST_SHOWN));
    quiet.truncate(MOST_SHOWN);
    shown.chain(rest).chain(quiet).chain(more_quiet).collect()
}

/// An open alarm in a line, as it is known at the moment `now`.
pub fn line(alarm: &Alarm, snapshot: &Snapshot, now: &Stamp, units: Units) -> Text {
    let since = snapshot.local_at(alarm.since).datetime();
    let line = alarm::in_status(alarm, units, since, snapshot.local(now).date());
    if snapshot.is_confirmed(alarm, now) { line } else { line.and(alarm::UNCONFIRMED) }
}

/// The alarms that are meant, and the rest of the words, which name the cause.
fn meant<'a>(words: &str, alarms: &[&'a Alarm], view: &View<'_>) -> (Vec<&'a Alarm>, String) {
    let all: Vec<&str> = words.split_whitespace().collect();
    if let Some((reference, behind)) = reference(&all, alarms, view) {
        let meant = alarms.iter().filter(|alarm| alarm.reference() == reference).copied().collect();
        return (meant, all[behind..].join(" "));
    }
    // The longest beginning that names fridges; what is behind it is the cause. A part of several names may be meant
    // only where one of these has an alarm.
    for end in (1..=all.len()).rev() {
        let typed = all[..end].join(" ");
        let (named, may_be_many) = match selection::resolve(&typed, view) {
            Selection::One(fridge) => (vec![fridge], true),
            Selection::Group(fridges) => (selection::own_first(&typed, fridges), true),
            Selection::Several(fridges) => (selection::own_first(&typed, fridges), false),
            Selection::All(_) | Selection::None(_) => continue,
        };
        let is_named = |alarm: &&&Alarm| named.iter().any(|fridge| fridge.id == alarm.fridge);
        let meant: Vec<&Alarm> = alarms.iter().filter(is_named).copied().collect();
        // "milk #41": that one of its alarms.
        let called = all.get(end).and_then(|word| number(word.strip_prefix('#')?));
        if let Some(called) = meant.iter().find(|alarm| Some(alarm.number) == called) {
            return (vec![called], all[end + 1..].join(" "));
        }
        let meant = no_drill_beside_what_is_real(meant);
        if may_be_many || meant.len() == 1 {
            let is_doubtful = called.is_some() && is_hub(view);
            return if is_doubtful { Default::default() } else { (meant, all[end..].join(" ")) };
        }
    }
    // With a single alarm there is no doubt which is meant; with several, the bare word means all that nobody has. What another
    // gateway watches is told in its channel, and is meant here only where this one watches nothing.
    let watches = view.fridges.iter().any(|fridge| fridge.site.is_none());
    let is_new = |alarm: &&&Alarm| alarm.acknowledged.is_none() && (alarm.site.is_none() || !watches);
    let new = no_drill_beside_what_is_real(alarms.iter().filter(is_new).copied().collect());
    let meant = match (new.len(), all.is_empty()) {
        (1, _) => new,
        (_, true) => new.into_iter().filter(|alarm| alarm.site.is_none()).collect(),
        (_, false) => Vec::new(),
    };
    // Where there are other gateways, a number may mean an alarm of one of these that is over.
    let is_number = |word: &&str| number(word.trim_start_matches('#')).is_some();
    let is_doubtful = match &all[..] {
        [only] => is_number(only),
        several => several.iter().any(|word| word.starts_with('#') && is_number(word)),
    };
    if is_doubtful && is_hub(view) { Default::default() } else { (meant, all.join(" ")) }
}

/// Whether other gateways' fridges are shown here.
fn is_hub(view: &View<'_>) -> bool {
    view.fridges.iter().any(|fridge| fridge.site.is_some())
}

/// The alarm that the first words call by its number, and how many words that are: "#41", "41" where it is open, "north#41",
/// "north #41".
fn reference(all: &[&str], alarms: &[&Alarm], view: &View<'_>) -> Option<(String, usize)> {
    let first = *all.first()?;
    let is_site = |site: &str| {
        view.fridges.iter().any(|fridge| fridge.site.as_deref() == Some(site))
            || alarms.iter().any(|alarm| alarm.site.as_deref() == Some(site))
    };
    if let Some((site, digits)) = first.rsplit_once('#') {
        let site = names::fold(site);
        let number = number(digits).filter(|_| site.is_empty() || is_site(&site))?;
        return Some((format!("{site}#{number}"), 1));
    }
    let site = names::fold(first);
    let second = all.get(1).and_then(|word| number(word.strip_prefix('#')?));
    if let Some(number) = second.filter(|_| is_site(&site)) {
        return Some((format!("{site}#{number}"), 2));
    }
    // "2 bottles broke" is a cause, unless there is an alarm of that number.
    let own = format!("#{}", number(first)?);
    alarms.iter().any(|alarm| alarm.reference() == own).then_some((own, 1))
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

/// Whoever answers a drill by a name or a bare word must not take on what is real: a drill beside that is meant by its
/// number only.
fn no_drill_beside_what_is_real(mut alarms: Vec<&Alarm>) -> Vec<&Alarm> {
    if alarms.iter().any(|alarm| !alarm.drill) {
        alarms.retain(|alarm| !alarm.drill);
    }
    alarms
}

/// The fridges that are meant; a part of several names means none of them.
fn fridges<'a>(name: &str, view: &View<'a>) -> Result<Vec<&'a Fridge>, Box<Answer>> {
    selection::resolve_own(name, view)
}

/// "milk 2h" as its parts; the length may be left out where there is a usual one.
fn name_and_length(words: &str, usual: Option<Duration>) -> Option<(&str, Duration)> {
    let words = words.trim();
    let (name, last) = words.rsplit_once(char::is_whitespace).unwrap_or(("", words));
    let length = last.parse().ok().and_then(|length: SignedDuration| Duration::try_from(length).ok());
    match (length, usual) {
        (Some(length), _) => Act::LENGTHS.contains(&length).then_some((name, length)),
        // What begins with a digit was meant as a length.
        (None, Some(usual)) if !last.starts_with(|it: char| it.is_ascii_digit()) || name.is_empty() => {
            Some((words, usual))
        }
        (None, _) => None,
    }
}

fn act_on(fridges: &[&Fridge], doc: crate::doc::Doc, act: impl Fn(Vec<String>) -> Act) -> Answer {
    let data = Data::Quiet(fridges.iter().map(|fridge| fridge.id.clone()).collect());
    let acts = Wanted::about(fridges.iter().copied(), act);
    Answer { acts, ..Answer::new(doc, data) }
}
