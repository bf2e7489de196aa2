//! What the machine's own users ask over the socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::status;
use crate::chat::{Asker, Rights};
use crate::https;
use crate::mattermost::Mattermost;
use crate::notify::DeliveryStatuses;
use crate::socket::{self, Peer, Question};

const NOT_FOR_EVERYBODY: &str =
    r#"{"error":"only root and the group fridge may see what was rejected: sudo fridge doctor --last"}"#;

/// The disk gets so long to take what was measured: less than whoever asks waits.
const FLUSH: Duration = Duration::from_secs(4);

/// Whatever is answered from.
pub struct Shell {
    /// What serves.
    pub server: https::Handle,
    /// What answers.
    pub mattermost: Arc<Mattermost>,
    /// How the delivery of messages goes.
    pub statuses: DeliveryStatuses,
    /// The configuration's file.
    pub configuration: PathBuf,
}

/// Answers what the machine's own users ask.
pub fn answers(shell: Shell) -> Arc<socket::Answer> {
    let shell = Arc::new(shell);
    Arc::new(move |question, peer| {
        let shell = Arc::clone(&shell);
        Box::pin(async move {
            let answer = shell.answer(question, peer).await;
            answer.unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string())
        })
    })
}

impl Shell {
    async fn answer(&self, question: Question, peer: Peer) -> Result<String, serde_json::Error> {
        match question {
            // To see the watchdog bite; a release has no such word.
            #[cfg(debug_assertions)]
            Question::Ask(words) if words == "deadlock" && peer.privileged => {
                self.mattermost.chat().lock_for_ever();
                Ok(String::from("{}"))
            }
            Question::Ask(words) => {
                let rights = if peer.privileged { Rights::Act } else { Rights::Read };
                serde_json::to_string(&*self.mattermost.chat().ask(&words, &Asker::local(rights)).await)
            }
            Question::Readings(id) => serde_json::to_string(&self.mattermost.chat().gateway().readings(&id)),
            Question::Flush if peer.privileged => {
                let gateway = self.mattermost.chat().gateway().clone();
                let flushed = tokio::task::spawn_blocking(move || gateway.flush(FLUSH)).await;
                Ok(serde_json::json!({ "flushed": flushed.unwrap_or_default() }).to_string())
            }
            Question::Flush => Ok(NOT_FOR_EVERYBODY.to_owned()),
            Question::Report => {
                let Shell { server, mattermost, statuses, configuration } = self;
                serde_json::to_string(&status::report(server, mattermost, statuses, configuration, peer))
            }
            Question::RecentRejections if peer.privileged => {
                let now = self.mattermost.chat().gateway().now();
                let mut recent = self.server.stats().turned_away();
                recent.extend(self.mattermost.stats().recent_rejections(&now));
                recent.sort_by_key(|turned_away| turned_away.age);
                serde_json::to_string(&recent)
            }
            Question::RecentRejections => Ok(NOT_FOR_EVERYBODY.to_owned()),
        }
    }
}
