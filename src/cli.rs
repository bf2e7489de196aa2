//! The command line: one variant and one file per command. Arguments come in, an exit status comes
//! out: 0 done, 78 a bad configuration, 1 any other failure; `doctor` has its own three.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::chat;
use crate::config::{Config, paths};
use crate::daemon::{self, HangUp, Paths};
use crate::socket::{self, Question};

mod advise;
mod archive;
mod ask;
mod backup;
mod calibrate;
mod cert;
mod chart;
mod check;
mod demo;
mod doctor;
mod export;
mod import;
mod init;
mod log;
mod probes;
mod replace;
mod report;
mod restore;
mod rules;
mod serve;
mod terminal;
mod user;
mod verify;
mod whatif;

/// The exit status for a bad configuration: `EX_CONFIG` of sysexits.h. systemd's unit does not
/// restart on it.
const BAD_CONFIGURATION: u8 = 78;

/// Ask your fridges for their temperature in Mattermost.
///
/// A Raspberry Pi reads the DS18B20 probes in your fridges and freezers in the background; anyone who
/// types `fridge status` in a channel gets the answer at once, from memory.
///
/// Try it with no hardware at all: fridge demo
#[derive(Parser)]
#[command(name = "fridge", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_long_help = "Begin with `fridge demo`: it prints a curl command that asks what Mattermost would ask.\n\nExit status: 0 done, 78 the configuration is wrong, 1 anything else that failed; doctor: 0 ok, 1 warnings, 2 faults; status --exit-code: 0 ok, 1 a fridge needs a look, 2 one is beyond its limit, 3 not known."
)]
pub struct Cli {
    #[command(flatten)]
    files: FileOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Clone, Default)]
struct FileOptions {
    /// The configuration [default: $CONFIGURATION_DIRECTORY/fridge.toml, /etc/fridge/fridge.toml, or
    /// the user's own]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Files")]
    config: Option<PathBuf>,
    /// The folder of the certificate and its key [default: $STATE_DIRECTORY, /var/lib/fridge, or the
    /// user's own]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Files")]
    state: Option<PathBuf>,
    /// The running gateway's socket [default: /run/fridge/fridge.sock, or the user's own]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Files")]
    socket: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway: poll the buses, answer Mattermost over HTTPS
    Serve,
    /// Find the probes, write the first configuration, and print what to enter in Mattermost
    Init(init::Options),
    /// Run the whole gateway on a simulated wire: no hardware, no configuration
    Demo(demo::Options),
    /// Ask the running gateway what the channel can ask: fridge ask status milk
    Ask(ask::Options),
    /// How the fridges are, or one of them in detail: fridge status milk
    Status(ask::StatusOptions),
    /// Which probes are on the buses, and which fridge each is in
    Probes(probes::Options),
    /// Put another probe into a fridge, in the configuration: fridge replace milk 28-0316a2790a1b
    Replace(replace::Options),
    /// Measure a probe in ice, and write its correction to the configuration: fridge calibrate milk ice
    Calibrate(calibrate::Options),
    /// What raises an alarm, a sentence for each rule: fridge rules milk
    Rules(rules::Options),
    /// What a rule would have raised, before it is saved: fridge whatif milk max 5 for 30m
    Whatif(whatif::Options),
    /// What was measured, as CSV or JSON lines: fridge export milk --from march > march.csv
    Export(export::Options),
    /// The page that an inspector knows, to be printed: fridge report milk --day sunday > milk.html
    Report(report::Options),
    /// A fridge's past as a picture, in the terminal or in a file: fridge chart milk 7d
    Chart(chart::Options),
    /// Whether limits fit what the fridges do: usual defrosts, and how near they come
    Advise(advise::Options),
    /// Make one file of the configuration, the certificate and all that was measured
    Backup(backup::Options),
    /// Put such a file back, where nothing is yet
    Restore(restore::Options),
    /// Take another log into the history of a fridge, marked as imported
    Import(import::Options),
    /// Check what is kept against the daily seals
    Verify(verify::Options),
    /// Users who can log in on the page: fridge user add anna
    User(user::Options),
    /// Read the configuration and say what is wrong in it, and where
    Check(check::Options),
    /// Check everything that can be wrong, a line each, and how to fix it
    Doctor(doctor::Options),
    /// Show the certificate (make one where there is none): names, fingerprint, expiry, how to trust it
    Cert(cert::Options),
    /// Print the completions of a shell: source <(fridge completions bash)
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page: fridge man | man -l -
    Man,
}

/// Reads the arguments, does what they say, and returns the exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where not even this can be printed, nobody is there to read another error.
            drop(error.print());
            if let Some(word) = word_of_the_channel(&error) {
                terminal::error(&anyhow::anyhow!("that is a word of the channel: fridge ask {word}"));
            }
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match cli.run() {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::error(&error);
            if is_bad_configuration(&error) { ExitCode::from(BAD_CONFIGURATION) } else { ExitCode::FAILURE }
        }
    }
}

impl Cli {
    fn run(self) -> anyhow::Result<ExitCode> {
        let files = &self.files;
        match self.command {
            Command::Serve => serve::run(files).map(|()| ExitCode::SUCCESS),
            Command::Init(options) => init::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Demo(options) => demo::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Ask(options) => ask::run(&options, files),
            Command::Status(options) => ask::run(&options.into(), files),
            Command::Probes(options) => probes::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Replace(options) => replace::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Calibrate(options) => calibrate::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Rules(options) => rules::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Whatif(options) => whatif::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Export(options) => export::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Report(options) => report::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Chart(options) => chart::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Advise(options) => advise::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Backup(options) => backup::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Restore(options) => restore::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Import(options) => import::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Verify(options) => verify::run(&options, files),
            Command::User(options) => user::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Check(options) => check::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Doctor(options) => doctor::run(&options, files),
            Command::Cert(options) => cert::run(&options, files).map(|()| ExitCode::SUCCESS),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "fridge", &mut script);
                terminal::print(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
            }
            Command::Man => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page)?;
                terminal::print(&String::from_utf8_lossy(&page)).map(|()| ExitCode::SUCCESS)
            }
        }
    }
}

impl FileOptions {
    fn config_path(&self) -> Result<PathBuf, crate::config::Problems> {
        paths::configuration(self.config.as_deref(), &paths::environment)
    }

    fn load(&self) -> Result<Config, crate::config::Problems> {
        Config::load(&self.config_path()?)
    }

    fn state(&self) -> PathBuf {
        paths::state(self.state.as_deref(), &paths::environment)
    }

    /// Where a client looks for a running gateway.
    fn sockets(&self) -> Vec<PathBuf> {
        paths::client_sockets(self.socket.as_deref(), &self.state())
    }

    /// How a change of that configuration takes effect.
    fn takes_effect(&self, config: &Path) -> &'static str {
        match socket::ask(&self.sockets(), &Question::Report) {
            Ok(report)
                if report["configuration"].as_str().is_some_and(|it| is_same(Path::new(it), config)) =>
            {
                "This takes effect with: sudo systemctl reload fridge\n"
            }
            _ => "No gateway runs here with that file; this takes effect with the next start.\n",
        }
    }

    fn paths(&self) -> Paths {
        let state = self.state();
        let socket = paths::server_socket(self.socket.as_deref(), &paths::environment)
            .unwrap_or_else(|| state.join("fridge.sock"));
        Paths { state, socket }
    }
}

/// Whether both lead to one file, however they are written.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    place(one) == place(other)
}

/// The channel's word that was taken for a command of the shell.
fn word_of_the_channel(error: &clap::Error) -> Option<&'static str> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) => Some(chat::Command::of(word)?.word()),
        _ => None,
    }
}

/// Whether an error is about what stands in the configuration, or in the certificate's files that it names: starting
/// again would not help.
fn is_bad_configuration(error: &anyhow::Error) -> bool {
    error.is::<crate::config::Problems>()
        || error.is::<crate::https::tls::Error>()
        || matches!(error.downcast_ref(), Some(daemon::Error::Https(crate::https::Error::Tls(_))))
}

/// Whether the reader of our output has closed it: `fridge help | head -1` is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Runs the daemon on a runtime of one thread. Nothing in it waits for anything but the network: a bus
/// has a thread of its own, and an answer takes some ten microseconds; a second thread would cost more
/// in waking it than it could do.
fn block_on_daemon(
    config: Config,
    paths: &Paths,
    on_hang_up: HangUp,
    ready: impl FnOnce(&daemon::Running),
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(daemon::run(config, paths, on_hang_up, ready));
    // A bus that is stuck holds a blocking thread of the runtime, too: it is not waited for.
    runtime.shutdown_background();
    Ok(result?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }
}
