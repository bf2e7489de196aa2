//! An HTTPS server of the library in this process, with a cache filled by hand and limits of one's own.

#![allow(dead_code)] // Each test program uses its own part.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fridge::cache::Cache;
use fridge::chat::{Gateway, Scope, Units};
use fridge::fridge::{Fridge, Limits as TemperatureLimits};
use fridge::https::{Config, Error, Hook, Limits, Placement, Server, Statistics};
use fridge::reading::{Celsius, ProbeId, Stamp};
use fridge::secret::Secret;
use tokio::sync::oneshot;

/// The token of the vectors.
pub const TOKEN: &str = "i8ge9icprrz8ppjsg7ncawuf8a";
/// Another hook's.
pub const OTHER_TOKEN: &str = "kt6ysz1apb8zfnigx5c7hm3erw";

/// A server that is running. Its folder goes with it.
pub struct Served {
    pub address: SocketAddr,
    pub certificate: PathBuf,
    pub statistics: Arc<Statistics>,
    pub folder: tempfile::TempDir,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a test changes of a server before it starts.
pub struct Setup {
    pub config: Config,
    pub folder: tempfile::TempDir,
    /// The age of the one reading, in seconds; the bus's period is 10 s.
    pub age: u64,
}

impl Setup {
    /// Two hooks, one trigger word, the limits as shipped.
    pub fn new() -> Setup {
        let hook = |name: &str, token: &str| Hook {
            name: name.into(),
            token: Secret::new(token),
            response: Placement::Post,
            in_channel: false,
            username: None,
            icon_url: None,
            scope: Scope::everything(),
        };
        let config = Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            certificate: None,
            hooks: vec![hook("kitchen", TOKEN), hook("bar", OTHER_TOKEN)],
            trigger_words: vec![String::from("fridge")],
            url: None,
            allow: Vec::new(),
            limits: Limits::default(),
        };
        Setup { config, folder: tempfile::tempdir().unwrap(), age: 4 }
    }

    /// Starts it.
    pub fn serve(self) -> Served {
        self.try_serve().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts it, or says why not.
    pub fn try_serve(self) -> Result<Served, Error> {
        let Setup { config, folder, age } = self;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::bind(config, gateway(age), folder.path()))?;
        let (address, certificate) = (server.addresses()[0], server.certificate().to_owned());
        let statistics = server.statistics();
        let (shutdown, told) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(server.run(async {
                let _told = told.await;
            }));
            runtime.shutdown_background();
        });
        Ok(Served {
            address,
            certificate,
            statistics,
            folder,
            shutdown: Some(shutdown),
            thread: Some(thread),
        })
    }
}

impl Served {
    /// Tells it to end, without waiting.
    pub fn tell_to_end(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            let _told = shutdown.send(());
        }
    }

    /// Waits until it has ended.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends well");
        }
    }

    /// How often it refused for that reason.
    pub fn refused(&self, reason: &str) -> u64 {
        self.report().refused.get(reason).copied().unwrap_or(0)
    }

    /// What it counted.
    pub fn report(&self) -> fridge::https::Report {
        self.statistics.report(&stamp())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tell_to_end();
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn stamp() -> Stamp {
    Stamp { mono: Duration::from_secs(100), wall: jiff::Timestamp::UNIX_EPOCH }
}

/// A gateway whose one fridge was read `age` seconds ago.
fn gateway(age: u64) -> Arc<Gateway> {
    let earlier = Stamp { mono: stamp().mono - Duration::from_secs(age), ..stamp() };
    let buses = [(String::from("bus 1"), false, Duration::from_secs(10))];
    let cache = Cache::new(buses, earlier, jiff::tz::TimeZone::UTC);
    let probe = ProbeId::new(0x28, 1);
    cache.record(0, earlier, Duration::ZERO, &[(probe, Ok(Celsius::from_sixteenths(67)))]);
    Arc::new(Gateway {
        name: None,
        fridges: vec![Fridge {
            name: String::from("Milk"),
            group: None,
            probe,
            limits: TemperatureLimits { min: None, max: Celsius::from_degrees(5.0) },
            out_of_service: false,
        }],
        units: Units::Celsius,
        cache: Arc::new(cache),
        history: Arc::default(),
        clock: Arc::new(stamp),
        asked: 0.into(),
    })
}
