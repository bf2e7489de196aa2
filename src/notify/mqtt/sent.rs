//! What is on its way to the broker, and what follows once it is taken.

use tokio::sync::oneshot;

/// What the broker is to take.
pub enum Sent {
    /// A retained message.
    Retained,
    /// What has that number, and counts as missed until it is taken.
    Live(u64),
    /// What is sent once and not again.
    Once,
    /// A part of what is sent afterwards.
    Late,
    /// A message about alarms, and who waits for it.
    Mail(oneshot::Sender<Result<(), String>>),
}
