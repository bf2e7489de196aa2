//! Configurations that load and ones that do not. A bad file says in its first lines what its error
//! must say: `# expect: line 3`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fridge::config::Config;

fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(kind);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_good_file_loads() {
    let files = files("good");
    assert!(files.len() >= 4);
    for path in files {
        Config::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    }
}

#[test]
fn every_bad_file_says_what_its_first_lines_expect() {
    let files = files("bad");
    assert!(files.len() >= 50);
    let mut wrong = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# expect: ")).collect();
        assert!(!expected.is_empty(), "{} expects nothing", path.display());
        match Config::load(&path) {
            Ok(_) => wrong.push(format!("{} loads", path.display())),
            Err(problems) => {
                let said = problems.to_string();
                assert!(said.contains(path.file_name().unwrap().to_str().unwrap()), "{said}");
                for part in expected.iter().filter(|part| !said.contains(**part)) {
                    wrong.push(format!("expected `{part}` in: {said}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_setting_stands_in_a_good_file_in_a_bad_one_and_in_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = |file: &str| std::fs::read_to_string(root.join("src/config").join(file)).unwrap();
    let source = source("schema.rs") + &source("schema/fridge.rs");
    let settings: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'))
        .map(|(setting, _)| setting)
        .filter(|setting| setting.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    assert!(settings.len() >= 20, "{settings:?}");
    let read = |kind: &str| -> String {
        files(kind).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    };
    let documentation = std::fs::read_to_string(root.join("docs/config.md")).unwrap();
    for (place, text) in [("good", read("good")), ("bad", read("bad")), ("docs/config.md", documentation)] {
        for setting in &settings {
            assert!(text.contains(setting), "`{setting}` is nowhere in {place}");
        }
    }
}

#[test]
fn the_documented_example_loads_and_warns_of_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fridge.toml");
    let config = Config::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(config.site.fridges.len() >= 3);
}

#[test]
fn several_problems_are_told_at_once_in_the_order_of_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fridge.toml");
    let text = "trigger_words = [\"\"]\n[[hook]]\ntoken = \"short\"\n[[bus]]\nkind = \"kernl\"\n";
    std::fs::write(&path, text).unwrap();
    let problems = Config::load(&path).unwrap_err();
    let lines: Vec<_> = problems.list.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [Some(1), Some(3), Some(5)], "{problems}");
    assert!(!problems.to_string().contains("short\""), "no token in an error");
}

#[test]
fn nothing_shows_a_token() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs/good/everything.toml");
    let config = Config::load(&path).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("i8ge9icprrz8ppjsg7ncawuf8a") && !shown.contains("kt6ysz1apb8zfnigx5c7hm3erw"));
    assert!(
        config.mattermost.hooks[1].token.matches("kt6ysz1apb8zfnigx5c7hm3erw"),
        "a token file's line end is no part of it"
    );
}

/// The TOML blocks of a page, without what indents them.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for line in page.lines() {
        match (&mut block, line.trim_start()) {
            (None, "```toml") => block = Some((line.len() - "```toml".len(), String::new())),
            (Some(_), "```") => blocks.extend(block.take().map(|(_, text)| text)),
            (Some((indent, text)), _) => text.push_str(&format!("{}\n", line.get(*indent..).unwrap_or(""))),
            (None, _) => {}
        }
    }
    blocks
}

#[test]
fn every_piece_of_configuration_in_the_documentation_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut seen, mut complete) = (0, 0);
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|end| end == "md"));
    for page in pages.chain([root.join("README.md")]) {
        for block in blocks(&std::fs::read_to_string(&page).unwrap()) {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("token"), "kt6ysz1apb8zfnigx5c7hm3erw\n").unwrap();
            let mut text =
                block.replace("the 26 characters that Mattermost shows", "kt6ysz1apb8zfnigx5c7hm3erw");
            // A piece shows one table; what every configuration needs is beside it.
            if !text.contains("[[bus]]") {
                text.push_str("\n[[bus]]\nkind = \"kernel\"\n");
            }
            for (part, name) in [("\"Kitchen\"", "Kitchen"), ("\"Milk\"", "Milk")] {
                if text.contains(part) && !text.contains(&format!("name = {part}")) {
                    let probe = format!("28-{:012x}", name.len());
                    text.push_str(&format!("\n[[fridge]]\nname = {part}\nprobe = \"{probe}\"\n"));
                }
            }
            let path = folder.path().join("fridge.toml");
            // What is complete works as it stands, pasted.
            if block.contains("[[bus]]") && block.contains("[[fridge]]") && block.contains("[[hook]]") {
                std::fs::remove_file(folder.path().join("token")).unwrap();
                std::fs::write(&path, &block).unwrap();
                let pasted = Config::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
                assert_eq!(pasted.site.fridges.len(), block.matches("[[fridge]]").count());
                complete += 1;
            }
            std::fs::write(&path, &text).unwrap();
            if let Err(problems) = Config::load(&path) {
                panic!("{}: {problems}\n{text}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 10 && complete >= 1, "only {seen}, {complete} of them complete");
}

#[test]
fn what_works_and_was_probably_not_meant_is_a_warning() {
    let warnings = |text: &str| {
        let bus = "[[bus]]\nkind = \"simulated\"\n";
        Config::parse(Path::new("fridge.toml"), &format!("{text}\n{bus}")).unwrap().warnings.join("\n")
    };
    let fridge =
        |limits: &str| format!("[[fridge]]\nname = \"Milk\"\nprobe = \"28-000000000001\"\n{limits}\n");
    assert!(warnings(&fridge("")).contains("`Milk` has no limits"));
    assert!(!warnings(&fridge("preset = \"fridge\"")).contains("no limits"));
    let fahrenheit = warnings(&fridge("limits = { max = 41 }"));
    assert!(fahrenheit.contains("line 2: `Milk` may be as warm as 41 °C") && fahrenheit.contains("41 °F"));
    let config = Config::parse(
        Path::new("fridge.toml"),
        &format!("{}[[bus]]\nkind = \"simulated\"\n", fridge("limits = { max = \"41 °F\" }")),
    );
    assert_eq!(config.unwrap().site.fridges[0].limits.max.unwrap().degrees(), 5.0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fridge.toml");
    for token in [
        "${MATTERMOST_TOKEN}",
        "your-token-goes-in-here",
        "MATTERMOST_TOKEN=kt6ysz1apb8zfnigx5c7hm3erw",
        "'kt6ysz1apb8zfnigx5c7hm3erw'",
        "\\\"kt6ysz1apb8zfnigx5c7hm3erw\\\"",
    ] {
        let said = warnings(&format!("[[hook]]\ntoken = \"{token}\""));
        assert!(said.contains("cannot be one of Mattermost's"), "{token}: {said}");
        // The same in a file.
        std::fs::write(folder.path().join("kitchen"), token.replace('\\', "")).unwrap();
        let of_file = "[[hook]]\ntoken_file = \"kitchen\"\n[[bus]]\nkind = \"simulated\"\n";
        let said = Config::parse(&path, of_file).unwrap().warnings.join("\n");
        assert!(said.contains("cannot be one of Mattermost's"), "{token} in a file: {said}");
    }
    // What cannot be seen came along with a pasted text.
    std::fs::write(folder.path().join("kitchen"), "\u{feff}kt6ysz1apb8zfnigx5c7hm3erw\u{200b}\n").unwrap();
    let of_file = "\u{feff}[[hook]]\ntoken_file = \"kitchen\"\n[[bus]]\nkind = \"simulated\"\n";
    let config = Config::parse(&path, of_file).unwrap();
    assert!(config.warnings.iter().all(|warning| !warning.contains("Mattermost's")), "{:?}", config.warnings);
    assert!(config.mattermost.hooks[0].token.matches("kt6ysz1apb8zfnigx5c7hm3erw"));
    assert!(!warnings("[[hook]]\ntoken = \"kt6ysz1apb8zfnigx5c7hm3erw\"").contains("cannot be"));
}

#[test]
fn no_slip_puts_a_token_into_a_message() {
    const TOKEN: &str = "kt6ysz1apb8zfnigx5c7hm3erw";
    let bus = "[[bus]]\nkind = \"simulated\"\n";
    for slip in [
        format!("[[hook]]\ntoken_file = \"{TOKEN}\""),
        format!("[[hook]]\n{TOKEN} = \"token\""),
        format!("[[hook]]\nresponse = \"{TOKEN}\"\ntoken = \"x\""),
        format!(
            "[[hook]]\nname = \"{TOKEN}\"\ntoken = \"{TOKEN}\"\n[[hook]]\nname = \"{TOKEN}\"\ntoken = \"{TOKEN}\""
        ),
        format!("[[hook]]\ntoken = {TOKEN}"),
        format!("[[hook]]\ntoken = \"{TOKEN}"),
        format!("[[hook]]\ntoken {TOKEN}"),
        format!("[[{TOKEN}]]\ntoken = 1"),
        format!("url = \"{TOKEN}\""),
        format!("allow = [\"{TOKEN}\"]"),
        format!("units = \"{TOKEN}\""),
        format!("trigger_words = [\"{TOKEN} x\"]"),
        format!("[[hook]]\ntoken = \"{TOKEN}\"\nfridges = [\"{TOKEN}\"]"),
        format!("[[hook]]\nname = \"{TOKEN}\"\ntoken = \"${{{TOKEN}}}\""),
        format!("certificate = \"{TOKEN}\"\nkey = \"key.pem\""),
        format!("certificate = \"c.pem\"\nkey = \"{TOKEN}\""),
        format!("[[bus]]\nkind = \"owserver\"\naddress = \"{TOKEN}\""),
        format!("[[bus]]\nkind = \"kernel\"\nroot = \"{TOKEN}\""),
    ] {
        let said = match Config::parse(Path::new("/etc/fridge/fridge.toml"), &format!("{slip}\n{bus}")) {
            Ok(config) => config.warnings.join("\n"),
            Err(problems) => problems.to_string(),
        };
        assert!(!said.is_empty(), "{slip}");
        assert!(!said.contains(TOKEN), "{slip}\n{said}");
    }
}

#[test]
fn each_problem_names_the_file_the_line_and_the_setting() {
    for path in files("bad") {
        let Err(problems) = Config::load(&path) else { continue };
        for problem in &problems.list {
            // What is missing altogether stands in no line.
            let is_of_file = problem.line.is_none();
            assert!(is_of_file || problem.text.contains('`'), "{}: {}", path.display(), problem.text);
            let is_the_librarys =
                ["expected `", "expected a", "invalid "].iter().any(|it| problem.text.contains(it));
            assert!(!is_the_librarys, "{}: {}", path.display(), problem.text);
        }
    }
}
