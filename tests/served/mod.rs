//! An HTTPS server of the library in this process, with a cache filled by hand and limits of one's own.

#![allow(dead_code)] // Each test program uses its own part.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fridge::chat::{Chat, Scope};
use fridge::fridge::{Fridge, Limits as TemperatureLimits};
use fridge::gateway::{Gateway, Site};
use fridge::https::{self, Error, Handle, Limits, Server};
use fridge::mattermost::button_token::Signer;
use fridge::mattermost::{self, Hook, Mattermost, Placement, Stats};
use fridge::reading::{Celsius, ProbeId, Sample, Sampled, Stamp};
use fridge::recorder::{Input, Recorder, Writer};
use fridge::secret::Secret;
use fridge::state::BusInfo;
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
    pub statistics: Arc<Stats>,
    wall: Arc<AtomicI64>,
    config: mattermost::Config,
    mattermost: Arc<Mattermost>,
    chat: Arc<Chat>,
    pub folder: tempfile::TempDir,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a test changes of a server before it starts.
pub struct Setup {
    pub https: https::Config,
    pub config: mattermost::Config,
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
    let limits = TemperatureLimits { min: None, max: Celsius::from_degrees(5.0) };
    Fridge::new(name, ProbeId::new(0x28, number), limits)
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
            may_act: None,
        };
        let https = https::Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            certificate: None,
            preferred: Vec::new(),
            limits: Limits::default(),
        };
        let config = mattermost::Config {
            hooks: vec![hook("kitchen", TOKEN), hook("bar", OTHER_TOKEN)],
            trigger_words: vec![String::from("fridge")],
            url: None,
            allow: Vec::new(),
        };
        let fridges = vec![(fridge(1, "Milk"), Ok(Celsius::from_sixteenths(67)))];
        Setup {
            https,
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
        let Setup { https, config, folder, age, name, fridges, before_serving } = self;
        // As the product runs: what blocks would block here, too.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let wall = Arc::new(AtomicI64::new(0));
        let gateway = gateway(age, name, fridges, Arc::clone(&wall));
        let signer = Arc::new(Signer::ensure(folder.path()).unwrap());
        let preferred = config.allow.clone();
        let transport = Arc::new(fridge::https::stats::Stats::default());
        let chat = Arc::new(Chat::new(gateway));
        let kept = config.clone();
        let mattermost = Arc::new(Mattermost::new(config, Arc::clone(&chat), signer, Arc::clone(&transport)));
        let statistics = mattermost.stats();
        let https = https::Config { preferred, ..https };
        let mut server = runtime.block_on(Server::bind(
            https,
            Arc::clone(&mattermost) as _,
            transport,
            folder.path(),
            Vec::new(),
        ))?;
        before_serving();
        let handle = server.handle();
        let (address, certificate) = (handle.addresses()[0], handle.certificate());
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
            config: kept,
            mattermost,
            chat,
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

    /// Has it go on with another configuration, as after a reload.
    pub fn reload(&self, change: impl FnOnce(&mut mattermost::Config)) {
        let mut config = self.config.clone();
        change(&mut config);
        self.mattermost.reload(config, Arc::clone(&self.chat));
    }

    /// Sets its wall clock, in seconds since 1970; the other one stands still.
    pub fn set_wall(&self, seconds: i64) {
        self.wall.store(seconds, Ordering::SeqCst);
    }

    /// How often it refused for that reason.
    pub fn rejected(&self, reason: &str) -> u64 {
        self.report().rejected.get(reason).copied().unwrap_or(0)
    }

    /// What it counted.
    pub fn report(&self) -> mattermost::Report {
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
fn gateway(age: u64, name: Option<String>, fridges: Vec<(Fridge, Sample)>, wall: Arc<AtomicI64>) -> Gateway {
    let earlier = Stamp { mono: stamp().mono - Duration::from_secs(age), ..stamp() };
    let recorder = Recorder::new(earlier, jiff::tz::TimeZone::UTC);
    let mut writer = Writer::new(recorder, Arc::new(move || earlier));
    let info = BusInfo { name: "bus 1".into(), simulated: false, period: Duration::from_secs(10) };
    writer.write(Input::Buses { buses: vec![(None, info)], corrections: Default::default() });
    writer.write(Input::Sweep {
        bus: writer.keys()[0],
        at: earlier,
        took: Duration::ZERO,
        probes: fridges.iter().map(|(fridge, sample)| Sampled::from((fridge.probe, *sample))).collect(),
        notices: Vec::new(),
    });
    let fridges = fridges.into_iter().map(|(fridge, _)| fridge).collect();
    let clock = Arc::new(move || {
        let wall = jiff::Timestamp::from_second(wall.load(Ordering::SeqCst)).unwrap();
        Stamp { wall, ..stamp() }
    });
    let site = Site { name, fridges, ..Site::default() };
    Gateway::new(site, writer.state(), writer.history(), clock)
}
