//! `fridge user`: who may log in on the page. Changes the configuration's file, and says how to make it live.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::{FileOptions, terminal};
use crate::auth::PasswordHash;
use crate::chat::Rights;
use crate::config::{self, Config, EditError, UserError};

/// The arguments of `user`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add a user; asks for the password, or reads it from the standard input
    Add {
        /// The name, which is recorded with what the user does
        #[arg(value_name = "NAME")]
        name: String,
        /// The user can look, but not acknowledge, snooze or announce a defrost
        #[arg(long)]
        look_only: bool,
    },
    /// Set another password; the user's sessions end with the next reload
    Password {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove a user; the user's sessions end with the next reload
    Remove {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the users
    List,
}

/// Does it.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let path = files.config_path()?;
    let config = Config::load(&path)?;
    let known = |name: &str| {
        let user = config.auth.users.iter().find(|user| user.name.eq_ignore_ascii_case(name));
        user.map(|user| user.name.clone())
    };
    let (done, what, name) = match &options.command {
        Command::List => return list(&config),
        Command::Add { name, look_only } => {
            // Before a password is typed in vain.
            if let Some(user) = known(name) {
                return changed(Err(UserError::Exists(user)));
            }
            let done = config::add_user(&path, name, &password(name)?, !look_only);
            (done, "Added the user", name)
        }
        Command::Password { name } => {
            let hash = known(name).map_or(Ok(PasswordHash::nobodys()), |user| password(&user))?;
            (config::set_password(&path, name, &hash), "Changed the password of", name)
        }
        Command::Remove { name } => (config::remove_user(&path, name), "Removed the user", name),
    };
    changed(done)?;
    let name = known(name).unwrap_or_else(|| name.clone());
    terminal::print(&format!("{what} {name} ({}).\n{}", path.display(), files.takes_effect(&path)))
}

/// What is wrong with the file is reported as `check` reports it, with its exit status.
fn changed(done: Result<(), UserError>) -> anyhow::Result<()> {
    match done {
        Err(UserError::Edit(EditError::Problems(problems))) => Err(problems.into()),
        done => Ok(done?),
    }
}

fn list(config: &Config) -> anyhow::Result<()> {
    let mut text = String::new();
    for user in &config.auth.users {
        let rights = if user.rights == Rights::Act { "looks and acts" } else { "looks" };
        text.push_str(&format!("{}: {rights}\n", user.name));
    }
    if text.is_empty() {
        text.push_str("There is no user yet: `fridge user add NAME` makes one\n");
    }
    terminal::print(&terminal::printable(&text))
}

/// Asks for a password, twice where it cannot be seen.
fn password(name: &str) -> anyhow::Result<PasswordHash> {
    let typed = if std::io::stdin().is_terminal() {
        let typed = unseen(&format!("Password of {name}: "))?;
        // What is too short is said before it is typed once more.
        let hash = PasswordHash::of(&typed)?;
        if unseen("The same once more: ")? != typed {
            bail!("the two are not the same: nothing was changed");
        }
        return Ok(hash);
    } else {
        line()?
    };
    Ok(PasswordHash::of(&typed)?)
}

/// A line that the terminal does not show.
fn unseen(prompt: &str) -> anyhow::Result<String> {
    let input = std::io::stdin();
    let mut error = std::io::stderr().lock();
    write!(error, "{prompt}").and_then(|()| error.flush())?;
    let before = tcgetattr(&input).context("the terminal cannot be told to show nothing")?;
    let mut without_echo = before.clone();
    without_echo.local_modes.remove(LocalModes::ECHO);
    without_echo.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&input, OptionalActions::Flush, &without_echo)?;
    let line = line();
    tcsetattr(&input, OptionalActions::Flush, &before)?;
    line
}

fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
