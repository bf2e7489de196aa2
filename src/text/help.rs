//! What `help` says: how each command is called, and what it answers.

/// A command, as `help` lists and explains it.
pub struct CommandHelp {
    /// How it is asked, behind the trigger word.
    pub usage: &'static str,
    /// What it answers, in one line.
    pub summary: &'static str,
    /// What it answers, for who asks about it alone.
    pub explanation: &'static str,
}

/// The line above the list of words.
pub const HELP: &str = "What you can ask:";
/// What holds for every word.
pub const FOR_ALL: &str = "Any part of a name will do. At the end, `in F` or `in C` chooses the unit.";

/// `status`
pub const STATUS: CommandHelp = CommandHelp {
    usage: "status [fridge or group]",
    summary: "how the fridges are, the worst first, or one of them in detail",
    explanation: "`fridge status` lists all fridges, `fridge status milk` shows one in detail: now, limits, today, the last fault. Any part of a name will do, case and accents do not matter, one typing mistake is forgiven, though not in a number. The name of a group lists its fridges.",
};

/// `worst`
pub const WORST: CommandHelp = CommandHelp {
    usage: "worst",
    summary: "the fridge that needs attention most, in detail",
    explanation: "The fridge that is furthest outside its limits; where all are in range, the one that is nearest to a limit.",
};

/// `trend`
pub const TREND: CommandHelp = CommandHelp {
    usage: "trend [fridge or group]",
    summary: "how fast they warm up or cool down",
    explanation: "Degrees per hour over the last 60 minutes, or as long as there are readings; a line is fitted through them, so a door that was open for a minute hardly counts.",
};

/// `minmax`
pub const MINMAX: CommandHelp = CommandHelp {
    usage: "minmax [fridge or group] [time]",
    summary: "their lowest and highest temperatures, such as `minmax milk last week`",
    explanation: "Lowest and highest since midnight, or of another time at the end: `yesterday`, `24h`, `7d`, `sunday`, `last week`, `march`, `2026-03-14`, `from monday to wednesday`.",
};

/// `history`
pub const HISTORY: CommandHelp = CommandHelp {
    usage: "history [fridge or group] [time]",
    summary: "their last 24 hours as a line, or another time: `history milk 7d`",
    explanation: "The last 24 hours, or another time at the end, as a line of blocks, the lowest value as the lowest block; a dot stands where there was no reading. A time is `today`, `yesterday`, `7d`, `sunday`, `last week`, `march`, `2026-03-14`, `from monday to wednesday`.",
};

/// `chart`
pub const CHART: CommandHelp = CommandHelp {
    usage: "chart fridge [time]",
    summary: "a fridge's last 24 hours as a picture, or another time: `chart milk 7d`",
    explanation: "`fridge chart milk` draws the last 24 hours of one fridge with its limits, alarms and the times outside; `fridge chart milk march` another time. The picture needs `url` in the gateway's configuration; without it the answer is in words.",
};

/// `since`
pub const SINCE: CommandHelp = CommandHelp {
    usage: "since [fridge or group]",
    summary: "since when they have been outside their limits",
    explanation: "`fridge since milk` looks back, through restarts as well, to the last reading within the limits.",
};

/// `report`
pub const REPORT: CommandHelp = CommandHelp {
    usage: "report [fridge or group] [time]",
    summary: "what an inspector asks for, of yesterday or another time: `report milk last week`",
    explanation: "Lowest, highest and mean temperature, the time outside the limits and without a reading, and the number of alarms; of yesterday, or of a time at the end. `fridge report` in a shell makes the page to print.",
};

/// `alarms`
pub const ALARMS: CommandHelp = CommandHelp {
    usage: "alarms",
    summary: "the open alarms",
    explanation: "Each open alarm with its number, since when, and who has acknowledged it.",
};

/// `ack`
pub const ACK: CommandHelp = CommandHelp {
    usage: "ack [fridge or #number] [cause]",
    summary: "takes an alarm on, so that nobody else has to",
    explanation: "`fridge ack #41 door was open` acknowledges alarm 41 and records who, when and the cause. `fridge ack` alone acknowledges all that nobody has acknowledged yet. An acknowledged alarm is not repeated; its end is still told.",
};

/// `snooze`
pub const SNOOZE: CommandHelp = CommandHelp {
    usage: "snooze [fridge] 2h",
    summary: "no messages about a fridge for a while",
    explanation: "For 1m to 24h no new alarm of that fridge is told, not even an urgent one; without a name, of no fridge. Alarms are still recorded, and told afterwards if they are still open. The end of one that was told still comes.",
};

/// `defrost`
pub const DEFROST: CommandHelp = CommandHelp {
    usage: "defrost fridge [45m]",
    summary: "warmth is expected for a while",
    explanation: "While a fridge is defrosted or filled, it may be too warm: that is told only where it is urgent, or where it still is afterwards. Everything else is told as always. Without a length of time it is 45 minutes.",
};

/// `drill`
pub const DRILL: CommandHelp = CommandHelp {
    usage: "drill fridge",
    summary: "a made-up alarm, to see that it arrives and that people act",
    explanation: "The fridge's rules judge an excursion that is made up, and the alarm goes where every alarm goes, marked as a drill. It ends when somebody acknowledges it, or after an hour, and then says how long each step took.",
};

/// `rules`
pub const RULES: CommandHelp = CommandHelp {
    usage: "rules [fridge or group]",
    summary: "what raises an alarm",
    explanation: "Each rule of a fridge in a sentence: the limits, for how long, and how urgent. `fridge whatif` in a shell shows what a rule would have done.",
};

/// `calibrate`
pub const CALIBRATE: CommandHelp = CommandHelp {
    usage: "calibrate [fridge or group] [ice]",
    summary: "how probes are corrected; with `ice`, measures one in a glass of ice",
    explanation: "`fridge calibrate milk ice` waits until the probe of that fridge is steady in a glass of crushed ice and water, which is at 0 °C, and gives its correction; meanwhile new alarms for that fridge are held back. `sudo fridge calibrate` on the gateway writes it to the configuration. Without `ice` it says how probes are corrected, since when, and how a measurement is getting on.",
};

/// `probes`
pub const PROBES: CommandHelp = CommandHelp {
    usage: "probes",
    summary: "which probes are on the buses, and which fridge each is in",
    explanation: "Every probe that was seen on a bus since the start, with its ROM code as the configuration needs it.",
};

/// `about`
pub const ABOUT: CommandHelp = CommandHelp {
    usage: "about",
    summary: "the gateway itself: version, uptime, buses",
    explanation: "Its version and uptime, how many questions it has answered, and when each bus was last measured.",
};

/// `help`
pub const HELP_ITSELF: CommandHelp = CommandHelp {
    usage: "help [command]",
    summary: "this list, or one command explained",
    explanation: "`fridge help` lists the commands, `fridge help trend` explains one. At the end of any question, `in F` or `in C` chooses the unit; at the end of a slash command, `share` shows the answer to everybody.",
};

/// The answer to a word that is none of ours. The asker's own text is never repeated: it may hold `@all`.
pub fn unknown_word(nearest: Option<&str>) -> String {
    match nearest {
        Some(word) => {
            format!("I do not know that command. Did you mean `fridge {word}`? `fridge help` lists them all.")
        }
        None => String::from("I do not know that command. `fridge help` lists them all."),
    }
}
