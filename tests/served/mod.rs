//! An HTTPS server of the library in this process, with a cache filled by hand and limits of one's own.

#![allow(dead_code)] // Each test program uses its own part.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fridge::cache::Cache;
use fridge::chat::{Gateway, Scope, Units};
use fridge::fridge::{Fridge, Limits as TemperatureLimits};
use fridge::https::{Config, Error, Handle, Hook, Limits, Placement, Server, Statistics};
use fridge::reading::{Celsius, ProbeId, Sample, Stamp};
use fridge::secret::Secret;
use tokio::sync::oneshot;

/// The token of the vectors.
pub const TOKEN: &str = "i8ge9icprrz8ppjsg7ncawuf8a";
/// Another hook's.
pub const OTHER_TOKEN: &str = "kt6ysz1apb8zfnigx5c7hm3erw";

/// A server that is running. Its folder goes with it.
pub struct Served {
    pub handle: Handle,
    pub address: SocketAddr,
    pub certificate: PathBuf,
    pub statistics: Arc<Statistics>,
    wall: Arc<AtomicI64>,
    pub folder: tempfile::TempDir,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a test changes of a server before it starts.
pub struct Setup {
    pub config: Config,
    pub folder: tempfile::TempDir,
    /// The age of the readings, in seconds; the bus's period is 10 s.
    pub age: u64,
    /// The gateway's name.
    pub name: Option<String>,
    /// The fridges, and what the last sweep said of each one's probe.
    pub fridges: Vec<(Fridge, Sample)>,
    /// What happens between its start and its first connection.
    pub before_serving: Box<dyn FnOnce()>,
}

/// A fridge with a probe of that number and a limit of 5 °C.
pub fn fridge(number: u64, name: &str) -> Fridge {
    Fridge {
        name: name.to_owned(),
        group: None,
        probe: ProbeId::new(0x28, number),
        limits: TemperatureLimits { min: None, max: Celsius::from_degrees(5.0) },
        calibration: None,
        out_of_service: false,
    }
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
        let fridges = vec![(fridge(1, "Milk"), Ok(Celsius::from_sixteenths(67)))];
        Setup {
            config,
            folder: tempfile::tempdir().unwrap(),
            age: 4,
            name: None,
            fridges,
            before_serving: Box::new(|| {}),
        }
    }

    /// Starts it.
    pub fn serve(self) -> Served {
        self.try_serve().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts it, or says why not.
    pub fn try_serve(self) -> Result<Served, Error> {
        let Setup { config, folder, age, name, fridges, before_serving } = self;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let wall = Arc::new(AtomicI64::new(0));
        let gateway = gateway(age, name, fridges, Arc::clone(&wall));
        let mut server = runtime.block_on(Server::bind(config, gateway, folder.path(), Vec::new()))?;
        before_serving();
        let handle = server.handle();
        let (address, certificate) = (handle.addresses()[0], handle.certificate());
        let statistics = handle.statistics();
        let (shutdown, told) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                server.open();
                let _told = told.await;
                server.end().await;
            });
            runtime.shutdown_background();
        });
        Ok(Served {
            handle,
            address,
            certificate,
            statistics,
            wall,
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

    /// Sets its wall clock, in seconds since 1970; the other one stands still.
    pub fn set_wall(&self, seconds: i64) {
        self.wall.store(seconds, Ordering::SeqCst);
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

/// A gateway whose fridges were read `age` seconds ago.
fn gateway(
    age: u64,
    name: Option<String>,
    fridges: Vec<(Fridge, Sample)>,
    wall: Arc<AtomicI64>,
) -> Arc<Gateway> {
    let earlier = Stamp { mono: stamp().mono - Duration::from_secs(age), ..stamp() };
    let buses = [(String::from("bus 1"), false, Duration::from_secs(10))];
    let cache = Cache::new(buses, earlier, jiff::tz::TimeZone::UTC);
    let samples: Vec<_> = fridges.iter().map(|(fridge, sample)| (fridge.probe, *sample)).collect();
    cache.record(0, earlier, Duration::ZERO, samples);
    Arc::new(Gateway {
        name,
        fridges: fridges.into_iter().map(|(fridge, _)| fridge).collect(),
        units: Units::Celsius,
        cache: Arc::new(cache),
        history: Arc::default(),
        clock: Arc::new(move || {
            let wall = jiff::Timestamp::from_second(wall.load(Ordering::SeqCst)).unwrap();
            Stamp { wall, ..stamp() }
        }),
        asked: Default::default(),
        reuse: Default::default(),
    })
}
