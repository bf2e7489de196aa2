//! What other gateways read is kept here, too; and where some of it is missing, they are asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::archive::Archive;
use super::message::{Answer, Numbered, Readings};
use crate::reading::Stamp;

mod progress;

use progress::Progress;
pub use progress::Wanted;

/// The largest number of gateways that are asked at once.
const MOST_ASKED: usize = 8;

/// How far the readings of each gateway are known.
pub struct CatchUp {
    archive: Arc<Archive>,
    gateways: BTreeMap<String, Progress>,
    /// Who was asked last: the others come first.
    last: String,
}

/// What is to be asked of which gateway.
pub struct Asks {
    /// The gateway.
    pub gateway: String,
    /// What.
    pub wanted: Wanted,
    /// Whether it has left several questions without an answer.
    pub is_silent: bool,
}

impl CatchUp {
    /// Goes on with what is kept there.
    pub fn new(archive: Arc<Archive>) -> CatchUp {
        CatchUp { archive, gateways: BTreeMap::new(), last: String::new() }
    }

    /// Where readings are kept.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    fn progress(&mut self, gateway: &str) -> &mut Progress {
        let CatchUp { archive, gateways, .. } = self;
        let since = || Progress::since(archive.complete_to(gateway));
        gateways.entry(gateway.to_owned()).or_insert_with(since)
    }

    /// A connection has ended: no answer comes to what was asked.
    pub fn disconnected(&mut self) {
        self.gateways.values_mut().for_each(Progress::disconnected);
    }

    /// Whether what that gateway reads is simulated.
    pub fn set_simulated(&mut self, gateway: &str, is_simulated: bool) {
        if self.archive.set_simulated(gateway, is_simulated) {
            self.gateways.remove(gateway);
        }
    }

    /// A gateway's clock is wrong, so that nothing of this is kept until it is right.
    pub fn distrusted(&mut self, gateway: &str) {
        self.progress(gateway).distrusted();
    }

    /// Readings have come, live or sent afterwards.
    pub fn heard(&mut self, gateway: &str, message: &Readings, now: Stamp) {
        let is_kept = self.archive.add(gateway, &message.readings, now);
        self.numbered(gateway, &message.numbered(), is_kept);
    }

    /// A message with a number has come.
    pub fn numbered(&mut self, gateway: &str, message: &Numbered, is_kept: bool) {
        let progress = self.progress(gateway);
        progress.heard(message, is_kept);
        let complete_to = progress.complete_to();
        self.note(gateway, complete_to);
    }

    /// A part of an answer has come. Whether it is one that was waited for.
    pub fn answered(&mut self, gateway: &str, answer: &Answer, now: Stamp) -> bool {
        if !self.progress(gateway).expects(&answer.id, answer.part) {
            return false;
        }
        let is_kept = self.archive.add(gateway, &answer.readings, now);
        let progress = self.progress(gateway);
        if is_kept {
            progress.answered(answer.part + 1 >= answer.parts, answer.to, now);
        } else {
            progress.put_off(now);
        }
        let complete_to = progress.complete_to();
        self.note(gateway, complete_to);
        true
    }

    fn note(&self, gateway: &str, complete_to: Option<jiff::Timestamp>) {
        if let Some(complete_to) = complete_to {
            self.archive.set_complete_to(gateway, complete_to);
        }
    }

    /// What is to be asked now, of at most so many gateways that are there.
    pub fn due(&mut self, now: Stamp, most: usize, is_there: impl Fn(&str) -> bool) -> Vec<Asks> {
        for gateway in self.archive.take_lost() {
            self.gateways.insert(gateway, Progress::lost(now));
        }
        self.gateways.values_mut().for_each(|progress| progress.give_up(now));
        let under_way = self.gateways.values().filter(|progress| progress.is_waiting()).count();
        let most = if self.archive.is_busy() { 0 } else { most.min(MOST_ASKED.saturating_sub(under_way)) };
        let mut due = Vec::new();
        let (first, second): (Vec<_>, Vec<_>) =
            self.gateways.iter_mut().partition(|(gateway, _)| **gateway > self.last);
        for (gateway, progress) in first.into_iter().chain(second) {
            if due.len() >= most {
                break;
            }
            if let Some((wanted, is_silent)) =
                Some(progress).filter(|_| is_there(gateway)).and_then(|it| it.due(now))
            {
                due.push(Asks { gateway: gateway.clone(), wanted, is_silent });
            }
        }
        if let Some(last) = due.last() {
            self.last.clone_from(&last.gateway);
        }
        due
    }
}
