//! Who may use whom: a module uses the modules before it, an answer can reach no bus, and no files of a folder use
//! each other in a circle. Reads the sources, so that a wrong import fails here before anybody has to see it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules in their order. `docs/structure.md` draws it.
const ORDER: [&str; 35] = [
    "reading",
    "secret",
    "atomic_file",
    "regular_file",
    "host",
    "systemd",
    "recording",
    "alarm",
    "fridge",
    "bus",
    "poll",
    "state",
    "store",
    "history",
    "doc",
    "text",
    "chart",
    "report",
    "recorder",
    "gateway",
    "chat",
    "https",
    "mqtt",
    "auth",
    "mattermost",
    "api",
    "web",
    "metrics",
    "notify",
    "hub",
    "socket",
    "config",
    "daemon",
    "cli",
    "main",
];
/// What answers, and so never reaches a bus.
const ANSWERING: [&str; 8] = ["chat", "https", "auth", "mattermost", "api", "web", "metrics", "socket"];
/// The modules that may use the configuration.
const CONFIGURED: [&str; 3] = ["daemon", "cli", "main"];

fn position(module: &str) -> usize {
    ORDER
        .iter()
        .position(|known| *known == module)
        .unwrap_or_else(|| panic!("`{module}` has no place in the order"))
}

/// Why the first module may not use the second one.
fn objection(user: &str, used: &str) -> Option<&'static str> {
    match (user, used) {
        (_, "config") if !CONFIGURED.contains(&user) => {
            Some("only daemon, cli and main use the configuration")
        }
        (_, "mqtt") if ANSWERING.contains(&user) => Some("an answer never waits for a broker"),
        (_, "hub") if ANSWERING.contains(&user) => Some("an answer never waits for another gateway"),
        (_, "notify") if ANSWERING.contains(&user) => Some("an answer never waits for who is told of alarms"),
        (_, "bus" | "poll") if ANSWERING.contains(&user) => Some("an answer never waits for a sensor"),
        ("https" | "mqtt", "gateway" | "chat" | "mattermost") => {
            Some("the transport does not know what it serves")
        }
        ("bus" | "poll", "systemd") => Some("a bus knows no service manager"),
        _ => (position(used) > position(user)).then_some("it stands behind it in the order"),
    }
}

type Modules = BTreeSet<Vec<String>>;

/// A source file: its module's path, and its code without comments and inline tests.
struct Source {
    module: Vec<String>,
    code: String,
}

impl Source {
    fn read(src: &Path, path: &Path) -> Source {
        let within = path.strip_prefix(src).unwrap().with_extension("");
        let module = within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        Source { module, code: without_comments(&std::fs::read_to_string(path).unwrap()) }
    }

    /// The paths that it imports or names, from the crate's root: those behind `crate::`, `super::` and `self::`,
    /// and those of its own child modules.
    fn paths(&self, modules: &Modules) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("::") {
            let start = self.code[..at].rfind(|c: char| !is_word(c)).map_or(0, |before| before + 1);
            let is_first = !self.code[..start].trim_end().ends_with("::");
            let mut base = match &self.code[start..at] {
                _ if !is_first => continue,
                "crate" => Vec::new(),
                "self" => self.module.clone(),
                "super" => self.module[..self.module.len() - 1].to_vec(),
                child => {
                    let path = [&self.module[..], &[child.to_owned()]].concat();
                    if !modules.contains(&path) {
                        continue;
                    }
                    path
                }
            };
            let mut rest = &self.code[at + 2..];
            while let Some(further) = rest.strip_prefix("super::") {
                base.pop();
                rest = further;
            }
            expand(rest, &base, &mut found);
        }
        found
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn without_comments(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// A tree of paths, `a::{b, c::{d, e}}`, as the paths that it stands for. Returns what stands behind it.
fn expand<'a>(tree: &'a str, base: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let tree = tree.trim_start();
    if let Some(mut list) = tree.strip_prefix('{') {
        loop {
            list = expand(list, base, found).trim_start();
            match list.chars().next() {
                Some(',') => list = list[1..].trim_start(),
                Some('}') => return &list[1..],
                _ => return list,
            }
            if let Some(behind) = list.strip_prefix('}') {
                return behind;
            }
        }
    }
    let word: String = tree.chars().take_while(|c| is_word(*c)).collect();
    let path = [base, std::slice::from_ref(&word)].concat();
    let rest = &tree[word.len()..];
    match rest.strip_prefix("::") {
        Some(deeper) if word != "self" => expand(deeper, &path, found),
        _ => {
            found.push(if word == "self" { base.to_vec() } else { path });
            // `as other` is no part of the path.
            let alias = rest.trim_start().strip_prefix("as ").map(str::trim_start);
            alias.map_or(rest, |alias| alias.trim_start_matches(is_word))
        }
    }
}

/// What each module names of its children, so that `super::Thing` leads to the file that has it.
fn reexports(sources: &[Source], modules: &Modules) -> BTreeMap<Vec<String>, Vec<String>> {
    let mut all = BTreeMap::new();
    for source in sources {
        for path in source.paths(modules) {
            if path.len() == source.module.len() + 2 && path.starts_with(&source.module) {
                let [module @ .., _, item] = &path[..] else { continue };
                all.insert([module, std::slice::from_ref(item)].concat(), path[..path.len() - 1].to_vec());
            }
        }
    }
    all
}

/// For each folder, which of its modules use which others of it.
fn uses_within(sources: &[Source]) -> BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> {
    let modules: Modules = sources.iter().map(|source| source.module.clone()).collect();
    let reexports = reexports(sources, &modules);
    let mut uses: BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for source in sources {
        for path in source.paths(&modules) {
            let path = reexports.get(&path).cloned().unwrap_or(path);
            // Where the two paths part, there is the folder in which one uses the other.
            let common = source.module.iter().zip(&path).take_while(|(one, other)| one == other).count();
            let (Some(user), Some(used)) = (source.module.get(common), path.get(common)) else { continue };
            if modules.contains(&path[..=common]) {
                let folder = uses.entry(source.module[..common].to_vec()).or_default();
                folder.entry(user.clone()).or_default().insert(used.clone());
            }
        }
    }
    uses
}

/// The circles among these: each a set of modules that all reach each other.
fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
    fn reached_from<'a>(
        start: &'a String,
        uses: &'a BTreeMap<String, BTreeSet<String>>,
    ) -> BTreeSet<&'a String> {
        let (mut reached, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(module) = next.pop() {
            next.extend(uses.get(module).into_iter().flatten().filter(|used| reached.insert(*used)));
        }
        reached
    }
    let all: BTreeMap<&String, BTreeSet<&String>> =
        uses.keys().map(|module| (module, reached_from(module, uses))).collect();
    let circle = |module: &String| {
        let both = |other: &&String| {
            all[module].contains(*other) && all.get(*other).is_some_and(|reached| reached.contains(module))
        };
        all[module].iter().copied().filter(both).cloned().collect::<BTreeSet<_>>()
    };
    uses.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The product's sources; a module's tests may use what they like, and lib.rs names them all.
fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_test = |source: &Source| source.module.iter().any(|part| part == "tests");
    let all = files(&src).into_iter().map(|path| Source::read(&src, &path));
    all.filter(|source| source.module != ["lib"] && !is_test(source)).collect()
}

#[test]
fn every_import_follows_the_order() {
    let sources = sources();
    let modules: Modules = sources.iter().map(|source| source.module.clone()).collect();
    let (mut seen, mut wrong) = (0, Vec::new());
    for source in &sources {
        let user = &source.module[0];
        for path in source.paths(&modules) {
            let Some(used) = path.first().filter(|used| modules.contains(&[(*used).clone()][..])) else {
                continue;
            };
            seen += 1;
            if let Some(reason) = objection(user, used).filter(|_| used != user) {
                wrong.push(format!("{} uses {}: {reason}", source.module.join("/"), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 600, "only {seen} imports were seen: does this test still read them?");
    let first: BTreeSet<&str> = modules.iter().map(|module| module[0].as_str()).collect();
    assert_eq!(first, ORDER.into_iter().collect(), "each module has its place in the order");
}

#[test]
fn no_files_of_a_folder_use_each_other_in_a_circle() {
    let mut all = Vec::new();
    let (mut folders, mut edges) = (0, 0);
    for (folder, uses) in uses_within(&sources()) {
        folders += 1;
        edges += uses.values().map(BTreeSet::len).sum::<usize>();
        all.extend(circles(&uses).into_iter().map(|circle| format!("{}: {circle:?}", folder.join("/"))));
    }
    println!("{folders} folders, {edges} uses within them, {} circles", all.len());
    assert!(all.is_empty(), "{all:#?}");
    assert!(
        folders > 12 && edges > 180,
        "{folders} folders and {edges} uses: does this test still read them?"
    );
}

#[test]
fn a_forbidden_import_is_noticed() {
    let source = |module: &[&str], code: &str| Source {
        module: module.iter().map(|part| (*part).to_owned()).collect(),
        code: without_comments(code),
    };
    let planted = source(
        &["chat", "status"],
        "use crate::{reading::{Stamp, notice::Notice as N}, bus};\nuse super::super::poll;\nfn f() { crate::config::load() }\n// crate::daemon is a comment\n",
    );
    let found: Vec<String> = planted.paths(&BTreeSet::new()).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["reading::Stamp", "reading::notice::Notice", "bus", "poll", "config::load"]);
    assert!(objection("chat", "bus").is_some() && objection("mattermost", "poll").is_some());
    assert!(objection("https", "config").is_some() && objection("https", "chat").is_some());
    assert!(objection("reading", "state").is_some());
    assert!(objection("poll", "systemd").is_some() && objection("daemon", "systemd").is_none());
    assert!(objection("cli", "config").is_none() && objection("chat", "state").is_none());
}

#[test]
fn a_planted_circle_is_noticed_also_through_what_its_folder_re_exports() {
    let source = |module: &[&str], code: &str| Source {
        module: module.iter().map(|part| (*part).to_owned()).collect(),
        code: code.to_owned(),
    };
    let planted = [
        source(&["a"], "mod one;\nmod other;\nmod third;\npub use one::One;\n"),
        source(&["a", "one"], "use super::{Limits, other::{Other, More}};\n"),
        source(&["a", "other"], "use crate::a::third;\n"),
        source(&["a", "third"], "use super::One;\n"),
        source(&["b"], "use crate::a::One;\n"),
    ];
    let uses = uses_within(&planted);
    let circle = BTreeSet::from(["one", "other", "third"].map(String::from));
    assert_eq!(circles(&uses[&vec![String::from("a")]]), BTreeSet::from([circle]));
    assert!(circles(&uses[&Vec::new()]).is_empty());
}
