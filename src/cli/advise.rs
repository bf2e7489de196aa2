//! `fridge advise`: whether a fridge's limits fit what it does: its usual defrosts, and how near they bring the product to
//! its limit.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::archive::Archive;
use super::{FileOptions, terminal};
use crate::alarm::{Condition, Outcome, Rule, Rules, Side, furthest_lag, replay};
use crate::fridge::Fridge;
use crate::history::Past;
use crate::reading::{Celsius, Stamp};
use crate::text::{self, Units, hours_and_minutes};

/// So much of the past is looked at, and so much is needed.
const LOOKS_BACK: Duration = Duration::from_secs(30 * 86_400);
const NEEDED: Duration = Duration::from_secs(7 * 86_400);
/// A margin that is smaller, in kelvin, is too small: one warm day more and each defrost raises an alarm.
const LEAST_MARGIN: f64 = 1.0;
/// What happens this often in a week is usual.
const USUAL_PER_WEEK: f64 = 2.0;
/// A time outside that is longer than this is no defrost.
const LONGEST_DEFROST: Duration = Duration::from_secs(3 * 3_600);
/// Readings are further apart than this: nothing is known in between.
const GAP: Duration = Duration::from_secs(10 * 60);

/// The options of `advise`.
#[derive(Args)]
#[command(
    after_help = "It looks at the readings of the last 30 days and needs those of seven. It proposes, and changes nothing: whether food may be warmer is for whoever is responsible for it to say."
)]
pub struct Options {
    /// Parts of fridges' names [default: all fridges]
    #[arg(value_name = "FRIDGE")]
    fridges: Vec<String>,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// What the past says of one fridge's rules.
struct Advice {
    name: String,
    days: f64,
    defrost: Option<Duration>,
    /// For each rule about a product: its limit, and how near the product came, in kelvin.
    margins: Vec<(Side, Celsius, f64)>,
    /// What is proposed in place of a limit, and what both would have raised.
    proposal: Option<Proposal>,
}

struct Proposal {
    side: Side,
    from: Celsius,
    to: Celsius,
    alarms: (usize, usize),
}

/// Looks back, and prints what is seen.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let archive = Archive::open(files)?;
    let fridges = archive.named(&options.fridges)?;
    let mut progress = terminal::Progress::new("looking back");
    let mut advices = Vec::new();
    for (index, fridge) in fridges.iter().enumerate() {
        progress.show(index as f64 / fridges.len() as f64);
        advices.push(advise(&archive, fridge)?);
    }
    drop(progress);
    if options.json {
        return terminal::print_json(&json!({ "advice": advices.iter().map(as_json).collect::<Vec<_>>() }));
    }
    let words: Vec<String> = advices.iter().map(|advice| words(advice, archive.units)).collect();
    terminal::print(&words.join("\n"))
}

fn advise(archive: &Archive, fridge: &Fridge) -> anyhow::Result<Advice> {
    let now = archive.now().timestamp();
    let from = now.checked_sub(LOOKS_BACK)?;
    let mut readings: Vec<(Stamp, Celsius)> = Vec::new();
    archive.past.readings(&[&fridge.id], from, now, &mut |seen| {
        if let (Ok(celsius), false) = (seen.sample, seen.imported) {
            let mono = seen.at.duration_since(from).unsigned_abs();
            readings.push((Stamp { mono, wall: seen.at }, celsius));
        }
        true
    })?;
    let length = match (readings.first(), readings.last()) {
        (Some((first, _)), Some((last, _))) => last.since(first),
        _ => Duration::ZERO,
    };
    let mut advice = Advice {
        name: fridge.name.clone(),
        days: length.as_secs_f64() / 86_400.0,
        defrost: None,
        margins: Vec::new(),
        proposal: None,
    };
    if length < NEEDED {
        return Ok(advice);
    }
    let period = period_of(&readings);
    advice.defrost =
        fridge.rules.limit(Side::Above).and_then(|limit| longest_usual(&readings, limit, length));
    for rule in &fridge.rules.temperature {
        let Condition::ProductLag(time_constant) = rule.condition else { continue };
        let furthest = furthest_lag(rule.side, rule.limit, time_constant, period, readings.iter().copied());
        let Some(margin) = furthest.map(|furthest| -furthest) else { continue };
        advice.margins.push((rule.side, rule.limit, margin));
        let is_small = (0.0..LEAST_MARGIN).contains(&margin);
        if let (true, None, Some(to)) = (is_small, &advice.proposal, moved(rule, LEAST_MARGIN - margin)) {
            let count = |rules: &Rules| replay(rules, period, readings.iter().copied());
            let raised = |outcome: Outcome| outcome.alarms.len();
            let proposed = with_limit(&fridge.rules, rule, to);
            let alarms = (raised(count(&fridge.rules)), raised(count(&proposed)));
            advice.proposal = Some(Proposal { side: rule.side, from: rule.limit, to, alarms });
        }
    }
    Ok(advice)
}

/// The limit that is so much further out, to the next half degree.
fn moved(rule: &Rule, by: f64) -> Option<Celsius> {
    let halves = (by * 2.0).ceil() / 2.0;
    Celsius::from_degrees(rule.side.degrees(halves, rule.limit))
}

/// The same rules with another limit in place of that rule's.
fn with_limit(rules: &Rules, rule: &Rule, to: Celsius) -> Rules {
    let mut rules = rules.clone();
    for other in &mut rules.temperature {
        if other.side == rule.side && other.limit == rule.limit {
            other.limit = to;
        }
    }
    rules
}

/// From one reading to the next, usually.
fn period_of(readings: &[(Stamp, Celsius)]) -> Duration {
    let mut steps: Vec<Duration> = readings.windows(2).map(|pair| pair[1].0.since(&pair[0].0)).collect();
    let middle = steps.len() / 2;
    if steps.is_empty() { Duration::from_secs(10) } else { *steps.select_nth_unstable(middle).1 }
}

/// The longest time above the limit that is usual: it comes back in each week.
fn longest_usual(readings: &[(Stamp, Celsius)], limit: Celsius, length: Duration) -> Option<Duration> {
    let mut times: Vec<Duration> = Vec::new();
    let mut began: Option<Stamp> = None;
    let mut before: Option<Stamp> = None;
    for &(at, celsius) in readings {
        if before.is_some_and(|before| at.since(&before) > GAP) {
            began = None;
        }
        before = Some(at);
        match (celsius > limit, began) {
            (true, None) => began = Some(at),
            (false, Some(from)) => {
                times.push(at.since(&from));
                began = None;
            }
            _ => {}
        }
    }
    times.retain(|time| *time <= LONGEST_DEFROST);
    times.sort_unstable_by(|one, other| other.cmp(one));
    let usual = (length.as_secs_f64() / 7.0 / 86_400.0 * USUAL_PER_WEEK).ceil() as usize;
    times.get(usual.saturating_sub(1)).copied()
}

fn words(advice: &Advice, units: Units) -> String {
    let Advice { name, days, defrost, margins, proposal } = advice;
    let name = terminal::printable(name);
    if *days < NEEDED.as_secs_f64() / 86_400.0 {
        return format!("{name}: readings of {days:.1} days, and 7 are needed.\n");
    }
    let mut text = format!("{name}: readings of {days:.0} days.\n");
    match defrost {
        Some(defrost) => text.push_str(&format!(
            "  The longest time above its limit that is usual: {}.\n",
            hours_and_minutes(*defrost)
        )),
        None => text.push_str("  It is not normally above its limit.\n"),
    }
    for (side, limit, margin) in margins {
        let side = match side {
            Side::Above => "warmest",
            Side::Below => "coldest",
        };
        let limit = text::temperature(*limit, units);
        text.push_str(&match *margin {
            margin if margin >= 0.0 => {
                format!("  At its {side}, the product stayed {margin:.1} K inside the limit of {limit}.\n")
            }
            margin => {
                format!("  The product was {:.1} K beyond {limit}: look at its alarms first.\n", -margin)
            }
        });
    }
    if let Some(Proposal { side, from, to, alarms: (now, then) }) = proposal {
        let (word, temperature) = match side {
            Side::Above => ("max", "warm"),
            Side::Below => ("min", "cold"),
        };
        text.push_str(&format!(
            "  That is little. With {word} {} in place of {}, there would have been {} instead of {}.\n  Whether what is in it may be that {temperature} is for whoever is responsible for it to say.\n",
            text::temperature(*to, units),
            text::temperature(*from, units),
            text::count(*then, "alarm"),
            now
        ));
    }
    text
}

fn as_json(advice: &Advice) -> serde_json::Value {
    let margin = |(side, limit, margin): &(Side, Celsius, f64)| json!({ "side": side, "limit": limit, "margin_k": margin });
    let proposal = |it: &Proposal| json!({ "side": it.side, "limit": it.from, "proposed": it.to, "alarms": it.alarms.0, "alarms_then": it.alarms.1 });
    json!({
        "name": advice.name,
        "days": advice.days,
        "usual_defrost_s": advice.defrost.map(|defrost| defrost.as_secs()),
        "margins": advice.margins.iter().map(margin).collect::<Vec<_>>(),
        "proposal": advice.proposal.as_ref().map(proposal),
    })
}
