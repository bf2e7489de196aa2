//! Who may look at the page, the API and the metrics.

use ipnet::IpNet;

use super::{Findings, Id};
use crate::web::Config;

const ABOUT: &str = "page";

/// Looks at who may look.
pub fn examine(page: &Config, findings: &mut Findings) {
    let usual = Config::default();
    let is_private = |network: &IpNet| usual.allow.iter().any(|private| private.contains(network));
    let open: Vec<String> =
        page.allow.iter().filter(|network| !is_private(network)).map(ToString::to_string).collect();
    let allowed = || page.allow.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (page.enabled, &open[..]) {
        (false, _) => findings.ok(ABOUT, "switched off, with the API and the metrics"),
        (true, []) if *page == usual => findings.ok(ABOUT, "this machine and private networks may look"),
        (true, []) => findings.ok(ABOUT, format!("these may look: {}", allowed())),
        (true, _) => findings.warning(
            Id::PageOpen,
            ABOUT,
            format!(
                "whoever is in {} may look, without a password: that is no private network",
                open.join(", ")
            ),
            "if that was not meant, take it out of `allow` in the section [page]",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_not_private_is_told() {
        let found = |enabled: bool, allow: &[&str]| {
            let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
            let mut findings = Findings::default();
            examine(&Config { enabled, allow }, &mut findings);
            findings.0[0].id.map(Id::name)
        };
        assert_eq!(found(true, &["0.0.0.0/0"]), Some("page-open"));
        assert_eq!(found(true, &["192.168.1.0/24", "203.0.113.7/32"]), Some("page-open"));
        assert_eq!(found(true, &["192.168.1.0/24", "fd00::/8"]), None);
        assert_eq!(found(false, &["0.0.0.0/0"]), None);
        let mut findings = Findings::default();
        examine(&Config::default(), &mut findings);
        assert!(findings.0[0].text.contains("private networks"), "{}", findings.0[0].text);
    }
}
