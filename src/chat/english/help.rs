//! What each command is called and explained with, in English.

use crate::chat::Command;

/// How a command is asked, behind the trigger word.
pub fn usage(command: Command) -> &'static str {
    match command {
        Command::Status => "status [fridge or group]",
        Command::Worst => "worst",
        Command::Trend => "trend [fridge or group]",
        Command::MinMax => "minmax [fridge or group] [today|yesterday|24h]",
        Command::History => "history [fridge or group]",
        Command::Probes => "probes",
        Command::About => "about",
        Command::Help => "help [word]",
    }
}

/// What a command answers, in one line.
pub fn meaning(command: Command) -> &'static str {
    match command {
        Command::Status => "how the fridges are, the worst first, or one of them in detail",
        Command::Worst => "the fridge that needs a look most, in detail",
        Command::Trend => "how fast they warm up or cool down",
        Command::MinMax => "their lowest and highest temperatures",
        Command::History => "their last 24 hours as a line",
        Command::Probes => "what hangs on the buses, and which fridge each probe is in",
        Command::About => "the gateway itself: version, up since, buses",
        Command::Help => "this list, or one word explained",
    }
}

/// What a command answers, for who asks about it alone.
pub fn explanation(command: Command) -> &'static str {
    match command {
        Command::Status => {
            "`fridge status` lists all fridges, `fridge status milk` tells one in detail: now, limits, today, the last fault. Any part of a name will do, case and accents do not matter, one slip is forgiven. The name of a group lists its fridges."
        }
        Command::Worst => {
            "The fridge that is furthest outside its limits; where all are in range, the one that is nearest to a limit."
        }
        Command::Trend => {
            "Degrees per hour over the last 60 minutes, or as long as there are readings; a line is laid through them, so a door that was open for a minute hardly counts."
        }
        Command::MinMax => {
            "Lowest and highest since midnight, of yesterday, or of the last 24 hours. After a restart they count from there."
        }
        Command::History => {
            "The last 24 hours as a line of blocks, the lowest value as the lowest block; a dot stands where there was no reading. It is kept in memory and begins anew when the gateway is restarted."
        }
        Command::Probes => {
            "Every probe that was seen on a bus since the start, with its identity as the configuration wants it."
        }
        Command::About => {
            "Which version runs since when, how many questions it has answered, and when each bus was last measured."
        }
        Command::Help => {
            "`fridge help` lists the words, `fridge help trend` explains one. At the end of any question, `in F` or `in C` chooses the unit; at the end of a slash command, `share` shows the answer to everybody."
        }
    }
}
