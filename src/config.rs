//! The configuration: a TOML file goes in; what each module is to do comes out, or everything that
//! is wrong, with its line and the cure.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};
use ipnet::IpNet;
use toml::Spanned;
use toml::de::DeTable;

use crate::fridge::names;
use crate::gateway::Site;
use crate::notify::Target;
use crate::regular_file;
use crate::secret::Secret;
use crate::text::Units;
use crate::{https, mattermost};

mod alarm;
mod auth;
mod bus;
mod calibration;
mod diagnostics;
mod edit;
mod fridge;
mod history;
mod hook;
pub mod last_good;
mod mqtt;
mod notify;
mod page;
pub mod paths;
mod redact;
mod replace_probe;
mod schema;
mod section;
mod settings;
mod shape;
mod snippet;
mod user_table;

pub use calibration::{Error as CalibrationError, Measured, calibrate, can_calibrate};
use diagnostics::Collector;
pub use diagnostics::{Problem, Problems};
pub use edit::EditError;
pub use redact::{redacted, token_files};
pub use replace_probe::{Error as ReplaceError, Replaced, replace};
use section::Section;
pub use snippet::fridge_table;
pub use user_table::{UserError, add as add_user, remove as remove_user, set_password};

const LONGEST_NAME: usize = 200;
const DEFAULT_LISTEN: &str = "0.0.0.0:4443";
const DEFAULT_TRIGGER_WORD: &str = "fridge";

/// A configuration in which nothing is wrong.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from.
    pub path: PathBuf,
    /// The gateway's name, its fridges and its units.
    pub site: Site,
    /// Where the server listens, and with which certificate.
    pub https: https::Config,
    /// Who may ask.
    pub mattermost: mattermost::Config,
    /// Who is told of alarms.
    pub targets: Vec<Target>,
    /// The MQTT broker to which everything is published, where there is one.
    pub mqtt: Option<crate::notify::mqtt::Config>,
    /// Who may look at the page, the API and the metrics.
    pub page: crate::web::Config,
    /// Who logs in there, and which programs show a token.
    pub auth: crate::auth::Config,
    /// The buses.
    pub buses: Vec<Bus>,
    /// Which other gateways are shown, where any are.
    pub hub: Option<crate::hub::Config>,
    /// What works, and is probably not what was meant.
    pub warnings: Vec<String>,
    /// How long what is measured is kept.
    pub history: crate::history::Config,
    /// The text that it was read from: it may hold tokens.
    pub source: Secret,
}

/// One bus to poll.
#[derive(Clone, Debug, PartialEq)]
pub struct Bus {
    /// What people call it: "bus 1" unless it has a name.
    pub name: String,
    /// From the start of one sweep to the start of the next.
    pub period: Duration,
    /// What it is.
    pub config: crate::bus::Config,
}

/// Where in the state folder what is simulated is kept.
pub const SIMULATED: &str = "simulated";

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Config, Problems> {
        let source = regular_file::text(path).map_err(|error| {
            let cure = match error.kind() {
                ErrorKind::NotFound => "; `fridge init` writes one, `fridge demo` needs none",
                ErrorKind::PermissionDenied => "; the gateway's user must be able to read it",
                _ => "",
            };
            Problems::of_file(path, format!("cannot be read: {error}{cure}"))
        })?;
        Config::parse(path, &source)
    }

    /// Whether any of its buses is simulated.
    pub fn is_simulated(&self) -> bool {
        self.buses.iter().any(|bus| bus.config.is_simulated())
    }

    /// Whether all of its buses are simulated.
    pub fn is_all_simulated(&self) -> bool {
        !self.buses.is_empty() && self.buses.iter().all(|bus| bus.config.is_simulated())
    }

    /// The folder of the databases: that of the state; where all is simulated, one in it, so that nobody can ever take that for
    /// measured.
    pub fn databases(&self, state: &Path) -> PathBuf {
        if self.is_all_simulated() { state.join(SIMULATED) } else { state.to_owned() }
    }

    /// Checks the text of the file at that path.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(path: &Path, source: &str) -> Result<Config, Problems> {
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        let mut problems = Collector::new(path, source);
        let (table, errors) = DeTable::parse_recoverable(source);
        problems.of_toml(&errors);
        problems.finish()?;
        shape::check(&table, &mut problems);
        problems.finish()?;
        let file = schema::File::of(Section(table.get_ref()));
        let folder = path.parent().unwrap_or(path);
        let mut check = Check { path, folder, problems, warnings: Vec::new(), follows: None };
        let mut config = check.config(file);
        check.problems.finish()?;
        config.source = Secret::new(source);
        for warning in &mut config.warnings {
            *warning = diagnostics::without_secrets(warning);
        }
        Ok(config)
    }
}

/// The check of one file. Each part takes what the file says and returns what is meant; where
/// something is wrong it notes that and returns whatever lets the check go on.
struct Check<'a> {
    path: &'a Path,
    folder: &'a Path,
    problems: Collector<'a>,
    warnings: Vec<String>,
    /// Where a bus is the broker of other gateways, and which of these are meant.
    follows: Option<(std::ops::Range<usize>, Option<Vec<String>>)>,
}

impl Check<'_> {
    fn config(&mut self, file: schema::File) -> Config {
        if file.hook.is_empty() {
            self.warnings.push(String::from(
                "there is no [[hook]]: every question will be rejected until one holds the token that Mattermost shows",
            ));
        }
        let is_hub = file.bus.iter().any(|bus| bus.get_ref().kind.get_ref() == bus::MQTT);
        if file.fridge.is_empty() && !is_hub {
            self.warnings
                .push(String::from("there is no [[fridge]]: `fridge probes` lists what is on the buses"));
        }
        if file.bus.is_empty() {
            self.problems
                .of_file("there is no [[bus]]: at least one is needed, such as kind = \"simulated\"");
        }
        let fridges = self.fridges(file.fridge);
        let mattermost = mattermost::Config {
            url: file.url.map(|url| self.url(url)),
            allow: self.allow(file.allow),
            hooks: self.hooks(file.hook, &fridges),
            trigger_words: self.trigger_words(file.trigger_words),
        };
        let https = https::Config {
            listen: self.listen(file.listen),
            certificate: self.certificate(file.certificate, file.key),
            preferred: mattermost.allow.clone(),
            limits: https::Limits::default(),
        };
        let name = file.name.map(|name| self.name(name));
        let mqtt = file.mqtt.and_then(|mqtt| self.mqtt(mqtt, name.as_deref()));
        let buses = self.buses(file.bus);
        let hub = self.hub(mqtt.as_ref());
        Config {
            path: self.path.to_owned(),
            site: Site { name, units: self.units(file.units), fridges, is_last_good: false },
            https,
            mattermost,
            targets: self.targets(file.notify, mqtt.is_some()),
            mqtt,
            buses,
            hub,
            history: self.history(file.history),
            page: self.page(file.page, !(file.user.is_empty() && file.client.is_empty())),
            auth: self.auth(file.user, file.client),
            warnings: std::mem::take(&mut self.warnings),
            source: Secret::new(""),
        }
    }

    fn name(&mut self, name: Spanned<String>) -> String {
        let (span, name) = (name.span(), name.into_inner().trim().to_owned());
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            self.problems.at(&span, format!("a name has 1 to {LONGEST_NAME} characters"));
        }
        if !name.is_empty() && names::fold(&name).is_empty() {
            self.problems.at(&span, "a name has at least one letter that can be seen");
        }
        if name.chars().any(char::is_control) {
            self.problems.at(&span, "a name holds no line breaks, tabs or other control characters");
        }
        name
    }

    fn listen(&mut self, listen: Option<Spanned<Vec<String>>>) -> Vec<SocketAddr> {
        let Some(listen) = listen else { return DEFAULT_LISTEN.parse().into_iter().collect() };
        let (span, addresses) = (listen.span(), listen.into_inner());
        if addresses.is_empty() {
            self.problems.at(
                &span,
                format!("`listen` is an empty list: give an address, such as \"{DEFAULT_LISTEN}\""),
            );
        }
        let mut parsed = Vec::new();
        for address in addresses {
            match address.parse() {
                Ok(address) if parsed.contains(&address) => {
                    self.problems.at(&span, format!("`{address}` stands in `listen` twice: remove one"));
                }
                Ok(address) => parsed.push(address),
                Err(_) => self.problems.at(
                    &span,
                    format!("`{address}` is not an address with a port: \"{DEFAULT_LISTEN}\" for every interface, or \"[::]:4443\" for IPv6 too"),
                ),
            }
        }
        parsed
    }

    fn url(&mut self, url: Spanned<String>) -> String {
        // Why it cannot be parsed would not help: the message shows what is wanted.
        let uri = url.get_ref().parse::<Uri>().unwrap_or_default();
        let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTPS));
        let host = authority.map_or("", |authority| authority.host());
        let is_reached = !host.is_empty() && !["0.0.0.0", "[::]"].contains(&host);
        // Behind the host there is a port or nothing.
        let has_port = |authority: &Authority| authority.port_u16().is_some() || authority.as_str() == host;
        if !(is_reached && authority.is_some_and(has_port)) {
            self.problems.at(
                &url.span(),
                "`url` is the gateway as Mattermost reaches it: \"https://192.168.1.50:4443\"",
            );
        } else if ["webhook", "command", "action"]
            .iter()
            .any(|end| uri.path().trim_matches('/').ends_with(end))
            || uri.query().is_some()
        {
            let text = format!(
                "`url` is the gateway's address alone, because buttons find their path by themselves: write url = \"https://{}\"",
                authority.map_or("", Authority::as_str)
            );
            self.problems.at(&url.span(), text);
        }
        url.into_inner().trim_end_matches('/').to_owned()
    }

    fn units(&mut self, units: Option<Spanned<String>>) -> Units {
        let Some(units) = units else { return Units::default() };
        Units::of(units.get_ref()).unwrap_or_else(|| {
            self.problems.at(&units.span(), "`units` are \"C\" or \"F\"");
            Units::default()
        })
    }

    fn allow(&mut self, allow: Option<Vec<Spanned<String>>>) -> Vec<IpNet> {
        let mut nets = Vec::new();
        for net in allow.into_iter().flatten() {
            let text = net.get_ref();
            match text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(net) => nets.push(net),
                Err(_) => self.problems.at(
                    &net.span(),
                    format!(
                        "`{text}` is neither an address nor a network: \"192.168.1.10\" or \"192.168.1.0/24\""
                    ),
                ),
            }
        }
        nets
    }

    fn trigger_words(&mut self, words: Option<Vec<Spanned<String>>>) -> Vec<String> {
        let Some(words) = words else { return vec![DEFAULT_TRIGGER_WORD.to_owned()] };
        for word in &words {
            if word.get_ref().is_empty() {
                self.problems
                    .at(&word.span(), "a trigger word cannot be empty: every message would be a question");
            } else if let Some(first) =
                word.get_ref().split_whitespace().next().filter(|first| first != word.get_ref())
            {
                self.problems.at(
                    &word.span(),
                    format!("a trigger word with a space can never match, because only the first word of a message is looked at: write \"{first}\""),
                );
            }
        }
        words.into_iter().map(Spanned::into_inner).collect()
    }

    fn certificate(
        &mut self,
        certificate: Option<Spanned<String>>,
        key: Option<Spanned<String>>,
    ) -> Option<https::tls::Files> {
        for (setting, value) in [("certificate", &certificate), ("key", &key)] {
            if let Some(value) = value {
                self.no_token(setting, value);
            }
        }
        match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(https::tls::Files {
                certificate: self.folder.join(certificate.into_inner()),
                key: self.folder.join(key.into_inner()),
            }),
            (Some(one), None) => {
                self.problems.at(
                    &one.span(),
                    "`certificate` needs `key` beside it (the same file, if that holds both)",
                );
                None
            }
            (None, Some(one)) => {
                self.problems.at(
                    &one.span(),
                    "`key` needs `certificate` beside it (the same file, if that holds both)",
                );
                None
            }
        }
    }
}
