//! Every setting that there is: what it holds, whether it must be there, and how it is written.

/// What a setting holds.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `"fridge"`
    Text,
    /// `["a", "b"]`
    Texts,
    /// `"a"`, or `["a", "b"]`
    TextOrTexts,
    /// `true` or `false`
    Flag,
    /// `1` or `1.5`
    Number,
    /// `5`, or `"41 °F"`
    Degrees,
    /// `1`
    Whole,
    /// `[1, 2]`
    Wholes,
    /// `{ … }`
    Table(&'static [Setting]),
    /// `[{ … }, { … }]`
    Tables(&'static [Setting]),
    /// `[[…]]`, each of which can stand several times
    Sections(&'static [Setting]),
}

/// One setting.
pub struct Setting {
    /// Its key.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub is_needed: bool,
    /// How it is written, behind `name = `.
    pub example: &'static str,
}

const fn setting(name: &'static str, kind: Kind, example: &'static str) -> Setting {
    Setting { name, kind, is_needed: false, example }
}

const fn needed(name: &'static str, kind: Kind, example: &'static str) -> Setting {
    Setting { name, kind, is_needed: true, example }
}

/// The file itself.
pub const FILE: &[Setting] = &[
    setting("name", Kind::Text, "\"Kitchen\""),
    setting("listen", Kind::TextOrTexts, "\"0.0.0.0:4443\""),
    setting("url", Kind::Text, "\"https://192.168.1.50:4443\""),
    setting("trigger_words", Kind::Texts, "[\"fridge\", \"Fridge\"]"),
    setting("units", Kind::Text, "\"C\""),
    setting("allow", Kind::Texts, "[\"192.168.1.10\"]"),
    setting("certificate", Kind::Text, "\"certificate.pem\""),
    setting("key", Kind::Text, "\"key.pem\""),
    setting("hook", Kind::Sections(HOOK), ""),
    setting("bus", Kind::Sections(BUS), ""),
    setting("fridge", Kind::Sections(FRIDGE), ""),
    setting("notify", Kind::Sections(NOTIFY), ""),
    setting("mqtt", Kind::Table(MQTT), "{ broker = \"mqtts://broker.example.org\" }"),
    setting("history", Kind::Table(HISTORY), "{ raw_days = 30 }"),
    setting("page", Kind::Table(PAGE), "{ enabled = true }"),
    setting("user", Kind::Sections(USER), ""),
    setting("client", Kind::Sections(CLIENT), ""),
];

/// `[page]`
pub const PAGE: &[Setting] = &[
    setting("enabled", Kind::Flag, "true"),
    setting("allow", Kind::Texts, "[\"192.168.1.0/24\"]"),
    setting("login", Kind::Flag, "true"),
    setting("origins", Kind::Texts, "[\"https://board.example.org\"]"),
];

/// `[[user]]`
pub const USER: &[Setting] = &[
    needed("name", Kind::Text, "\"anna\""),
    needed("password", Kind::Text, "\"$argon2id$…\""),
    setting("may_act", Kind::Flag, "false"),
];

/// `[[client]]`
pub const CLIENT: &[Setting] = &[
    needed("name", Kind::Text, "\"node-red\""),
    setting("token", Kind::Text, "\"…\""),
    setting("token_file", Kind::Text, "\"tokens/node-red\""),
    setting("may_act", Kind::Flag, "false"),
];

/// `[history]`
pub const HISTORY: &[Setting] = &[
    setting("raw_days", Kind::Whole, "30"),
    setting("bucket_days", Kind::Whole, "1098"),
    setting("daily_hash", Kind::Flag, "true"),
];

/// `[[notify]]`
pub const NOTIFY: &[Setting] = &[
    needed("kind", Kind::Text, "\"mattermost\""),
    setting("name", Kind::Text, "\"on call\""),
    setting("url", Kind::Text, "\"https://chat.example.org/hooks/…\""),
    setting("url_file", Kind::Text, "\"tokens/alarms\""),
    setting("ca", Kind::Text, "\"chat.pem\""),
    setting("mention", Kind::Text, "\"@anna\""),
    setting("channel", Kind::Text, "\"kitchen\""),
    setting("username", Kind::Text, "\"fridge\""),
    setting("icon_emoji", Kind::Text, "\"snowflake\""),
    setting("every", Kind::Text, "\"5min\""),
    setting("format", Kind::Text, "\"ntfy\""),
    setting("urgent_only", Kind::Flag, "true"),
];

/// `[mqtt]`
pub const MQTT: &[Setting] = &[
    needed("broker", Kind::Text, "\"mqtts://broker.example.org\""),
    setting("gateway", Kind::Text, "\"kitchen\""),
    setting("user", Kind::Text, "\"kitchen\""),
    setting("password", Kind::Text, "\"…\""),
    setting("password_file", Kind::Text, "\"tokens/broker\""),
    setting("ca", Kind::Text, "\"broker.pem\""),
    setting("certificate", Kind::Text, "\"kitchen.pem\""),
    setting("key", Kind::Text, "\"kitchen.key\""),
    setting("discovery", Kind::Text, "\"homeassistant\""),
    setting("neighbours", Kind::Flag, "false"),
    setting("acts_from", Kind::Texts, "[\"head-office\"]"),
];

/// `[[hook]]`
pub const HOOK: &[Setting] = &[
    setting("name", Kind::Text, "\"kitchen\""),
    setting("token", Kind::Text, "\"the 26 characters that Mattermost shows\""),
    setting("token_file", Kind::Text, "\"tokens/kitchen\""),
    setting("response", Kind::Text, "\"comment\""),
    setting("in_channel", Kind::Flag, "true"),
    setting("username", Kind::Text, "\"fridge\""),
    setting("icon_url", Kind::Text, "\"https://example.org/fridge.png\""),
    setting("fridges", Kind::Texts, "[\"Milk\"]"),
    setting("may_act", Kind::Texts, "[\"anna\"]"),
];

/// `[[bus]]`
pub const BUS: &[Setting] = &[
    needed("kind", Kind::Text, "\"kernel\""),
    setting("name", Kind::Text, "\"cellar\""),
    setting("period", Kind::Text, "\"10s\""),
    setting("root", Kind::Text, "\"/sys/bus/w1\""),
    setting("resolution", Kind::Whole, "12"),
    setting("pin", Kind::Whole, "4"),
    setting("through", Kind::Text, "\"cdev\""),
    setting("chip", Kind::Text, "\"/dev/gpiochip0\""),
    setting("address", Kind::Text, "\"127.0.0.1:4304\""),
    setting("probes", Kind::Whole, "6"),
    setting("warm", Kind::Wholes, "[3]"),
    setting("silent", Kind::Wholes, "[4]"),
    setting("replay", Kind::Text, "\"log.csv\""),
    setting("unit", Kind::Text, "\"c\""),
    setting("speed", Kind::Number, "60"),
    setting("sites", Kind::Texts, "[\"north\", \"south\"]"),
];

/// `[[fridge]]`
pub const FRIDGE: &[Setting] = &[
    setting("id", Kind::Text, "\"milk\""),
    needed("name", Kind::Text, "\"Milk\""),
    setting("group", Kind::Text, "\"Kitchen\""),
    needed("probe", Kind::Text, "\"28-0316a2790a1b\""),
    setting("limits", Kind::Table(LIMITS), "{ min = 0, max = 5 }"),
    setting("preset", Kind::Text, "\"fridge\""),
    setting("alarm", Kind::Table(ALARM), "{ lag = \"60min\" }"),
    setting("calibration", Kind::Table(CALIBRATION), "{ offset = -0.5 }"),
    setting("out_of_service", Kind::Flag, "true"),
];

/// `limits`
pub const LIMITS: &[Setting] = &[setting("min", Kind::Degrees, "0"), setting("max", Kind::Degrees, "5.5")];

/// `alarm`
pub const ALARM: &[Setting] = &[
    setting("lag", Kind::Text, "\"60min\""),
    setting("escalation", Kind::Table(POINT), "{ limit = 10, after = \"30min\" }"),
    setting("gross", Kind::Table(POINT), "{ limit = 15, after = \"10min\" }"),
    setting("low", Kind::Table(POINT), "{ limit = 0, after = \"30min\" }"),
    setting("low_escalation", Kind::Table(POINT), "{ limit = -2, after = \"30min\" }"),
    setting("silent", Kind::Text, "\"15min\""),
    setting("stuck", Kind::Text, "\"6h\""),
    setting("exposure", Kind::Table(EXPOSURE), "{ max = 8, budget = \"4h\", window = \"24h\" }"),
    setting("defrost", Kind::Tables(DEFROST), "[{ at = \"02:00\", length = \"45min\" }]"),
    setting("unanswered", Kind::Text, "\"15min\""),
];

/// A limit and for how long it has to be passed.
pub const POINT: &[Setting] =
    &[needed("limit", Kind::Degrees, "10"), needed("after", Kind::Text, "\"30min\"")];

/// `exposure`
pub const EXPOSURE: &[Setting] = &[
    setting("min", Kind::Degrees, "2"),
    setting("max", Kind::Degrees, "8"),
    needed("budget", Kind::Text, "\"4h\""),
    needed("window", Kind::Text, "\"24h\""),
];

/// `defrost`
pub const DEFROST: &[Setting] =
    &[needed("at", Kind::Text, "\"02:00\""), needed("length", Kind::Text, "\"45min\"")];

/// `calibration`
pub const CALIBRATION: &[Setting] = &[
    setting("offset", Kind::Number, "-0.5"),
    setting(
        "points",
        Kind::Tables(CALIBRATION_POINT),
        "[{ shows = 0.4, is = 0 }, { shows = 22.1, is = 21.5 }]",
    ),
    setting("date", Kind::Text, "\"2026-03-14\""),
    setting("by", Kind::Text, "\"anna\""),
];

/// One of its `points`.
pub const CALIBRATION_POINT: &[Setting] =
    &[needed("shows", Kind::Number, "0.4"), needed("is", Kind::Number, "0")];
