//! The links of the pages: each leads to something that is there, and what the package ships links to nothing that it
//! does not.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

const PAGES: [&str; 4] = [".", "docs", "certs", "tests/recordings"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
        plain
    })
}

/// What a page links to or shows, seen from its own folder; other places on the web are left out.
fn links(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let links = text.match_indices("](").map(|(at, _)| text[at + 2..].split(')').next().unwrap());
    let pictures = text.match_indices("src=\"").map(|(at, _)| text[at + 5..].split('"').next().unwrap());
    let all = links.chain(pictures).map(|link| link.split('#').next().unwrap());
    all.filter(|link| !link.is_empty() && !link.contains("://")).map(str::to_owned).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    for folder in PAGES {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let page = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            for link in links(&page) {
                seen += 1;
                let target = path.parent().unwrap().join(&link);
                assert!(target.exists(), "{page} links to {link}");
            }
        }
    }
    assert!(seen > 20, "{seen} links");
}

#[test]
fn the_package_ships_whatever_its_pages_link_to() {
    let manifest: toml::Table =
        toml::from_str(&std::fs::read_to_string(root().join("Cargo.toml")).unwrap()).unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    // From where it is shipped to where it is here.
    let shipped: BTreeMap<PathBuf, String> = assets
        .iter()
        .map(|asset| {
            let (from, to) = (asset[0].as_str().unwrap(), asset[1].as_str().unwrap());
            let name = Path::new(from).file_name().unwrap();
            let to = if to.ends_with('/') { Path::new(to).join(name) } else { PathBuf::from(to) };
            (to, from.to_owned())
        })
        .collect();
    let mut seen = 0;
    for (to, from) in shipped.iter().filter(|(_, from)| from.ends_with(".md")) {
        for link in links(from) {
            seen += 1;
            let target = plain(&to.parent().unwrap().join(&link));
            assert!(shipped.contains_key(&target), "{from} links to {link}, which is not shipped");
        }
    }
    assert!(seen > 5, "{seen} links");
}
