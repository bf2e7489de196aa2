//! `fridge probes`: the probes on the buses, as text for the configuration. The running gateway knows; where
//! none runs, the buses of the configuration are opened and swept.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{FileOptions, ask, terminal};
use crate::chat::{Asker, Rights};
use crate::socket::{self, Question};

mod buses;
mod snippets;
mod watch;

use buses::OpenBuses;

/// The options of `probes`.
#[derive(Args)]
pub struct Options {
    /// Mark the probe that is being warmed by a hand, until Ctrl-C, to find out which is which
    #[arg(long)]
    watch: bool,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Lists them, or watches them.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let mut source = Source::find(files)?;
    if let (Source::Here(buses), false) = (&source, options.json) {
        terminal::print(&format!("No gateway runs: measuring the buses of {}.\n", buses.path.display()))?;
    }
    let answer = source.ask()?;
    if options.watch {
        return watch::run(source, answer, options.json);
    }
    let snippets = snippets::for_unnamed(&answer);
    ask::show(answer, options.json)?;
    if !options.json && !snippets.is_empty() {
        terminal::print(&snippets)?;
    }
    Ok(())
}

/// Who knows which probes there are.
enum Source {
    /// A gateway that answers on one of these sockets.
    Gateway(Vec<PathBuf>),
    /// The buses of the configuration, opened by this command.
    Here(Box<OpenBuses>),
}

impl Source {
    fn find(files: &FileOptions) -> anyhow::Result<Source> {
        let sockets = files.sockets();
        match socket::ask(&sockets, &Question::Report) {
            Err(socket::Error::NotRunning(_)) => Ok(Source::Here(Box::new(OpenBuses::new(files.load()?)))),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(Source::Gateway(sockets)),
        }
    }

    /// What is known now; sweeps the buses where no gateway does.
    fn ask(&mut self) -> anyhow::Result<Value> {
        const WORDS: &str = "probes";
        match self {
            Source::Gateway(sockets) => Ok(socket::ask(sockets, &Question::Ask(WORDS.to_owned()))?),
            Source::Here(buses) => {
                Ok(serde_json::to_value(&*buses.sweep().reply(WORDS, &Asker::local(Rights::Read)))?)
            }
        }
    }
}
