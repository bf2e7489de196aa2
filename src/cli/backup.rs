//! `fridge backup`: one archive (tar) of the configuration, the certificate and both databases, with a
//! list of what is in it and the hash of each file. Both look at every byte of it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use ring::digest::SHA256;
use serde::{Deserialize, Serialize};

use super::{FileOptions, archive, terminal};
use crate::atomic_file::Unfinished;
use crate::config;
use crate::host;
use crate::socket::{self, Question};
use crate::store;
use crate::text;

/// The list of what is in the archive, its first file.
const LIST: &str = "fridge-backup.json";
/// Kept of the files in a folder that one is added to each day.
const KEPT: usize = 14;
const BUFFER: usize = 64 * 1024;
/// No file in it is larger: three years of a hundred fridges.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// The options of `backup`.
#[derive(Args)]
#[command(
    after_help = "The gateway may run meanwhile. Without --secrets, tokens, webhooks' addresses and private keys are left out: what is restored needs them again.\n\nExamples:\n  sudo fridge backup fridge.tar\n  sudo fridge backup --to /mnt/stick"
)]
pub struct Options {
    /// The archive to be made
    #[arg(value_name = "FILE", required_unless_present = "to")]
    file: Option<PathBuf>,
    /// A folder, in which a file of today's date is made and the newest 14 are kept
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    to: Option<PathBuf>,
    /// With tokens, webhooks' addresses and private keys: then whoever has the file has them
    #[arg(long)]
    secrets: bool,
}

/// What is in an archive.
#[derive(Debug, Serialize, Deserialize)]
pub struct Contents {
    /// The version that made it.
    pub version: String,
    /// When.
    pub made: Timestamp,
    /// Whether tokens and keys are in it.
    pub has_secrets: bool,
    /// The files of tokens that the configuration names, without what is in them.
    pub token_files: Vec<String>,
    /// Each file.
    pub files: Vec<Item>,
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name in the archive.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// A folder for what is being made; gone when dropped.
struct Workshop(PathBuf);

impl Workshop {
    fn beside(target: &Path) -> anyhow::Result<Workshop> {
        use std::os::unix::fs::DirBuilderExt;
        let parent =
            target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = parent.join(format!(".fridge-backup-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot write to {}", parent.display()))?;
        Ok(Workshop(folder))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // It lies in a folder of the user's: they see it where it stays.
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes an archive, and reads it back.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let target = match (&options.file, &options.to) {
        (Some(file), _) => file.clone(),
        (None, Some(folder)) => {
            let today = Timestamp::now().to_zoned_datetime(host::time_zone().0).date();
            folder.join(format!("fridge-{today}.tar"))
        }
        (None, None) => bail!("where to? fridge backup FILE, or --to DIR"),
    };
    if options.file.is_some() && target.exists() {
        bail!("{} exists: choose another name, or remove it", target.display());
    }
    host::give_way();
    // What was not written yet; where no gateway runs, all of it is.
    drop(socket::ask(&files.sockets(), &Question::Flush));
    let workshop = Workshop::beside(&target)?;
    let mut token_files = Vec::new();
    let sources = sources(files, options.secrets, &workshop.0, &mut token_files)?;
    if sources.is_empty() {
        bail!("there is nothing to back up: no configuration, and no history in {}", files.state().display());
    }
    let items = sources.iter().map(|(name, path)| item(name, path)).collect::<anyhow::Result<Vec<_>>>()?;
    let contents = Contents {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made: Timestamp::now(),
        has_secrets: options.secrets,
        token_files,
        files: items,
    };
    let mut file =
        Unfinished::beside(&target, 0o600).with_context(|| format!("cannot write {}", target.display()))?;
    {
        let mut tar = tar::Builder::new(file.file());
        let list = serde_json::to_vec_pretty(&contents)?;
        append(&mut tar, LIST, list.len() as u64, &list[..])?;
        let mut progress = terminal::Progress::new("backing up");
        for (index, (name, path)) in sources.iter().enumerate() {
            progress.show(index as f64 / sources.len() as f64);
            let source = File::open(path)?;
            append(&mut tar, name, source.metadata()?.len(), source)?;
        }
        tar.finish()?;
    }
    file.write(&[]).with_context(|| format!("cannot write {}", target.display()))?;
    if options.to.is_some() { file.replace() } else { file.create() }
        .with_context(|| format!("cannot write {}", target.display()))?;
    let read = read_all(&target, |_, _| Ok(None))?;
    if let Some(folder) = &options.to {
        remove_oldest(folder)?;
    }
    let secrets =
        if options.secrets { "with tokens and keys: keep it safe" } else { "without tokens and keys" };
    terminal::print(&format!(
        "{}: {}, read back and found sound; {secrets}.\n",
        target.display(),
        text::count(read.files.len(), "file")
    ))
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    bytes: u64,
    source: impl Read,
) -> anyhow::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(Timestamp::now().as_second().unsigned_abs());
    tar.append_data(&mut header, name, source)?;
    Ok(())
}

/// The files that go in, and where each is.
fn sources(
    files: &FileOptions,
    has_secrets: bool,
    workshop: &Path,
    token_files: &mut Vec<String>,
) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let state = files.state();
    let mut sources = Vec::new();
    let mut add = |name: &str, path: PathBuf| sources.push((name.to_owned(), path));
    if let Ok(path) = files.config_path()
        && path.exists()
    {
        let source = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: try again with sudo", path.display()))?;
        let redacted = if has_secrets { source.clone() } else { config::redacted(&source) };
        let copy = workshop.join("fridge.toml");
        std::fs::write(&copy, redacted)?;
        add("fridge.toml", copy);
        let folder = path.parent().unwrap_or(Path::new("."));
        for name in config::token_files(&source) {
            if has_secrets && !Path::new(&name).is_absolute() && folder.join(&name).is_file() {
                add(&format!("config/{name}"), folder.join(&name));
            }
            token_files.push(name);
        }
    }
    for name in [store::HISTORY, store::RECORDS] {
        let path = state.join(name);
        if path.exists() {
            let copy = workshop.join(name);
            store::copy(&path, &copy).map_err(|error| archive::with_cure(error.into(), &state))?;
            add(name, copy);
        }
    }
    // A certificate is worth nothing without its key.
    let of_state: &[&str] = if has_secrets { &["certificate.pem", "key.pem", "button.key"] } else { &[] };
    for name in of_state {
        let path = state.join(name);
        if path.is_file() {
            add(name, path);
        }
    }
    Ok(sources)
}

fn item(name: &str, path: &Path) -> anyhow::Result<Item> {
    let (bytes, sha256) = hash(File::open(path)?, &mut std::io::sink())?;
    Ok(Item { name: name.to_owned(), bytes, sha256 })
}

/// Copies, and returns how many bytes it were and their hash.
fn hash(mut source: impl Read, target: &mut impl Write) -> anyhow::Result<(u64, String)> {
    let mut context = ring::digest::Context::new(&SHA256);
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
        target.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
    Ok((bytes, data_encoding::HEXLOWER.encode(context.finish().as_ref())))
}

/// Reads an archive to its end and holds each file against the list. Files for which `target` names a path are written there.
pub fn read_all(
    path: &Path,
    target: impl Fn(&Contents, &str) -> anyhow::Result<Option<PathBuf>>,
) -> anyhow::Result<Contents> {
    let mut tar =
        tar::Archive::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?);
    let mut contents: Option<Contents> = None;
    let mut seen = Vec::new();
    let broken = || format!("{} is not a backup of fridge, or it is damaged", path.display());
    for entry in tar.entries().with_context(broken)? {
        let mut entry = entry.with_context(broken)?;
        let name = entry.path().with_context(broken)?.to_string_lossy().into_owned();
        let Some(listed) = &contents else {
            if name != LIST || entry.size() > BUFFER as u64 * 16 {
                bail!(broken());
            }
            contents = Some(serde_json::from_reader(entry).with_context(broken)?);
            continue;
        };
        if entry.size() > LARGEST {
            bail!(broken());
        }
        let (bytes, sha256) = match target(listed, &name)? {
            Some(target) => {
                let mut file = File::create_new(&target)
                    .with_context(|| format!("cannot write {}", target.display()))?;
                let hashed = hash(&mut entry, &mut file).with_context(broken)?;
                file.sync_all()?;
                hashed
            }
            None => hash(&mut entry, &mut std::io::sink()).with_context(broken)?,
        };
        seen.push(Item { name, bytes, sha256 });
    }
    let contents = contents.with_context(broken)?;
    if contents.files != seen {
        bail!("{} is damaged: its files are not those of its list", path.display());
    }
    Ok(contents)
}

/// Removes the oldest of the files that were made in a folder, a day each.
fn remove_oldest(folder: &Path) -> anyhow::Result<()> {
    let is_ours = |name: &str| {
        let date = name.strip_prefix("fridge-").and_then(|name| name.strip_suffix(".tar"));
        date.is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok())
    };
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_ours(name))
        .collect();
    names.sort_unstable();
    for name in names.iter().rev().skip(KEPT) {
        std::fs::remove_file(folder.join(name))?;
    }
    Ok(())
}
