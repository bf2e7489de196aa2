//! The queue of one target: messages in their order. The first stays until it is delivered, so that a task that is
//! replaced loses nothing.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tracing::error;

use crate::alarm::Topic;
use crate::recorder::Parcel;

/// More messages than this wait for no target: the oldest is given up. Each says what is new; a thousand say nothing.
const MOST: usize = 1_000;

/// Messages that wait for one target.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<VecDeque<Parcel>>,
    arrived: Notify,
}

impl Queue {
    /// Puts a message at the end; returns the one that had to make room.
    pub fn push(&self, parcel: Parcel) -> Option<Parcel> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(parcel);
        let mut given_up = None;
        if waiting.len() > MOST {
            error!("a target was away for so long that its oldest message is given up");
            // The first one is on its way; and an alarm is worth more than what is said besides.
            let is_minor = |parcel: &Parcel| {
                matches!(parcel.message.topic, Topic::Gateway | Topic::Acknowledged | Topic::Test)
            };
            let minor = waiting.iter().skip(1).position(is_minor).map(|index| index + 1);
            given_up = waiting.remove(minor.unwrap_or(1));
        }
        self.arrived.notify_one();
        given_up
    }

    /// The first message, which stays; waits for one.
    pub async fn first(&self) -> Parcel {
        loop {
            let arrived = self.arrived.notified();
            if let Some(parcel) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).front() {
                return parcel.clone();
            }
            arrived.await;
        }
    }

    /// Takes the first message away.
    pub fn done(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    }

    /// How many messages wait, and when the oldest of them was written.
    pub fn waiting(&self) -> (usize, Option<Timestamp>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        (waiting.len(), waiting.front().map(|parcel| parcel.message.at))
    }
}
