//! Who may use whom: a module uses the modules before it, and an answer can reach no bus. Reads the
//! sources, so a wrong import fails here before anybody has to see it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules in their order. `docs/structure.md` draws it.
const ORDER: [&str; 14] = [
    "reading",
    "secret",
    "systemd",
    "recording",
    "fridge",
    "bus",
    "poll",
    "cache",
    "history",
    "chat",
    "https",
    "socket",
    "config",
    "daemon",
];
/// What comes behind them all.
const LAST: [&str; 2] = ["cli", "main"];
/// Module, and what it must not use although that stands before it.
const NEVER: [(&str, &str); 6] = [
    ("chat", "bus"),
    ("chat", "poll"),
    ("https", "bus"),
    ("https", "poll"),
    ("socket", "bus"),
    ("socket", "poll"),
];

fn position(module: &str) -> usize {
    let all: Vec<&str> = ORDER.into_iter().chain(LAST).collect();
    all.iter()
        .position(|known| *known == module)
        .unwrap_or_else(|| panic!("`{module}` has no place in the order"))
}

/// Why the first module may not use the second one.
fn objection(user: &str, used: &str) -> Option<&'static str> {
    if used == "config" && !["daemon", "cli", "main"].contains(&user) {
        return Some("only daemon, cli and main use the configuration");
    }
    if used == "systemd" && !["daemon", "cli", "main"].contains(&user) {
        return Some("only daemon, cli and main talk to systemd");
    }
    if NEVER.contains(&(user, used)) {
        return Some("an answer can never wait for a sensor");
    }
    (position(used) > position(user)).then_some("it stands behind it in the order")
}

/// The modules of this crate that a source imports or names.
fn imports(source: &str) -> BTreeSet<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            // use crate::{bus, cache::Cache}
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                found.extend(list.split(',').map(|item| word(item.trim())));
            }
            None => drop(found.insert(word(rest))),
        }
    }
    found.retain(|module| ORDER.contains(&module.as_str()) || LAST.contains(&module.as_str()));
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_import_follows_the_order() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut seen, mut modules, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for path in sources(&src) {
        // The part of the path below src, up to its first folder or its ending, is the module.
        let within = path.strip_prefix(&src).unwrap();
        let first = within.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs").to_owned();
        // lib.rs names them all; a module's tests may use what they like.
        if module == "lib" || within.ends_with("tests.rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for used in imports(code) {
            seen += 1;
            if let Some(reason) = objection(&module, &used).filter(|_| used != module) {
                wrong.push(format!("{} uses {used}: {reason}", within.display()));
            }
        }
        modules.insert(module);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 60, "only {seen} imports were seen: does this test still read them?");
    assert!(ORDER.iter().all(|module| modules.contains(*module)), "{modules:?}");
}

#[test]
fn a_forbidden_import_is_noticed() {
    let planted =
        "use crate::{reading::Stamp, bus};\nfn f() { crate::config::load() }\n// crate::poll is a remark\n";
    let found: Vec<String> = imports(planted).into_iter().collect();
    assert_eq!(found, ["bus", "config", "reading"]);
    assert!(objection("chat", "bus").is_some());
    assert!(objection("https", "config").is_some());
    assert!(objection("reading", "cache").is_some());
    assert!(objection("poll", "systemd").is_some() && objection("daemon", "systemd").is_none());
    assert!(objection("cli", "config").is_none() && objection("chat", "cache").is_none());
}
