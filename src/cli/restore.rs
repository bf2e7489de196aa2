//! `fridge restore`: puts a backup back, where nothing is yet.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::backup::read_all;
use super::{FileOptions, terminal};
use crate::config::paths;
use crate::host;
use crate::socket::{self, Question};
use crate::store;
use crate::text;

/// The options of `restore`.
#[derive(Args)]
#[command(
    after_help = "It overwrites nothing: on a machine that has a configuration or a history already, move those away first.\n\nExample:\n  sudo fridge restore fridge.tar && sudo fridge check"
)]
pub struct Options {
    /// The archive
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Look at the archive, and restore nothing
    #[arg(long)]
    check: bool,
}

/// Puts an archive back, where nothing is yet.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let contents = read_all(&options.file, |_, _| Ok(None))?;
    let summary = format!(
        "{} made by fridge {} at {:.0}",
        text::count(contents.files.len(), "file"),
        contents.version,
        contents.made
    );
    if options.check {
        return terminal::print(&format!("{}: sound: {summary}.\n", options.file.display()));
    }
    if socket::ask(&files.sockets(), &Question::Report).is_ok() {
        bail!("a gateway runs: stop it first (sudo systemctl stop fridge)");
    }
    let state = files.state();
    let is_root = rustix::process::geteuid().is_root();
    let config = paths::new_configuration(files.config.as_deref(), is_root, &paths::environment);
    let place = |name: &str| -> anyhow::Result<PathBuf> {
        let folder = config.parent().unwrap_or(Path::new("."));
        match name {
            "fridge.toml" => Ok(config.clone()),
            "history.db" | "records.db" | "certificate.pem" | "key.pem" | "button.key" => {
                Ok(state.join(name))
            }
            name => match name.strip_prefix("config/") {
                Some(rest) if is_below(rest) => Ok(folder.join(rest)),
                _ => bail!("{} holds `{name}`, which belongs nowhere", options.file.display()),
            },
        }
    };
    let mut places = Vec::new();
    for file in &contents.files {
        let path = place(&file.name)?;
        if std::fs::symlink_metadata(&path).is_ok() {
            bail!(
                "{} exists, and nothing is overwritten: move it away, or restore to other places with --config and --state",
                path.display()
            );
        }
        places.push((file.name.clone(), path));
    }
    for (_, path) in &places {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    // All of it beside its place first: a disk that is full leaves nothing half restored.
    let beside = |path: &Path| path.with_extension("restoring");
    let cleaning = Cleaning(places.iter().map(|(_, path)| beside(path)).collect());
    read_all(&options.file, |_, name| {
        let known = places.iter().find(|(known, _)| known == name);
        Ok(known.map(|(_, path)| beside(path)))
    })?;
    for (name, path) in &places {
        if name.ends_with(".db") {
            store::check(&beside(path))?;
        }
    }
    for (_, path) in &places {
        set_private(&beside(path))?;
        std::fs::rename(beside(path), path).with_context(|| format!("cannot write {}", path.display()))?;
        store::give_to_owner(path);
        if *path == config {
            give_to_service(path);
        }
    }
    drop(cleaning);
    terminal::print(&format!("Restored {summary}.\n"))?;
    if !contents.has_secrets {
        let tokens = contents.token_files.join(", ");
        let tokens = if tokens.is_empty() { tokens } else { format!(" ({tokens})") };
        terminal::print(&format!(
            "Tokens{tokens} and webhooks' addresses were left out: enter them in {}, then run `fridge check`. The gateway makes a new certificate, which Mattermost has to trust again: `fridge cert`.
",
            config.display()
        ))?;
    }
    Ok(())
}

/// Files that are removed when it is dropped.
struct Cleaning(Vec<PathBuf>);

impl Drop for Cleaning {
    fn drop(&mut self) {
        for path in &self.0 {
            // Most have their places by now.
            let _removed = std::fs::remove_file(path);
        }
    }
}

/// Whether a path stays below the folder that it is added to.
fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

/// The configuration is root's, and the service reads it: as the package has it.
fn give_to_service(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Some(group) =
        host::group_id(Path::new("/"), host::SERVICE).filter(|_| rustix::process::geteuid().is_root())
    else {
        return;
    };
    // Where that fails, `fridge doctor` says that the service cannot read it.
    let _given = std::os::unix::fs::chown(path, None, Some(group))
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)));
}

fn set_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
