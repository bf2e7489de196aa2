//! What people want done, and where: by this gateway, or by the one that watches the fridge. That one records it, and tells
//! its own channel; whoever asked here waits until it says so.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::alarm::Alarm;
use crate::doc::Text;
use crate::fridge::Fridge;
use crate::recorder::{Act, ActError};
use crate::text::elsewhere;

/// So many acts are on their way at once.
const MOST: usize = 16;
/// Another gateway gets so long to confirm one.
const PATIENCE: Duration = Duration::from_secs(4);

/// So many are told why each has not done something.
const MOST_TOLD: usize = 10;

/// An act, and the gateway that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in topics; `None` for this gateway.
    pub site: Option<String>,
    /// What it is to do, in its own ids.
    pub act: Act,
}

impl Wanted {
    /// This gateway is to do it.
    pub fn here(act: Act) -> Wanted {
        Wanted { site: None, act }
    }

    /// These alarms are acknowledged, each where its fridge is watched.
    pub fn acknowledge<'a>(alarms: impl IntoIterator<Item = &'a Alarm>, cause: &str) -> Vec<Wanted> {
        let numbers = alarms.into_iter().map(|alarm| (alarm.site.clone(), alarm.number));
        by_site(numbers, |numbers| Act::acknowledge(numbers, cause))
    }

    /// Something is done about these fridges, each where it is watched.
    pub fn about<'a>(
        fridges: impl IntoIterator<Item = &'a Fridge>,
        act: impl Fn(Vec<String>) -> Act,
    ) -> Vec<Wanted> {
        let ids = fridges.into_iter().map(|fridge| {
            let site = fridge.site.as_deref().map(str::to_owned);
            (site, fridge.id_there().to_owned())
        });
        by_site(ids, act)
    }
}

fn by_site<T>(all: impl Iterator<Item = (Option<String>, T)>, act: impl Fn(Vec<T>) -> Act) -> Vec<Wanted> {
    let mut sites: BTreeMap<Option<String>, Vec<T>> = BTreeMap::new();
    for (site, one) in all {
        sites.entry(site).or_default().push(one);
    }
    sites.into_iter().map(|(site, all)| Wanted { site, act: act(all) }).collect()
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Not by this gateway.
    Here(ActError),
    /// Not by another one.
    There {
        /// Its name in topics.
        site: String,
        /// Why.
        why: CarryError,
    },
}

/// Why another gateway has not done something, as far as this one knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarryError {
    /// Nothing reaches it.
    Away,
    /// Its configuration does not name this gateway, which has this name in topics.
    NotAllowed(String),
    /// The broker does not take it; why.
    Forbidden(String),
    /// It is too much at once.
    Busy,
    /// No other gateway has that done for this one.
    OnlyThere,
    /// It has not said what became of it.
    Unconfirmed,
    /// It says why not.
    Refused(String),
}

impl Undone {
    /// The same in words.
    pub fn text(&self) -> Text {
        match self {
            Undone::Here(error) => Text::sentence(&format!("{}.", error.to_string().trim_end_matches('.'))),
            Undone::There { site, why } => match why {
                CarryError::Away => elsewhere::away(site),
                CarryError::NotAllowed(own) => elsewhere::not_allowed(site, own),
                CarryError::Forbidden(reason) => elsewhere::forbidden(site, reason),
                CarryError::Busy => elsewhere::busy(site),
                CarryError::OnlyThere => elsewhere::only_there(site),
                CarryError::Unconfirmed => elsewhere::unconfirmed(site),
                CarryError::Refused(reason) => elsewhere::refused(site, reason),
            },
        }
    }
}

/// What was not done of several acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllDone {
    /// Why not, each.
    pub undone: Vec<Undone>,
    /// Whether others were done.
    pub has_rest: bool,
}

impl NotAllDone {
    /// The same in words.
    pub fn text(&self) -> Text {
        let rest = self.has_rest.then(|| Text::from(elsewhere::REST_DONE));
        let others = self.undone.len().saturating_sub(MOST_TOLD);
        let others = (others > 0).then(|| elsewhere::others(others));
        let told = self.undone.iter().take(MOST_TOLD).map(Undone::text);
        let mut all = told.chain(others).chain(rest);
        let first = all.next().unwrap_or_default();
        all.fold(first, |text, more| text.and(" ").and(more))
    }
}

/// An act on its way to another gateway.
#[derive(Debug)]
pub struct Carried {
    /// That gateway's name in topics.
    pub site: String,
    /// What it is to do.
    pub act: Act,
    /// Who wants it.
    pub user: Option<String>,
    /// Who waits for what becomes of it; closed once nobody does.
    pub done: oneshot::Sender<Result<(), CarryError>>,
}

/// Carries acts to other gateways.
#[derive(Clone, Debug)]
pub struct Elsewhere(mpsc::Sender<Carried>);

impl Elsewhere {
    /// A way to other gateways, and its other end.
    pub fn new() -> (Elsewhere, mpsc::Receiver<Carried>) {
        let (sender, receiver) = mpsc::channel(MOST);
        (Elsewhere(sender), receiver)
    }

    /// Has something done by that gateway, and returns once it has recorded it.
    ///
    /// # Errors
    /// [`CarryError`]
    pub async fn act(&self, site: String, act: Act, user: Option<String>) -> Result<(), CarryError> {
        let (done, outcome) = oneshot::channel();
        let until = Instant::now() + PATIENCE;
        match timeout_at(until, self.0.send(Carried { site, act, user, done })).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(CarryError::Away),
            Err(_) => return Err(CarryError::Busy),
        }
        match timeout_at(until, outcome).await {
            Ok(Ok(outcome)) => outcome,
            // Whoever carries it has ended, and it may be sent.
            Ok(Err(_)) | Err(_) => Err(CarryError::Unconfirmed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fridge::Limits;
    use crate::reading::ProbeId;

    #[test]
    fn what_is_wanted_is_done_where_the_fridges_are_watched() {
        let own = Fridge::new("Milk", ProbeId::new(0x28, 1), Limits::default());
        let of_site = |site: &str, id: &str| Fridge {
            id: format!("{site}.{id}"),
            site: Some(Arc::from(site)),
            ..Fridge::new(id, ProbeId::remote(0, 0), Limits::default())
        };
        let fridges = [of_site("north", "milk"), own, of_site("south", "a.b"), of_site("north", "meat")];
        let wanted = Wanted::about(&fridges, |fridges| Act::Calibrate { fridges });
        let all = wanted.into_iter().map(|Wanted { site, act }| match act {
            Act::Calibrate { fridges } => (site, fridges.join(" ")),
            _ => panic!("{act:?}"),
        });
        let expected = [(None, "milk"), (Some("north"), "milk meat"), (Some("south"), "a.b")];
        let expected =
            expected.map(|(site, ids): (Option<&str>, _)| (site.map(str::to_owned), ids.to_owned()));
        assert_eq!(all.collect::<Vec<_>>(), expected);
    }

    fn act(elsewhere: &Elsewhere) -> impl Future<Output = Result<(), CarryError>> + Send + 'static {
        let elsewhere = elsewhere.clone();
        async move { elsewhere.act(String::from("north"), Act::Nothing, None).await }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_wants_something_done_is_told_what_became_of_it_and_waits_for_nobody_for_long() {
        let (elsewhere, mut carried) = Elsewhere::new();
        let confirmed = tokio::spawn(act(&elsewhere));
        let Carried { site, done, .. } = carried.recv().await.unwrap();
        assert_eq!(site, "north");
        done.send(Ok(())).unwrap();
        assert_eq!(confirmed.await.unwrap(), Ok(()));
        // Nobody answers.
        let unconfirmed = tokio::spawn(act(&elsewhere));
        let waiting = carried.recv().await.unwrap();
        assert_eq!(unconfirmed.await.unwrap(), Err(CarryError::Unconfirmed));
        assert!(waiting.done.is_closed(), "nobody waits any more");
        // Nobody takes anything.
        let all: Vec<_> = (0..MOST).map(|_| tokio::spawn(act(&elsewhere))).collect();
        tokio::task::yield_now().await;
        assert_eq!(act(&elsewhere).await, Err(CarryError::Busy));
        for one in all {
            assert_eq!(one.await.unwrap(), Err(CarryError::Unconfirmed));
        }
        drop(carried);
        assert_eq!(act(&elsewhere).await, Err(CarryError::Away), "the other end is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn acts_on_many_gateways_wait_for_their_turn() {
        let (elsewhere, mut carried) = Elsewhere::new();
        let all: Vec<_> = (0..40).map(|_| tokio::spawn(act(&elsewhere))).collect();
        for _ in 0..40 {
            carried.recv().await.unwrap().done.send(Ok(())).unwrap();
        }
        for one in all {
            assert_eq!(one.await.unwrap(), Ok(()));
        }
    }
}
