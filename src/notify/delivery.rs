//! The delivery to one target: one message after another, in their order, each until it has arrived. What fails for
//! now is tried again, later and later; what can never arrive is given up, and said once.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::client::Answer;
use super::queue::Queue;
use super::way::{Sent, Way};
use super::{Kind, Reporter};
use crate::recorder::{self, Input, Parcel};

/// Until the first repetition; each later one waits twice as long …
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// A target that asks for less patience than this gets so much …
const SHORTEST_RETRY_AFTER: Duration = Duration::from_secs(1);
/// … and one that asks for more than this no more.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// A message is given up when it is so old, by then people have found out …
const GIVEN_UP_AFTER: Duration = Duration::from_secs(3 * 24 * 3_600);
/// … and was tried for so long: the gateway itself may have been off.
const LEAST_TRIES: Duration = Duration::from_secs(10 * 60);

/// A line of the log names so many alarms.
const MOST_NAMED: usize = 20;

/// What no repetition changes.
const NEVER: [StatusCode; 7] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::GONE,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::NOT_IMPLEMENTED,
];

/// What became of one try.
enum Outcome {
    Arrived,
    /// It cannot arrive, now or ever.
    Refused(StatusCode),
    /// It may arrive later.
    Later {
        reason: String,
        wait: Option<Duration>,
    },
}

/// Delivers what is in the queue, for ever.
pub async fn run(reporter: Reporter, way: Way, queue: Arc<Queue>, recorder: recorder::Handle) {
    let target = &reporter.target;
    let is_old = |parcel: &Parcel| {
        let age = (reporter.context.clock)().wall.duration_since(parcel.message.at);
        age.unsigned_abs() >= GIVEN_UP_AFTER
    };
    let mut is_failing = false;
    loop {
        let parcel = queue.first().await;
        let (began, mut wait) = (Instant::now(), FIRST_WAIT);
        let has_arrived = loop {
            match outcome(way.send(&parcel, &reporter.context).await) {
                Outcome::Arrived => {
                    reporter.arrived();
                    if std::mem::take(&mut is_failing) {
                        info!(target, "delivery works again");
                    }
                    break true;
                }
                Outcome::Refused(status) => {
                    reporter.failed(&refusal(status, &way.kind));
                    error!(target, %status, alarms = numbers(&parcel), "a message was refused and is given up: {}", cure(status, &way.kind));
                    break false;
                }
                Outcome::Later { reason, .. } if is_old(&parcel) && began.elapsed() >= LEAST_TRIES => {
                    reporter.failed(&reason);
                    error!(
                        target,
                        alarms = numbers(&parcel),
                        "a message is given up after three days: {reason}"
                    );
                    break false;
                }
                Outcome::Later { reason, wait: asked } => {
                    reporter.failed(&reason);
                    if !std::mem::replace(&mut is_failing, true) {
                        warn!(target, "a message cannot be delivered yet, trying again: {reason}");
                    }
                    // Spread, so that many gateways do not come back at the same moment.
                    let spread = wait.mul_f64(0.5 + fastrand::f64() / 2.0);
                    sleep(asked.unwrap_or(spread)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        };
        queue.done();
        reporter.statuses.waiting(target, queue.waiting());
        let arrived = parcel.message.alarms.iter().filter(|_| has_arrived);
        let alarms = arrived.map(|alarm| alarm.number).collect();
        recorder.report(Input::Delivered { id: parcel.id, alarms });
    }
}

fn outcome(sent: Sent) -> Outcome {
    match sent {
        Sent::Broker(Ok(())) => Outcome::Arrived,
        Sent::Broker(Err(reason)) => Outcome::Later { reason, wait: None },
        Sent::Web(Ok(Answer { status, .. })) if status.is_success() => Outcome::Arrived,
        Sent::Web(Ok(Answer { status, retry_after })) => match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Outcome::Later {
                reason: status.to_string(),
                wait: retry_after.map(|wait| wait.clamp(SHORTEST_RETRY_AFTER, LONGEST_RETRY_AFTER)),
            },
            // Whatever else stands in between (a proxy's page, a login) may go again.
            _ if NEVER.contains(&status) => Outcome::Refused(status),
            _ => Outcome::Later { reason: status.to_string(), wait: None },
        },
        Sent::Web(Err(error)) => Outcome::Later { reason: error.to_string(), wait: None },
    }
}

/// The alarms that a message is about: "#41, #42".
fn numbers(parcel: &Parcel) -> String {
    let numbers = parcel.message.alarms.iter().map(|alarm| format!("#{}", alarm.number));
    numbers.take(MOST_NAMED).collect::<Vec<_>>().join(", ")
}

/// What became of a single try.
///
/// # Errors
/// Why it did not arrive, and what to do about it.
pub fn judge(sent: Sent, kind: &Kind) -> Result<(), String> {
    match outcome(sent) {
        Outcome::Arrived => Ok(()),
        Outcome::Refused(status) => Err(refusal(status, kind)),
        Outcome::Later { reason, .. } => Err(reason),
    }
}

fn refusal(status: StatusCode, kind: &Kind) -> String {
    format!("{status}: {}", cure(status, kind))
}

/// What to do about a refusal, by Mattermost's own statuses.
fn cure(status: StatusCode, kind: &Kind) -> &'static str {
    match status {
        _ if !matches!(kind, Kind::Mattermost(_)) => {
            "the target's own documentation says what that status means"
        }
        StatusCode::BAD_REQUEST => {
            "the incoming webhook was deleted, its channel archived, or its URL is not right"
        }
        StatusCode::FORBIDDEN => "the webhook is locked to another channel, or its owner may not post there",
        StatusCode::NOT_FOUND => "the channel or the address is not there",
        StatusCode::NOT_IMPLEMENTED => "incoming webhooks are switched off in Mattermost's System Console",
        _ => "the target's own documentation says what that status means",
    }
}
