//! `fridge cert`: shows the certificate, or makes one where there is none: names, fingerprint, expiry,
//! and how Mattermost's server comes to trust it.

use clap::Args;

use super::{FileOptions, terminal};
use crate::config::Config;
use crate::https::certificate::{self, Description};

/// What `cert` may be told.
#[derive(Args)]
pub struct Options {
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let configured = match files.config_path() {
        Ok(path) => Config::load(&path)?.https.certificate,
        // Where there is no configuration, there is none that could name a certificate.
        Err(problems) if files.config.is_some() => return Err(problems.into()),
        Err(_) => None,
    };
    let pair = match configured {
        Some(pair) => pair,
        None => {
            let state = files.state();
            std::fs::create_dir_all(&state)?;
            certificate::ensure(&state)?
        }
    };
    let said = certificate::describe(&pair.certificate)?;
    let path = pair.certificate.display().to_string();
    let output = if options.json { json(&path, &said) } else { text(&path, &said) };
    terminal::print(&output)
}

fn json(path: &str, said: &Description) -> String {
    let json = serde_json::json!({
        "path": path,
        "names": said.names,
        "fingerprint_sha256": said.fingerprint,
        "not_before": said.not_before.to_string(),
        "not_after": said.not_after.to_string(),
        "is_ca": said.is_ca,
        "self_signed": said.self_signed,
    });
    format!("{json:#}\n")
}

fn text(path: &str, said: &Description) -> String {
    let signed = match (said.self_signed, said.is_ca) {
        (true, false) => "by itself; it can sign no other",
        (true, true) => "by itself; it could sign others, too (CA:TRUE)",
        (false, _) => "by somebody else",
    };
    let names = if said.names.is_empty() {
        String::from("none: Mattermost will refuse it, make it anew with a subject alternative name")
    } else {
        said.names.join(", ")
    };
    format!(
        "certificate  {path}\n\
         names        {names}\n\
         SHA-256      {}\n\
         holds from   {}\n\
         holds until  {}\n\
         signed       {signed}\n\
         \n\
         How Mattermost's server comes to trust exactly this certificate (Debian, Ubuntu):\n\
         \n  \
         1. copy it there as /usr/local/share/ca-certificates/fridge.crt\n  \
         2. sudo update-ca-certificates\n  \
         3. sudo systemctl restart mattermost\n\
         \n\
         In a container, mount it as a file and set SSL_CERT_DIR to its folder and the system's\n\
         (SSL_CERT_DIR=/etc/ssl/certs:/folder). Do not switch verification off: that would hold for every\n\
         outgoing connection of the server.\n",
        said.fingerprint,
        said.not_before.strftime("%Y-%m-%d"),
        said.not_after.strftime("%Y-%m-%d"),
    )
}
