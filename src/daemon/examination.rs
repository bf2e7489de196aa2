//! Runs `fridge doctor` for the page: the same checks by the same program, one at a time, and not more often than twice a
//! minute.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::warn;

use super::Paths;
use crate::web::doctor::{Examine, Finding};

/// This program, also where another version was installed since.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// What was found stands for so long.
const FRESH: Duration = Duration::from_secs(30);
/// Longer than every check of a link takes.
const LIMIT: Duration = Duration::from_secs(60);

/// What was found last, and when.
type Last = Mutex<Option<(Instant, Arc<[Finding]>)>>;

/// What the page calls.
pub fn examine(configuration: &std::path::Path, paths: &Paths) -> Box<Examine> {
    let arguments = [
        ("--config", configuration.to_owned()),
        ("--state", paths.state.clone()),
        ("--socket", paths.socket.clone()),
    ];
    let (arguments, last) = (Arc::new(arguments), Arc::new(Last::default()));
    Box::new(move || {
        let (arguments, last) = (Arc::clone(&arguments), Arc::clone(&last));
        Box::pin(async move {
            let mut last = last.lock().await;
            if let Some((at, findings)) = &*last
                && at.elapsed() < FRESH
            {
                return Some(Arc::clone(findings));
            }
            let mut command = Command::new(THIS_PROGRAM);
            command.args(["doctor", "--json"]);
            for (option, path) in arguments.iter() {
                command.arg(option).arg(path);
            }
            command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            let findings = match timeout(LIMIT, command.output()).await {
                Ok(Ok(output)) => serde_json::from_slice::<Vec<Finding>>(&output.stdout)
                    .map_err(|error| format!("it ended with {}: {error}", output.status)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("it did not end within {} s", LIMIT.as_secs())),
            };
            match findings {
                Ok(findings) => {
                    let findings: Arc<[Finding]> = findings.into();
                    *last = Some((Instant::now(), Arc::clone(&findings)));
                    Some(findings)
                }
                Err(why) => {
                    warn!("cannot run `fridge doctor` for the page: {why}");
                    None
                }
            }
        })
    })
}
