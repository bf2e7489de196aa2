//! The certificate's key: who may read it; and whether the gateway's own certificate is for this machine as
//! it is now.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Machine;
use crate::cli::doctor::{Findings, Id};
use crate::config::Config;
use crate::host;
use crate::https::certificate;

impl Machine {
    pub(super) fn key(&self, config: Option<&Config>, state: &Path, findings: &mut Findings) {
        let configured = config.and_then(|config| config.https.certificate.clone());
        let is_own = configured.is_none();
        let files = configured.unwrap_or_else(|| certificate::own_files(state));
        self.rights_of_key(&files.key, findings);
        let has_url = config.is_some_and(|config| config.mattermost.url.is_some());
        // With a `url` it is known how Mattermost reaches the gateway, and the link is checked instead.
        if is_own
            && !has_url
            && let Ok(description) = certificate::describe(&files.certificate)
        {
            let addresses: Vec<String> = host::stable_addresses()
                .iter()
                .filter(|address| !address.is_loopback())
                .map(ToString::to_string)
                .collect();
            names(&description, &addresses, findings);
        }
    }

    fn rights_of_key(&self, key: &Path, findings: &mut Findings) {
        const ABOUT: &str = "key";
        // Not there yet, or in a folder that only its owner may look into.
        let Ok(file) = fs::metadata(key) else { return };
        let shown = key.display();
        let service = self.service_user().zip(self.service_group());
        let group_is_services = service.is_some_and(|(_, group)| group == file.gid());
        if file.mode() & 0o007 != 0 {
            let cure = format!(
                "sudo chmod o= {shown}; anyone on this machine may have copied it: `fridge cert --new` makes another"
            );
            findings.fault(
                Id::KeyForEverybody,
                ABOUT,
                format!("every user of this machine can read {shown}"),
                cure,
            );
        } else if file.mode() & 0o070 != 0 && !(group_is_services && file.mode() & 0o070 == 0o040) {
            let text = format!("users other than its owner can read or write {shown}");
            findings.fault(Id::KeyRights, ABOUT, text, format!("sudo chmod g= {shown}"));
        } else if let Some((user, group)) = service.filter(|_| key.starts_with("/var/lib/fridge"))
            && file.uid() != user
            && !(file.gid() == group && file.mode() & 0o040 != 0)
        {
            let text = format!("the service's user cannot read {shown}");
            findings.fault(Id::KeyRights, ABOUT, text, format!("sudo chown fridge:fridge {shown}"));
        } else {
            findings.ok(ABOUT, format!("no other user can read {shown}"));
        }
    }
}

/// Whether the certificate is for any of the addresses that the machine has now.
pub(super) fn names(description: &certificate::Description, addresses: &[String], findings: &mut Findings) {
    if addresses.is_empty() || addresses.iter().any(|address| description.covers(address)) {
        return;
    }
    findings.warning(
        Id::CertificateAddresses, "certificate",
        format!("it covers none of this machine's addresses ({}): they have changed since", addresses.join(", ")),
        "give the machine a fixed address, or: sudo fridge cert --new, and have Mattermost's server trust that",
    );
}
