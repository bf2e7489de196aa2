//! What people here want other gateways to do: on its way, until these say what became of it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::info;

use super::message;
use crate::gateway::{Carried, CarryError};
use crate::mqtt::{Error, Link, Publication};
use crate::notify::mqtt::acts::{Deed, Outcome, Request};
use crate::notify::mqtt::{SCHEMA, Topics};
use crate::reading::Stamp;

/// So many wait for an answer at once.
const MOST: usize = 256;
/// A broker need not keep what nobody waits for any more.
const EXPIRY: Duration = Duration::from_secs(10);

/// Those that wait for an answer, by the ids of their requests.
#[derive(Default)]
pub struct Waiting(HashMap<String, Waits>);

struct Waits {
    site: String,
    /// The number of the message to the broker.
    number: u16,
    done: oneshot::Sender<Result<(), CarryError>>,
}

impl Waiting {
    /// Whether one more can wait.
    pub fn has_room(&mut self) -> bool {
        self.0.retain(|_, waits| !waits.done.is_closed());
        self.0.len() < MOST
    }

    /// Sends what is to be done to its gateway, in the name of `own`.
    ///
    /// # Errors
    /// Of the connection.
    pub fn send(&mut self, carried: Carried, own: &str, link: &mut Link, now: Stamp) -> Result<(), Error> {
        let Carried { site, act, user, done } = carried;
        if done.is_closed() {
            // Who asked was told that it is not done, and may have asked again.
            return Ok(());
        }
        let Some(deed) = Deed::of(act) else {
            // Who asked may be gone.
            drop(done.send(Err(CarryError::OnlyThere)));
            return Ok(());
        };
        let id = format!("{:016x}", fastrand::u64(..));
        let request = Request { schema: SCHEMA, t: now.wall, id: id.clone(), by: user, deed };
        // It has no maps with other keys than text, so it always has a JSON.
        let payload = serde_json::to_vec(&request).unwrap_or_default();
        let topic = Topics::acts(&site, own);
        let publication = Publication { expiry: Some(EXPIRY), ..Publication::new(topic, payload, false) };
        match link.publish(publication) {
            Ok(number) => {
                info!(site, request = id, "sent a request to another gateway");
                self.0.insert(id, Waits { site, number, done });
                Ok(())
            }
            Err(Error::Protocol(reason)) => {
                // Who asked may be gone.
                drop(done.send(Err(CarryError::Forbidden(reason))));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The broker does not take the message of that number.
    pub fn refused(&mut self, number: u16, reason: &str) {
        let id = self.0.iter().find(|(_, waits)| waits.number == number).map(|(id, _)| id.clone());
        if let Some(waits) = id.and_then(|id| self.0.remove(&id)) {
            // Who asked may be gone.
            drop(waits.done.send(Err(CarryError::Forbidden(reason.to_owned()))));
        }
    }

    /// Takes in the answer of a gateway. Returns who is to be told, and what.
    pub fn heard(&mut self, gateway: &str, own: &str, payload: &[u8]) -> Option<Told> {
        let Outcome { to, id, error } = message::read(payload).ok()?;
        if to != own || self.0.get(&id)?.site != gateway {
            return None;
        }
        let outcome = match error {
            None => Ok(()),
            Some(why) => Err(CarryError::Refused(message::name(&why).unwrap_or_default().to_owned())),
        };
        Some(Told { done: self.0.remove(&id)?.done, outcome })
    }

    /// The connection is gone: what was sent may be done, and nobody will say so.
    pub fn give_up(&mut self) {
        for (_, waits) in self.0.drain() {
            // Who asked may be gone.
            drop(waits.done.send(Err(CarryError::Unconfirmed)));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Who waits, and what became of what they wanted.
pub struct Told {
    done: oneshot::Sender<Result<(), CarryError>>,
    outcome: Result<(), CarryError>,
}

impl Told {
    /// Tells them.
    pub fn tell(self) {
        // Who asked may be gone.
        drop(self.done.send(self.outcome));
    }
}
