//! Readings and alarms of a time that is over, from the history, a piece at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::payload::Reading;
use crate::alarm::Alarm;
use crate::chat::Chat;
use crate::gateway::{Gateway, Unread};
use crate::history::{PastError, Period};
use crate::reading::{Sample, Stamp};

/// A piece is what was read in so long …
const PIECE: Duration = Duration::from_secs(5 * 60);
/// … and so many of them are looked at before there is one with anything in it.
const EMPTY_PIECES: usize = 24;
/// A message has at most so many readings: about 20 kB, which every broker takes.
pub const MOST: usize = 200;

/// What happened in a part of a time.
#[derive(Debug, Default)]
pub struct Piece {
    /// What was read.
    pub readings: Vec<Reading>,
    /// The alarms to which anything happened, as they are now.
    pub alarms: Vec<Alarm>,
    /// The end of the part.
    pub to: Timestamp,
    /// Why its alarms are not known.
    pub unread: Option<PastError>,
}

/// What a sweep that began then says of the fridges.
pub fn of_sweep(at: &Stamp, samples: &[(Arc<str>, Sample)]) -> Vec<Reading> {
    samples.iter().map(|(fridge, sample)| Reading::new(fridge, at.wall, *sample)).collect()
}

/// A part of the past that is being read.
pub type Reads = Pin<Box<dyn Future<Output = Result<Result<Piece, PastError>, Unread>> + Send>>;

/// Has the first part of that time read, with alarms or without, in a thread that may wait for the disk.
pub fn read(chat: &Arc<Chat>, from: Timestamp, to: Timestamp, has_alarms: bool) -> Reads {
    let chat = Arc::clone(chat);
    Box::pin(async move {
        chat.gateway().look_at_past(move |gateway| first_piece(gateway, from, to, has_alarms)).await
    })
}

/// The first part of that time in which anything happened; of a time in which nothing did, all of it. May wait for the
/// disk.
///
/// # Errors
/// [`PastError`]
fn first_piece(
    gateway: &Gateway,
    from: Timestamp,
    to: Timestamp,
    has_alarms: bool,
) -> Result<Piece, PastError> {
    let mut begin = from;
    for _ in 0..EMPTY_PIECES {
        let end = begin.checked_add(PIECE).unwrap_or(to).min(to);
        let piece = piece(gateway, begin, end, has_alarms)?;
        if end >= to || !piece.readings.is_empty() || !piece.alarms.is_empty() {
            return Ok(piece);
        }
        begin = end;
    }
    Ok(Piece { to: begin, ..Piece::default() })
}

fn piece(gateway: &Gateway, from: Timestamp, to: Timestamp, has_alarms: bool) -> Result<Piece, PastError> {
    let ids: Vec<&str> = gateway.own_fridges().map(|fridge| fridge.id.as_str()).collect();
    let mut readings = Vec::new();
    gateway.past_readings(&ids, from, to, &mut |seen| {
        if !seen.imported {
            readings.push(Reading::new(ids[seen.fridge], seen.at, seen.sample));
        }
        true
    })?;
    if !has_alarms {
        return Ok(Piece { readings, to, ..Piece::default() });
    }
    // Where the records cannot be read, the readings are sent all the same.
    let (mut alarms, unread) = match gateway.records(&Period::between(from, to)) {
        Ok((alarms, _)) => (alarms, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    // What is open is further in memory than on the disk.
    let open = &gateway.snapshot().alarms;
    alarms.retain(|alarm| open.iter().all(|newer| newer.number != alarm.number));
    alarms.extend(open.iter().cloned());
    alarms.retain(|alarm| moments(alarm).any(|at| (from..to).contains(&at)));
    Ok(Piece { readings, alarms, to, unread })
}

/// When anything happened to an alarm.
fn moments(alarm: &Alarm) -> impl Iterator<Item = Timestamp> {
    let acknowledged = alarm.acknowledged.as_ref().map(|it| it.at);
    let cleared = alarm.cleared.map(|it| it.at);
    [Some(alarm.raised), alarm.delivered, acknowledged, alarm.unanswered, cleared].into_iter().flatten()
}
