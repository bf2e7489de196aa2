//! The last good configuration, kept in the state folder: where the file was left half-edited and the power goes, the
//! fridges are watched all the same.

use std::io;
use std::path::Path;

use super::{Config, Problems};
use crate::atomic_file::Unfinished;
use crate::regular_file;

const FILE: &str = "last-good.toml";
/// Which file it was stands in its first line, because a state folder may see several.
const OF: &str = "# The last good configuration of ";

/// Keeps that configuration, where it is not kept yet. It holds tokens: only its owner may read it.
///
/// # Errors
/// What the system says.
pub fn keep(state: &Path, config: &Config) -> io::Result<()> {
    let kept = format!("{OF}{}\n{}", config.path.display(), config.source.expose());
    let path = state.join(FILE);
    if regular_file::text(&path).is_ok_and(|before| before == kept) {
        return Ok(());
    }
    let mut file = Unfinished::beside(&path, 0o600)?;
    file.write(kept.as_bytes())?;
    file.replace()
}

/// The last good configuration of that file, which has these problems now; `None` where none was kept.
pub fn load(state: &Path, path: &Path, problems: &Problems) -> Option<Config> {
    let kept = regular_file::text(&state.join(FILE)).ok()?;
    let source = kept.strip_prefix(&format!("{OF}{}\n", path.display()))?;
    let mut config = Config::parse(path, source).ok()?;
    config.site.is_last_good = true;
    let warning = format!(
        "running on the last good configuration, because the file has errors; correct it, then reload: {problems}"
    );
    config.warnings.insert(0, warning.replace('\n', "; "));
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_good_is_found_again_for_the_same_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        let good = "listen = \"127.0.0.1:0\"\n[[bus]]\nkind = \"simulated\"\n";
        let config = Config::parse(&path, good).unwrap();
        keep(folder.path(), &config).unwrap();
        keep(folder.path(), &config).unwrap();
        let problems = Config::parse(&path, "[[bus]\n").unwrap_err();
        let found = load(folder.path(), &path, &problems).unwrap();
        assert!(found.site.is_last_good && found.warnings[0].contains("line 1"), "{:?}", found.warnings);
        assert_eq!(found.source.expose(), good);
        assert!(load(folder.path(), Path::new("/other.toml"), &problems).is_none());
    }
}
