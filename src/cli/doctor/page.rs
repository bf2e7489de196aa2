//! Who may look at the page, the API and the metrics.

use ipnet::IpNet;

use super::{Findings, Id};
use crate::auth;
use crate::web::Config;

const ABOUT: &str = "page";

/// Looks at who may look.
pub fn examine(page: &Config, auth: &auth::Config, findings: &mut Findings) {
    let usual = Config::default();
    let is_private = |network: &IpNet| usual.allow.iter().any(|private| private.contains(network));
    let open: Vec<String> =
        page.allow.iter().filter(|network| !is_private(network)).map(ToString::to_string).collect();
    let allowed = || page.allow.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (page.enabled, &open[..]) {
        (false, _) => findings.ok(ABOUT, "switched off, with the API and the metrics"),
        (true, []) if page.allow == usual.allow => {
            findings.ok(ABOUT, format!("this machine and private networks may look{}", who(page, auth)))
        }
        (true, []) => findings.ok(ABOUT, format!("these may look: {}{}", allowed(), who(page, auth))),
        // Whoever is there has to be known.
        (true, _) if page.login => {
            findings.ok(ABOUT, format!("these may look: {}{}", allowed(), who(page, auth)))
        }
        (true, _) => findings.warning(
            Id::PageOpen,
            ABOUT,
            format!(
                "whoever is in {} may look, without a password: that is no private network",
                open.join(", ")
            ),
            "if that was not meant, take it out of `allow` in the section [page], or ask for a login there with login = true",
        ),
    }
}

/// Who may do more than look, or has to log in for that.
fn who(page: &Config, auth: &auth::Config) -> String {
    let users = match auth.users.len() {
        0 => String::from("nobody can log in (`fridge user add`)"),
        1 => String::from("one user can log in"),
        several => format!("{several} users can log in"),
    };
    let clients = match auth.clients.len() {
        0 => String::new(),
        1 => String::from(", one program has a token"),
        several => format!(", {several} programs have tokens"),
    };
    let needed = if page.login { ", with a login or a token" } else { "" };
    format!("{needed}; {users}{clients}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_not_private_is_told() {
        let found = |enabled: bool, login: bool, allow: &[&str]| {
            let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
            let mut findings = Findings::default();
            let page = Config { enabled, allow, login, ..Config::default() };
            examine(&page, &auth::Config::default(), &mut findings);
            findings.0[0].id.map(Id::name)
        };
        assert_eq!(found(true, false, &["0.0.0.0/0"]), Some("page-open"));
        assert_eq!(found(true, false, &["192.168.1.0/24", "203.0.113.7/32"]), Some("page-open"));
        assert_eq!(found(true, false, &["192.168.1.0/24", "fd00::/8"]), None);
        assert_eq!(found(false, false, &["0.0.0.0/0"]), None);
        assert_eq!(found(true, true, &["0.0.0.0/0"]), None);
        let mut findings = Findings::default();
        examine(&Config::default(), &auth::Config::default(), &mut findings);
        assert!(findings.0[0].text.contains("private networks"), "{}", findings.0[0].text);
    }
}
