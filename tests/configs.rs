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
    let source = std::fs::read_to_string(root.join("src/config/file.rs")).unwrap();
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
    assert!(config.fridges.len() >= 3);
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
        config.https.hooks[1].token.matches("kt6ysz1apb8zfnigx5c7hm3erw"),
        "a token file's line end is no part of it"
    );
}
