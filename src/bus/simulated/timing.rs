//! When a part samples and how long it holds the line: the windows of the datasheet, and where in them a part lies.

use fastrand::Rng;

const US: u64 = 1_000;

/// A span of time in nanoseconds, from which each slot draws a value.
pub type Range = (u64, u64);

/// When a part samples and how long it holds the line. The datasheet gives windows; each part, and
/// each slot of one, lies somewhere in them.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The low time from which on it takes a pulse for a reset.
    pub reset: Range,
    /// tPDHIGH: from the release to its presence pulse.
    pub presence_after: Range,
    /// tPDLOW: how long its presence pulse lasts.
    pub presence: Range,
    /// When it samples a written bit, from the falling edge.
    pub sample: Range,
    /// tRDV: how long it holds the line for a zero, from the falling edge.
    pub hold: Range,
}

impl Timing {
    /// The fastest part that the datasheet allows: 15 µs, and not a moment longer.
    pub const STRICT: Timing = Timing::fixed(15, 15, 60);
    /// A part as most are: 30 µs.
    pub const TYPICAL: Timing = Timing::fixed(30, 30, 120);
    /// The slowest part that the datasheet allows.
    pub const SLOW: Timing = Timing::fixed(60, 60, 240);
    /// Anything that the datasheet allows, drawn again in every slot; and a pulse too short for a
    /// reset may be taken for one.
    pub const VARYING: Timing = Timing {
        reset: (130 * US, 480 * US),
        presence_after: (15 * US, 60 * US),
        presence: (60 * US, 240 * US),
        sample: (15 * US, 60 * US),
        hold: (15 * US, 60 * US),
    };

    const fn fixed(slot: u64, presence_after: u64, presence: u64) -> Timing {
        Timing {
            reset: (480 * US, 480 * US),
            presence_after: (presence_after * US, presence_after * US),
            presence: (presence * US, presence * US),
            sample: (slot * US, slot * US),
            hold: (slot * US, slot * US),
        }
    }
}

/// A time within the range.
pub fn draw(range: Range, random: &mut Rng) -> u64 {
    if range.0 == range.1 { range.0 } else { random.u64(range.0..=range.1) }
}
