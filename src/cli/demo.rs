//! `fridge demo`: the whole gateway on a simulated wire. It writes a configuration, as a person
//! would, into a folder of its own, and runs the gateway on that.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use ring::rand::{SecureRandom, SystemRandom};

mod past;

use super::{FileOptions, block_on_daemon, log, terminal};
use crate::auth::PasswordHash;
use crate::bus;
use crate::bus::simulated::{self, Kind};
use crate::config::{Config, Problem, Problems};
use crate::daemon::{HangUp, Paths, Running};
use crate::text;

/// The letters of Mattermost's own tokens, and how many a token has.
const TOKEN_LETTERS: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";
const TOKEN_LENGTH: usize = 26;

/// The first line of its configuration, by which it knows it again.
const FIRST_LINE: &str = "# Written by `fridge demo`. `fridge serve --config THIS-FILE` runs the same.";

/// Who may log in on its page.
const USER: &str = "demo";
/// The lines of its `[[client]]`.
const CLIENT_LINES: usize = 3;

/// The time constant of a product at the speed of life.
const USUAL_LAG: Duration = Duration::from_secs(60 * 60);

/// The options of `demo`.
#[derive(Args)]
pub struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4443")]
    listen: SocketAddr,
    /// How many probes are on the simulated wire [default: 6; 1 with --replay]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    probes: Option<u16>,
    /// From the start of one sweep to the start of the next; a conversion takes its real 750 ms
    #[arg(long, value_name = "T", default_value = "2s")]
    period: String,
    /// The token that each question must carry. Every user can see it in the list of processes: to hide it, set the
    /// environment variable FRIDGE_TOKEN instead [default: a new one]
    #[arg(long, value_name = "T")]
    token: Option<String>,
    /// The demo as Mattermost reaches it: with it, answers have buttons
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Mattermost's incoming webhook, which is then told of alarms; without it they are only logged
    #[arg(long, value_name = "URL")]
    notify: Option<String>,
    /// Certificate authorities that the webhook's certificate is verified against, besides the machine's own
    #[arg(long, value_name = "FILE", requires = "notify")]
    ca: Option<PathBuf>,
    /// Play a temperature log instead of the modelled fridges: a file of `timestamp value` or
    /// `timestamp,value`
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// The unit of the recording [default: °C where any value has a decimal point, else
    /// thousandths of a °C]
    #[arg(long, value_name = "UNIT", requires = "replay")]
    unit: Option<Unit>,
    /// How many times faster than real time the fridges, or the recording, run
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Unit {
    /// Degrees Celsius
    C,
    /// Degrees Fahrenheit
    F,
    /// Thousandths of a degree Celsius, as the kernel writes them
    Milli,
}

/// Writes the demo's configuration and runs the gateway on it until it is asked to end.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    if files.config.is_some() {
        bail!("`fridge demo` writes a configuration of its own; `fridge serve --config FILE` runs yours");
    }
    let _log = log::start()?;
    // In a list of processes everybody can read an option, and nobody a variable.
    let token = match options.token.clone().or_else(|| std::env::var("FRIDGE_TOKEN").ok()) {
        Some(token) => token,
        None => new_token()?,
    };
    let folder = Folder::new(files.state.as_deref())?;
    let path = folder.path.join("fridge.toml");
    let password = new_token()?;
    let text = configuration(options, &token, &password)?;
    write(&path, &text)?;
    let config = Config::load(&path).map_err(|problems| anyhow::anyhow!(of_options(&problems, &text)))?;
    let simulated = config.buses.iter().filter_map(|bus| match &bus.config {
        bus::Config::Simulated(simulated) => simulated.replay.as_ref(),
        _ => None,
    });
    for recording in simulated {
        terminal::progress(&format!("playing {}", text::recording::understood(recording)));
    }
    if options.replay.is_none()
        && let Err(error) = past::write(&config, &folder.path)
    {
        // The charts begin with what is measured then.
        terminal::progress(&format!("no past is made up: {error}"));
    }
    let paths = Paths {
        state: folder.path.clone(),
        socket: files.socket.clone().unwrap_or_else(|| folder.path.join("fridge.sock")),
    };
    block_on_daemon(config, &paths, HangUp::End, |running| {
        // Where the standard output is closed, the gateway still runs.
        drop(terminal::print(&banner(running, &token, &password, &path)));
    })
}

/// What is wrong, by the names of the options: nobody has written the file in which it stands.
fn of_options(problems: &Problems, text: &str) -> String {
    const OPTIONS: [&str; 9] =
        ["listen", "url", "period", "token", "notify", "ca", "replay", "unit", "speed"];
    let notify = text.lines().position(|line| line == "[[notify]]").map(|index| index + 1);
    let of_option = |problem: &Problem| {
        let setting = problem.text.split('`').nth(1).unwrap_or_default();
        // Who is told has a URL, too.
        let is_notify = notify.is_some_and(|begins| problem.line.is_some_and(|line| line > begins));
        let setting = if is_notify && setting == "url" { "notify" } else { setting };
        match OPTIONS.iter().find(|option| setting == **option) {
            Some(option) => format!("--{option}: {}", problem.text),
            None => problem.text.clone(),
        }
    };
    // The API's client has the hook's token: what is wrong with it is told once.
    let client = text.lines().position(|line| line == "[[client]]").unwrap_or_default();
    let is_clients = |problem: &&Problem| {
        problem.line.is_some_and(|line| (client + 1..client + CLIENT_LINES + 1).contains(&line))
    };
    problems.list.iter().filter(|problem| !is_clients(problem)).map(of_option).collect::<Vec<_>>().join("; ")
}

/// The demo's files: the folder given, which stays, or a temporary one, which goes with the demo.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn new(given: Option<&Path>) -> anyhow::Result<Self> {
        let (path, temporary) = match given {
            Some(path) => (path.to_owned(), false),
            None => {
                let temporary = std::env::temp_dir();
                let free =
                    (0..1000).map(|n| temporary.join(format!("fridge-demo-{}-{n}", std::process::id())));
                let free = free.into_iter().find(|path| !path.exists());
                (free.with_context(|| format!("no free name for a folder in {}", temporary.display()))?, true)
            }
        };
        std::fs::DirBuilder::new()
            .recursive(!temporary)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Folder { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed now, the system's own cleaning of its temporary folder removes.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

/// Writes the configuration for its owner alone, because it holds the token. Only one that an earlier demo
/// wrote is replaced.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let is_ours = |path: &Path| {
        let is_file = std::fs::symlink_metadata(path).is_ok_and(|file| file.is_file());
        is_file && std::fs::read_to_string(path).is_ok_and(|text| text.starts_with(FIRST_LINE))
    };
    let failed = || format!("cannot write {}", path.display());
    if is_ours(path) {
        std::fs::remove_file(path).with_context(failed)?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} was not written by the demo, and is left alone: choose another folder with --state",
            path.display()
        ),
        Err(error) => Err(error).with_context(failed),
    }
}

fn new_token() -> anyhow::Result<String> {
    let mut bytes = [0; TOKEN_LENGTH];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the operating system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| char::from(TOKEN_LETTERS[usize::from(byte % 32)])).collect())
}

/// The configuration, as a person would write it.
fn configuration(options: &Options, token: &str, password: &str) -> anyhow::Result<String> {
    let replaying = options.replay.is_some();
    let probes = usize::from(options.probes.unwrap_or(if replaying { 1 } else { 6 }));
    // One fridge is warm and one silent, so that one sees how that looks; the rest are well.
    let (warm, silent) = match probes {
        _ if replaying => (None, None),
        0..=2 => (None, None),
        3..=4 => (Some(3), None),
        _ => (Some(3), Some(5)),
    };
    // A JSON text is a TOML text, too.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let list =
        |number: Option<usize>| number.map_or_else(|| String::from("[]"), |number| format!("[{number}]"));

    let mut text = format!("{FIRST_LINE}\n");
    writeln!(text, "listen = \"{}\"\ntrigger_words = [\"fridge\"]\n", options.listen)?;
    if let Some(url) = &options.url {
        writeln!(text, "url = {}\n", quoted(url))?;
    }
    writeln!(text, "[[hook]]\nname = \"demo\"\ntoken = {}\n", quoted(token))?;
    writeln!(text, "[[client]]\nname = \"program\"\ntoken = {}\n", quoted(token))?;
    let hash = PasswordHash::of(password)?;
    writeln!(text, "[[user]]\nname = \"{USER}\"\npassword = {}\n", quoted(hash.expose()))?;
    if let Some(url) = &options.notify {
        writeln!(text, "[[notify]]\nkind = \"mattermost\"\nurl = {}", quoted(url))?;
        if let Some(ca) = &options.ca {
            writeln!(text, "ca = {}", quoted(&std::path::absolute(ca)?.to_string_lossy()))?;
        }
        writeln!(text)?;
    }
    writeln!(text, "[[bus]]\nkind = \"simulated\"\nperiod = {}\nprobes = {probes}", quoted(&options.period))?;
    writeln!(text, "warm = {}\nsilent = {}\nspeed = {:?}", list(warm), list(silent), options.speed)?;
    if let Some(replay) = &options.replay {
        let path = std::path::absolute(replay)?;
        writeln!(text, "replay = {}", quoted(&path.to_string_lossy()))?;
    }
    if let Some(unit) = options.unit.and_then(|unit| unit.to_possible_value()) {
        writeln!(text, "unit = \"{}\"", unit.get_name())?;
    }
    let mut names = Names::default();
    for number in 1..=probes {
        let probe = simulated::probe_id(number);
        if replaying {
            writeln!(text, "\n[[fridge]]\nname = \"Recording {number}\"\nprobe = \"{probe}\"")?;
            continue;
        }
        let (name, limits) = match simulated::cabinet_kind(number) {
            Kind::Freezer => (names.freezer(), "{ max = -15 }"),
            Kind::Fridge => (names.fridge(), "{ min = 0, max = 8 }"),
        };
        writeln!(text, "\n[[fridge]]\nname = \"{name}\"\nprobe = \"{probe}\"\nlimits = {limits}")?;
        if options.speed > 1.0 {
            // The product follows as much faster as the fridges run, so that one sees an alarm within minutes.
            let lag = (USUAL_LAG.as_secs_f64() / options.speed).ceil().max(1.0);
            writeln!(text, "alarm = {{ lag = \"{lag}s\" }}")?;
        }
    }
    Ok(text)
}

/// Names for the demo's fridges, each given once.
#[derive(Default)]
struct Names {
    fridges: usize,
    freezers: usize,
}

impl Names {
    fn fridge(&mut self) -> String {
        const FIRST: [&str; 8] = ["Milk", "Vegetables", "Drinks", "Meat", "Cheese", "Fish", "Cakes", "Fruit"];
        self.fridges += 1;
        FIRST
            .get(self.fridges - 1)
            .map_or_else(|| format!("Fridge {}", self.fridges), |name| (*name).to_owned())
    }

    fn freezer(&mut self) -> String {
        self.freezers += 1;
        format!("Freezer {}", self.freezers)
    }
}

/// What the demo prints once it answers.
fn banner(running: &Running, token: &str, password: &str, configuration: &Path) -> String {
    let page = running.addresses.first().map_or_else(String::new, |address| page(*address));
    let url = format!("{page}webhook");
    let certificate = running.certificate.display();
    let socket =
        running.socket.as_ref().map(|path| format!(" --socket {}", path.display())).unwrap_or_default();
    format!(
        "\nThe gateway runs on a simulated wire. Ctrl-C ends it.\n\n  \
         page           {page}\n  \
         user           {USER}\n  \
         password       {password}\n  \
         URL            {url}\n  \
         token          {token}\n  \
         certificate    {certificate}\n  \
         configuration  {}\n\n\
         Ask it as Mattermost would (the first sweep takes a second):\n\n  \
         curl --cacert {certificate} {url} -d token={token} -d trigger_word=fridge -d 'text=fridge status'\n\n\
         Ask it from another shell on this machine:\n\n  \
         fridge status{socket}\n\n",
        configuration.display(),
    )
}

/// How a client on this machine reaches that address.
fn page(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("https://{address}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_look_like_mattermosts_and_differ() {
        let (one, other) = (new_token().unwrap(), new_token().unwrap());
        assert_eq!(one.len(), TOKEN_LENGTH);
        assert!(one.bytes().all(|letter| TOKEN_LETTERS.contains(&letter)));
        assert_ne!(one, other);
    }

    #[test]
    fn only_the_demos_own_file_is_replaced_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("fridge.toml"), folder.path().join("link.toml"));
        write(&path, &format!("{FIRST_LINE}\nfirst")).unwrap();
        write(&path, &format!("{FIRST_LINE}\nsecond")).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("second"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(write(&link, "third").unwrap_err().to_string().contains("--state"));
        std::fs::write(&path, "[[fridge]]").unwrap();
        assert!(write(&path, "third").unwrap_err().to_string().contains("--state"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[[fridge]]");
    }

    #[test]
    fn every_fridge_has_a_name_of_its_own() {
        let mut names = Names::default();
        let all: std::collections::BTreeSet<String> = (0..40).map(|_| names.fridge()).collect();
        assert_eq!(all.len(), 40);
    }
}
