//! `[[user]]` tables as `fridge user` writes them: one is added, one is removed, or one has another password.

use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use super::edit::{self, EditError};
use super::section::Section;
use super::{Config, schema};
use crate::auth::PasswordHash;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The file, or what it would become.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// There is such a user.
    #[error("there is a user {0} already: `fridge user password {0}` sets another password")]
    Exists(String),
    /// There is none.
    #[error("there is no user {name}: {are}")]
    Unknown {
        /// The name.
        name: String,
        /// Who there is.
        are: String,
    },
    /// The file has its users in braces, where nothing can be added or removed.
    #[error(
        "the users of this file stand in one list, user = [{{ … }}]: change it by hand, or write each as a [[user]]"
    )]
    Inline,
}

/// Adds a user.
///
/// # Errors
/// [`UserError`].
pub fn add(path: &Path, name: &str, password: &PasswordHash, may_act: bool) -> Result<(), UserError> {
    let config = Config::load(path).map_err(EditError::from)?;
    if let Some(user) = config.auth.users.iter().find(|user| user.name.eq_ignore_ascii_case(name)) {
        return Err(UserError::Exists(user.name.clone()));
    }
    let before = config.source.expose();
    if is_inline(before) {
        return Err(UserError::Inline);
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "\n" } else { "\n\n" };
    // A JSON text is a TOML text, too.
    let quoted = serde_json::Value::from(name);
    let rights = if may_act { "" } else { "may_act = false\n" };
    let password = password.expose();
    let text = format!("{before}{gap}[[user]]\nname = {quoted}\npassword = \"{password}\"\n{rights}");
    edit::exchange(path, before, &text)?;
    Ok(())
}

/// Gives a user another password.
///
/// # Errors
/// [`UserError`].
pub fn set_password(path: &Path, name: &str, password: &PasswordHash) -> Result<(), UserError> {
    let (config, place) = find(path, name)?;
    let source = config.source.expose();
    let (begin, end) = (&source[..place.password.start], &source[place.password.end..]);
    edit::exchange(path, source, &format!("{begin}\"{}\"{end}", password.expose()))?;
    Ok(())
}

/// Removes a user.
///
/// # Errors
/// [`UserError`].
pub fn remove(path: &Path, name: &str) -> Result<(), UserError> {
    let (config, place) = find(path, name)?;
    let source = config.source.expose();
    if is_inline(source) {
        return Err(UserError::Inline);
    }
    let end = source[place.last..].find('\n').map_or(source.len(), |line| place.last + line + 1);
    let begin = source[..place.table.start].trim_end_matches('\n').len();
    let gap = if begin == 0 { "" } else { "\n" };
    edit::exchange(path, source, &format!("{}{gap}{}", &source[..begin], &source[end..]))?;
    Ok(())
}

/// Whether its users are a list of tables in braces.
fn is_inline(source: &str) -> bool {
    let Ok(file) = DeTable::parse(source) else { return false };
    file.get_ref().get("user").is_some_and(|users| !source[users.span().start..].starts_with("[["))
}

/// Where a user stands in the text.
struct Place {
    table: Range<usize>,
    password: Range<usize>,
    /// Behind the last of its values.
    last: usize,
}

fn find(path: &Path, name: &str) -> Result<(Config, Place), UserError> {
    let config = Config::load(path).map_err(EditError::from)?;
    let place = {
        let table = DeTable::parse(config.source.expose()).map_err(|_| edit::unparsed(path))?;
        let users = schema::File::of(Section(table.get_ref())).user;
        let is_it = |user: &&toml::Spanned<schema::User>| {
            user.get_ref().name.get_ref().trim().eq_ignore_ascii_case(name.trim())
        };
        users.iter().find(is_it).map(|user| {
            let password = user.get_ref().password.span();
            Place { table: user.span(), last: last_value(table.get_ref(), &user.span()), password }
        })
    };
    let names: Vec<&str> = config.auth.users.iter().map(|user| user.name.as_str()).collect();
    let are = if names.is_empty() {
        "`fridge user add` makes one".into()
    } else {
        format!("the users are {}", names.join(", "))
    };
    match place {
        Some(place) => Ok((config, place)),
        None => Err(UserError::Unknown { name: name.to_owned(), are }),
    }
}

/// Where the last value of the `[[user]]` table ends whose header stands there.
fn last_value(file: &DeTable<'_>, header: &Range<usize>) -> usize {
    let users = file.get("user").and_then(|users| users.get_ref().as_array());
    let table = users.into_iter().flatten().find(|table| table.span() == *header);
    let values = table.and_then(|table| table.get_ref().as_table()).into_iter().flatten();
    values.map(|(_, value)| value.span().end).max().unwrap_or(header.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# the cafe's\n[[bus]]\nkind = \"kernel\" # the only one\n";

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fridge.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn users_come_and_go_and_every_other_byte_stays() {
        let (_folder, path) = file(TEXT);
        let read = || std::fs::read_to_string(&path).unwrap();
        let hash = PasswordHash::nobodys();
        add(&path, "anna \"the cook\"", &hash, true).unwrap();
        add(&path, "ben", &hash, false).unwrap();
        let both = read() + "# below\n[page]\nlogin = true\n";
        std::fs::write(&path, &both).unwrap();
        let config = Config::load(&path).unwrap();
        let users: Vec<_> = config.auth.users.iter().map(|user| (user.name.as_str(), user.rights)).collect();
        use crate::chat::Rights::{Act, Read};
        assert_eq!(users, [("anna \"the cook\"", Act), ("ben", Read)]);

        let other = PasswordHash::of("correct horse").unwrap();
        set_password(&path, "BEN", &other).unwrap();
        assert_eq!(read().replace(other.expose(), hash.expose()), both);
        assert!(Config::load(&path).unwrap().auth.users[1].password.is_of("correct horse"));

        remove(&path, "anna \"the cook\"").unwrap();
        remove(&path, "ben").unwrap();
        assert_eq!(read(), format!("{TEXT}# below\n[page]\nlogin = true\n"));
    }

    #[test]
    fn a_mistake_changes_nothing_and_says_what_to_do() {
        let hash = PasswordHash::nobodys();
        let text = format!("user = [{{ name = \"anna\", password = \"{}\" }}]\n{TEXT}", hash.expose());
        let (_folder, path) = file(&text);
        let said = |done: Result<(), UserError>| done.unwrap_err().to_string();
        assert!(said(add(&path, "Anna", &hash, true)).contains("`fridge user password anna`"));
        assert!(said(remove(&path, "anna")).contains("by hand"));
        assert!(said(remove(&path, "ben")).ends_with("the users are anna"));
        assert!(said(add(&path, "cleo", &hash, true)).contains("by hand"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let (_folder, path) = file(TEXT);
        assert!(said(set_password(&path, "ben", &hash)).ends_with("`fridge user add` makes one"));
        assert!(said(add(&path, "", &hash, true)).contains("1 to 200 characters"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
    }
}
