//! `docs/structure.md` against the sources: what it names is there, and each word is found where it says.

use std::path::Path;

fn document() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/structure.md")).unwrap()
}

/// The rows of the table below a heading, each cell without its marks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let document = document();
    let section = document.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

#[test]
fn what_somebody_new_looks_for_is_where_it_says() {
    let rows = table("Where to find it");
    assert!(rows.len() >= 20, "{rows:?}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for row in rows {
        let [_, term, file] = &row[..] else { panic!("{row:?}") };
        let source =
            std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.to_lowercase().contains(&term.to_lowercase()), "`{term}` is not in {file}");
    }
}

#[test]
fn every_module_and_folder_that_is_named_is_there_and_every_module_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named: Vec<String> = table("Modules").into_iter().map(|row| row[0].clone()).collect();
    for path in &named {
        assert!(root.join(path).exists(), "{path}");
    }
    for entry in std::fs::read_dir(root.join("src")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let is_module = name.ends_with(".rs") && !["lib.rs", "main.rs"].contains(&name.as_str());
        assert!(!is_module || named.contains(&format!("src/{name}")), "src/{name} is not named");
    }
}
