//! What an alarm says.

use crate::alarm::{Kind, RuleName};

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
