//! The words that can be asked. One definition serves the channel, the slash command, the shell and the help text.

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::fridge::names;
use crate::text::help::{self, CommandHelp};

/// What can be asked, in the order in which `help` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Command {
    /// How the fridges are, or those that the rest of the request names.
    Status,
    /// The fridge that needs a look most.
    Worst,
    /// How fast the fridges change.
    Trend,
    /// Their lowest and highest values.
    MinMax,
    /// Their last 24 hours, or another time, as a line.
    History,
    /// The last 24 hours of one, or another time, as a picture.
    Chart,
    /// Since when they have been outside their limits.
    Since,
    /// What an inspector asks for, of a day or another time.
    Report,
    /// The open alarms.
    Alarms,
    /// Takes alarms on.
    Ack,
    /// No messages about a fridge for a while.
    Snooze,
    /// Warmth is expected for a while.
    Defrost,
    /// Raises a made-up alarm.
    Drill,
    /// What raises an alarm.
    Rules,
    /// How probes are corrected, and the measurement in ice.
    Calibrate,
    /// What is on the buses.
    Probes,
    /// The gateway itself.
    About,
    /// What can be asked.
    Help,
}

impl Command {
    /// The word that asks for it.
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// The command of a word, whatever its case.
    pub fn of(word: &str) -> Option<Command> {
        names::fold(word).parse().ok()
    }

    /// The command that people mean by another word, where no fridge has that name.
    pub fn meant_by(word: &str) -> Option<Command> {
        match names::fold(word).as_str() {
            "temp" | "temps" | "temperature" | "temperatures" | "state" | "list" | "all" | "show" => {
                Some(Command::Status)
            }
            "min" | "max" => Some(Command::MinMax),
            "graph" | "plot" | "picture" => Some(Command::Chart),
            "alarm" | "alert" | "alerts" => Some(Command::Alarms),
            "acknowledge" => Some(Command::Ack),
            "mute" | "silence" => Some(Command::Snooze),
            "limits" => Some(Command::Rules),
            "calibration" => Some(Command::Calibrate),
            "probe" => Some(Command::Probes),
            "version" => Some(Command::About),
            "commands" | "hello" | "hi" => Some(Command::Help),
            _ => None,
        }
    }

    /// How it is called and explained.
    pub fn help(self) -> &'static CommandHelp {
        match self {
            Command::Status => &help::STATUS,
            Command::Worst => &help::WORST,
            Command::Trend => &help::TREND,
            Command::MinMax => &help::MINMAX,
            Command::History => &help::HISTORY,
            Command::Chart => &help::CHART,
            Command::Since => &help::SINCE,
            Command::Report => &help::REPORT,
            Command::Alarms => &help::ALARMS,
            Command::Ack => &help::ACK,
            Command::Snooze => &help::SNOOZE,
            Command::Defrost => &help::DEFROST,
            Command::Drill => &help::DRILL,
            Command::Rules => &help::RULES,
            Command::Calibrate => &help::CALIBRATE,
            Command::Probes => &help::PROBES,
            Command::About => &help::ABOUT,
            Command::Help => &help::HELP_ITSELF,
        }
    }
}
