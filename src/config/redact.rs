//! A configuration without what must not get into other hands: tokens, and the addresses of webhooks, which are secrets
//! themselves.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// What stands in place of a secret: too short for a token, so that it cannot be taken for one.
const REMOVED: &str = "\"removed\"";

/// Settings that hold no secret, whatever is wrong around them.
const HARMLESS: [&str; 16] = [
    "name",
    "kind",
    "period",
    "probe",
    "probes",
    "limits",
    "preset",
    "group",
    "id",
    "listen",
    "units",
    "enabled",
    "login",
    "may_act",
    "resolution",
    "out_of_service",
];

/// The same text without secrets; a text that cannot be read has none of its lines with a value of that name.
pub fn redacted(source: &str) -> String {
    let mut spans = Vec::new();
    match DeTable::parse(source) {
        Ok(table) => {
            for (section, secret) in [("hook", "token"), ("client", "token"), ("user", "password")] {
                each_section(table.get_ref(), section, |section| spans.extend(span(section, secret)));
            }
            each_section(table.get_ref(), "notify", |notify| spans.extend(span(notify, "url")));
            each_section(table.get_ref(), "mqtt", |mqtt| {
                spans.extend(["broker", "password"].iter().filter_map(|secret| span(mqtt, secret)));
            });
        }
        Err(_) => return without_lines(source),
    }
    spans.sort_by_key(|span| std::cmp::Reverse(span.start));
    let mut text = source.to_owned();
    for span in spans {
        text.replace_range(span, REMOVED);
    }
    text
}

/// The files of tokens and addresses that a configuration names.
pub fn token_files(source: &str) -> Vec<String> {
    let mut files = Vec::new();
    if let Ok(table) = DeTable::parse(source) {
        let mut add = |section: &DeTable<'_>, name: &str| {
            files.extend(section.get(name).and_then(|value| Some(value.get_ref().as_str()?.to_owned())));
        };
        each_section(table.get_ref(), "hook", |hook| add(hook, "token_file"));
        each_section(table.get_ref(), "client", |client| add(client, "token_file"));
        each_section(table.get_ref(), "notify", |notify| add(notify, "url_file"));
        each_section(table.get_ref(), "mqtt", |mqtt| add(mqtt, "password_file"));
    }
    files
}

fn each_section(table: &DeTable<'_>, name: &str, mut each: impl FnMut(&DeTable<'_>)) {
    match table.get(name).map(|value| value.get_ref()) {
        Some(DeValue::Array(sections)) => {
            for section in sections.iter().filter_map(|section| section.get_ref().as_table()) {
                each(section);
            }
        }
        // One bracket in place of two.
        Some(DeValue::Table(section)) => each(section),
        _ => {}
    }
}

fn span(section: &DeTable<'_>, name: &str) -> Option<Range<usize>> {
    section.get(name).map(|value| value.span())
}

/// Of a text that cannot be read, the lines that are certainly no part of a secret.
fn without_lines(source: &str) -> String {
    let is_header = |line: &str| {
        line.starts_with('[') && line.bytes().all(|byte| byte.is_ascii_lowercase() || b"[]._".contains(&byte))
    };
    let is_setting = |line: &str| {
        let is_open = |value: &str| value.contains("\"\"\"") || value.contains("'''");
        line.split_once('=').is_some_and(|(name, value)| HARMLESS.contains(&name.trim()) && !is_open(value))
    };
    let is_kept = |line: &&str| line.trim().is_empty() || is_header(line.trim()) || is_setting(line);
    let lines = source.lines().map(|line| if is_kept(&line) { line } else { "# removed" });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_stays_however_it_is_written() {
        let source = "name = \"a\"\n[[hook]]\ntoken = \"abcdefghijklmnopqrstuvwxyz\" # mine\n[[hook]]\ntoken_file = \"tokens/b\"\n[[notify]]\nkind = \"mattermost\"\nurl = '''https://chat.example.org/hooks/s3cret'''\n";
        let text = redacted(source);
        assert!(!text.contains("abcdef") && !text.contains("s3cret"), "{text}");
        assert!(text.contains("# mine") && text.contains("tokens/b"), "{text}");
        assert_eq!(token_files(source), ["tokens/b"]);
        let inline = redacted("hook = [{ token = \"abcdefghijklmnopqrst\" }]\n");
        assert_eq!(inline, "hook = [{ token = \"removed\" }]\n");
        assert!(!redacted("[[hook]\ntoken = \"abcdefghijklmnopqrst\"\n").contains("abcdef"));
        let people = "[[user]]\nname = \"anna\"\npassword = \"$argon2id$s3cret\"\n[[client]]\ntoken = \"s3cret\"\n[[client]]\ntoken_file = \"tokens/c\"\n";
        assert!(!redacted(people).contains("s3cret") && redacted(people).contains("anna"));
        assert!(!redacted(&format!("[x\n{people}")).contains("s3cret"));
        assert_eq!(token_files(people), ["tokens/c"]);
        let broker = "[mqtt]\nbroker = \"mqtts://a:s3cret@b\"\nuser = \"kitchen\"\npassword = \"s3cret\"\n[[mqtt]]\npassword_file = \"tokens/d\"\n";
        assert!(!redacted(broker).contains("s3cret"), "{}", redacted(broker));
        assert!(!redacted("[mqtt]\nuser = \"kitchen\"\npassword = \"s3cret\"\n").contains("s3cret"));
        assert_eq!(token_files("[mqtt]\npassword_file = \"tokens/d\"\n"), ["tokens/d"]);
        let one_bracket =
            "[client]\ntoken = \"s3cret\"\n[hook]\ntoken = \"s3cret\"\n[user]\npassword = \"s3cret\"\n";
        assert!(!redacted(one_bracket).contains("s3cret"), "{}", redacted(one_bracket));
        let lines = redacted("[[client]]\nname = \"a\"\ntoken = \"\"\"\ns3cret\"\"\"\n[[fridge\n");
        assert!(!lines.contains("s3cret") && lines.contains("name = \"a\""), "{lines}");
    }
}
