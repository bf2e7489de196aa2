//! Reading a small file that is one: what is no file, such as a pipe or a device, might never end, or never begin.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// No configuration, certificate or token is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What a file holds.
///
/// # Errors
/// What the system says; that it is no file; that it is longer than 1 MiB.
pub fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    Ok(bytes)
}

/// The text that a file holds.
///
/// # Errors
/// The same, and that it is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_and_what_never_begins_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let pipe = place("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        std::os::unix::fs::symlink("/dev/zero", place("zeros")).unwrap();
        for path in [pipe, place("zeros"), folder.path().to_owned()] {
            assert_eq!(
                bytes(&path).unwrap_err().to_string(),
                "it is not a regular file",
                "{}",
                path.display()
            );
        }
        assert_eq!(bytes(&place("nothing")).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::File::create(place("huge")).unwrap().set_len(LONGEST + 1).unwrap();
        assert_eq!(bytes(&place("huge")).unwrap_err().to_string(), "it is longer than 1 MiB");
        fs::write(place("latin1"), b"K\xFCche").unwrap();
        assert_eq!(text(&place("latin1")).unwrap_err().to_string(), "it is not UTF-8");
        fs::write(place("text"), "Küche").unwrap();
        assert_eq!(text(&place("text")).unwrap(), "Küche");
    }
}
