//! The text of a log's file.

use std::fs;
use std::path::Path;

use super::Error;

/// Reads a file: UTF-8, or Latin-1 where it is not that.
///
/// # Errors
/// [`Error::Unreadable`]
pub fn text_of(path: &Path) -> Result<String, Error> {
    let failed = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        let cure =
            format!("it is UTF-16: convert it, with iconv -f UTF-16 -t UTF-8 {} > log.csv", path.display());
        return Err(failed(cure));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // Each byte of Latin-1 is the character of its number.
        Err(error) => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    };
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}
