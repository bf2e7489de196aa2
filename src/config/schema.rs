//! The shape of the TOML file: which keys there are and of what type. What they mean and whether they
//! fit together is checked in the parent module.

use toml::Spanned;

use super::section::{Degrees, Section};

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
            history: section.table("history", History::of).map(Spanned::into_inner),
            page: section.table("page", Page::of).map(Spanned::into_inner),
            user: section.tables("user", User::of),
            client: section.tables("client", Client::of),
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
        }
    }
}

/// `[[fridge]]`
pub struct Fridge {
    pub id: Option<Spanned<String>>,
    pub name: Spanned<String>,
    pub group: Option<Spanned<String>>,
    pub probe: Spanned<String>,
    pub limits: Option<Spanned<Limits>>,
    pub preset: Option<Spanned<String>>,
    pub alarm: Option<Spanned<Alarm>>,
    pub calibration: Option<Spanned<Calibration>>,
    pub out_of_service: bool,
}

impl Fridge {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Fridge {
        Fridge {
            id: section.text("id"),
            name: section.needed("name"),
            group: section.text("group"),
            probe: section.needed("probe"),
            limits: section.table("limits", Limits::of),
            preset: section.text("preset"),
            alarm: section.table("alarm", Alarm::of),
            calibration: section.table("calibration", Calibration::of),
            out_of_service: section.flag("out_of_service"),
        }
    }
}

/// `limits = { min = 0, max = 5 }`
pub struct Limits {
    pub min: Option<Degrees>,
    pub max: Option<Degrees>,
}

impl Limits {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Limits {
        Limits { min: section.degrees("min"), max: section.degrees("max") }
    }
}

/// `alarm = { lag = "60min", escalation = { limit = 10, after = "30min" } }`
pub struct Alarm {
    pub lag: Option<Spanned<String>>,
    pub escalation: Option<Spanned<AlarmPoint>>,
    pub gross: Option<Spanned<AlarmPoint>>,
    pub low: Option<Spanned<AlarmPoint>>,
    pub low_escalation: Option<Spanned<AlarmPoint>>,
    pub silent: Option<Spanned<String>>,
    pub stuck: Option<Spanned<String>>,
    pub exposure: Option<Spanned<Exposure>>,
    pub defrost: Vec<Defrost>,
    pub unanswered: Option<Spanned<String>>,
}

impl Alarm {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Alarm {
        Alarm {
            lag: section.text("lag"),
            escalation: section.table("escalation", AlarmPoint::of),
            gross: section.table("gross", AlarmPoint::of),
            low: section.table("low", AlarmPoint::of),
            low_escalation: section.table("low_escalation", AlarmPoint::of),
            silent: section.text("silent"),
            stuck: section.text("stuck"),
            exposure: section.table("exposure", Exposure::of),
            defrost: section.tables("defrost", Defrost::of).into_iter().map(Spanned::into_inner).collect(),
            unanswered: section.text("unanswered"),
        }
    }
}

/// `defrost = [{ at = "02:00", length = "45min" }]`
pub struct Defrost {
    pub at: Spanned<String>,
    pub length: Spanned<String>,
}

impl Defrost {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Defrost {
        Defrost { at: section.needed("at"), length: section.needed("length") }
    }
}

/// A limit and for how long it has to be passed.
pub struct AlarmPoint {
    pub limit: Degrees,
    pub after: Spanned<String>,
}

impl AlarmPoint {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> AlarmPoint {
        AlarmPoint {
            limit: section.degrees("limit").unwrap_or(Degrees(f64::NAN)),
            after: section.needed("after"),
        }
    }
}

/// `exposure = { max = 8, budget = "4h", window = "24h" }`
pub struct Exposure {
    pub min: Option<Degrees>,
    pub max: Option<Degrees>,
    pub budget: Spanned<String>,
    pub window: Spanned<String>,
}

impl Exposure {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Exposure {
        Exposure {
            min: section.degrees("min"),
            max: section.degrees("max"),
            budget: section.needed("budget"),
            window: section.needed("window"),
        }
    }
}

/// `calibration = { offset = -0.5 }` or `calibration = { points = [{ shows = 0.4, is = 0 }, …] }`
pub struct Calibration {
    pub offset: Option<f64>,
    pub points: Option<Vec<Spanned<Point>>>,
}

impl Calibration {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Calibration {
        Calibration {
            offset: section.number("offset").map(Spanned::into_inner),
            points: section.has("points").then(|| section.tables("points", Point::of)),
        }
    }
}

/// What a probe shows, and what it is.
pub struct Point {
    pub shows: f64,
    pub is: f64,
}

impl Point {
    /// Takes its settings.
    pub fn of(section: Section<'_>) -> Point {
        Point {
            shows: section.number("shows").map_or(f64::NAN, Spanned::into_inner),
            is: section.number("is").map_or(f64::NAN, Spanned::into_inner),
        }
    }
}
