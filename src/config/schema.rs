//! The shape of the TOML file: which keys there are and of what type. What they mean and whether they
//! fit together is checked in the parent module.

use toml::Spanned;

use super::section::Section;

mod fridge;

pub use fridge::{Alarm, AlarmPoint, Calibration, Defrost, Exposure, Fridge, Limits, Point};

/// The whole file.
pub struct File {
    pub name: Option<Spanned<String>>,
    pub listen: Option<Spanned<Vec<String>>>,
    pub url: Option<Spanned<String>>,
    pub trigger_words: Option<Vec<Spanned<String>>>,
    pub units: Option<Spanned<String>>,
    pub allow: Option<Vec<Spanned<String>>>,
    pub certificate: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub hook: Vec<Spanned<Hook>>,
    pub bus: Vec<Spanned<Bus>>,
    pub fridge: Vec<Spanned<Fridge>>,
    pub notify: Vec<Spanned<Notify>>,
    pub mqtt: Option<Spanned<Mqtt>>,
    pub history: Option<History>,
    pub page: Option<Page>,
    pub user: Vec<Spanned<User>>,
    pub client: Vec<Spanned<Client>>,
}

/// `[page]`
pub struct Page {
    pub enabled: bool,
    pub allow: Option<Vec<Spanned<String>>>,
    pub login: bool,
    pub origins: Option<Vec<Spanned<String>>>,
}

impl Page {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Page {
        Page {
            enabled: section.flag_or("enabled", true),
            allow: section.texts("allow"),
            login: section.flag("login"),
            origins: section.texts("origins"),
        }
    }
}

/// `[[user]]`
pub struct User {
    pub name: Spanned<String>,
    pub password: Spanned<String>,
    pub may_act: bool,
}

impl User {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> User {
        User {
            name: section.needed("name"),
            password: section.needed("password"),
            may_act: section.flag_or("may_act", true),
        }
    }
}

/// `[[client]]`
pub struct Client {
    pub name: Spanned<String>,
    pub token: Option<Spanned<String>>,
    pub token_file: Option<Spanned<String>>,
    pub may_act: bool,
}

impl Client {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Client {
        Client {
            name: section.needed("name"),
            token: section.text("token"),
            token_file: section.text("token_file"),
            may_act: section.flag_or("may_act", true),
        }
    }
}

/// `[history]`
pub struct History {
    pub raw_days: Option<Spanned<i64>>,
    pub bucket_days: Option<Spanned<i64>>,
    pub daily_hash: bool,
}

impl History {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> History {
        History {
            raw_days: section.whole("raw_days"),
            bucket_days: section.whole("bucket_days"),
            daily_hash: section.flag("daily_hash"),
        }
    }
}

impl File {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> File {
        File {
            name: section.text("name"),
            listen: section.text_or_texts("listen"),
            url: section.text("url"),
            trigger_words: section.texts("trigger_words"),
            units: section.text("units"),
            allow: section.texts("allow"),
            certificate: section.text("certificate"),
            key: section.text("key"),
            hook: section.tables("hook", Hook::of),
            bus: section.tables("bus", Bus::of),
            fridge: section.tables("fridge", Fridge::of),
            notify: section.tables("notify", Notify::of),
            mqtt: section.table("mqtt", Mqtt::of),
            history: section.table("history", History::of).map(Spanned::into_inner),
            page: section.table("page", Page::of).map(Spanned::into_inner),
            user: section.tables("user", User::of),
            client: section.tables("client", Client::of),
        }
    }
}

/// `[mqtt]`
pub struct Mqtt {
    pub broker: Spanned<String>,
    pub gateway: Option<Spanned<String>>,
    pub user: Option<String>,
    pub password: Option<Spanned<String>>,
    pub password_file: Option<Spanned<String>>,
    pub ca: Option<String>,
    pub certificate: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub discovery: Option<Spanned<String>>,
    pub neighbours: bool,
    pub acts_from: Option<Vec<Spanned<String>>>,
}

impl Mqtt {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Mqtt {
        Mqtt {
            broker: section.needed("broker"),
            gateway: section.text("gateway"),
            user: section.text("user").map(Spanned::into_inner),
            password: section.text("password"),
            password_file: section.text("password_file"),
            ca: section.text("ca").map(Spanned::into_inner),
            certificate: section.text("certificate"),
            key: section.text("key"),
            discovery: section.text("discovery"),
            neighbours: section.flag_or("neighbours", true),
            acts_from: section.texts("acts_from"),
        }
    }
}

/// `[[notify]]`
pub struct Notify {
    pub kind: Spanned<String>,
    pub name: Option<Spanned<String>>,
    pub url: Option<Spanned<String>>,
    pub url_file: Option<Spanned<String>>,
    pub ca: Option<String>,
    pub mention: Option<String>,
    pub channel: Option<String>,
    pub username: Option<String>,
    pub icon_emoji: Option<String>,
    pub every: Option<Spanned<String>>,
    pub format: Option<Spanned<String>>,
    pub urgent_only: bool,
}

impl Notify {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Notify {
        Notify {
            kind: section.needed("kind"),
            name: section.text("name"),
            url: section.text("url"),
            url_file: section.text("url_file"),
            ca: section.text("ca").map(Spanned::into_inner),
            mention: section.text("mention").map(Spanned::into_inner),
            channel: section.text("channel").map(Spanned::into_inner),
            username: section.text("username").map(Spanned::into_inner),
            icon_emoji: section.text("icon_emoji").map(Spanned::into_inner),
            every: section.text("every"),
            format: section.text("format"),
            urgent_only: section.flag("urgent_only"),
        }
    }
}

/// `[[hook]]`
pub struct Hook {
    pub name: Option<Spanned<String>>,
    pub token: Option<Spanned<String>>,
    pub token_file: Option<Spanned<String>>,
    pub response: Option<Spanned<String>>,
    pub in_channel: bool,
    pub username: Option<Spanned<String>>,
    pub icon_url: Option<Spanned<String>>,
    pub fridges: Option<Vec<Spanned<String>>>,
    pub may_act: Option<Vec<Spanned<String>>>,
}

impl Hook {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Hook {
        Hook {
            name: section.text("name"),
            token: section.text("token"),
            token_file: section.text("token_file"),
            response: section.text("response"),
            in_channel: section.flag("in_channel"),
            username: section.text("username"),
            icon_url: section.text("icon_url"),
            fridges: section.texts("fridges"),
            may_act: section.texts("may_act"),
        }
    }
}

/// `[[bus]]`
pub struct Bus {
    pub kind: Spanned<String>,
    pub name: Option<Spanned<String>>,
    pub period: Option<Spanned<String>>,
    pub root: Option<Spanned<String>>,
    pub resolution: Option<Spanned<i64>>,
    pub pin: Option<Spanned<i64>>,
    pub through: Option<Spanned<String>>,
    pub chip: Option<Spanned<String>>,
    pub address: Option<Spanned<String>>,
    pub probes: Option<Spanned<i64>>,
    pub warm: Option<Spanned<Vec<i64>>>,
    pub silent: Option<Spanned<Vec<i64>>>,
    pub replay: Option<Spanned<String>>,
    pub unit: Option<Spanned<String>>,
    pub speed: Option<Spanned<f64>>,
    pub sites: Option<Vec<Spanned<String>>>,
}

impl Bus {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Bus {
        Bus {
            kind: section.needed("kind"),
            name: section.text("name"),
            period: section.text("period"),
            root: section.text("root"),
            resolution: section.whole("resolution"),
            pin: section.whole("pin"),
            through: section.text("through"),
            chip: section.text("chip"),
            address: section.text("address"),
            probes: section.whole("probes"),
            warm: section.wholes("warm"),
            silent: section.wholes("silent"),
            replay: section.text("replay"),
            unit: section.text("unit"),
            speed: section.number("speed"),
            sites: section.texts("sites"),
        }
    }
}
