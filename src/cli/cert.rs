//! `fridge cert`: shows the certificate, or makes one where there is none: names, fingerprint, expiry,
//! and how Mattermost's server comes to trust it.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use clap::Args;

use super::{FileOptions, terminal};
use crate::config::Config;
use crate::host;
use crate::https::certificate::{self, Description};

/// The options of `cert`.
#[derive(Args)]
pub struct Options {
    /// Replace the gateway's own certificate and key; the old pair is kept beside it,
    /// and a gateway that runs takes the new one within seconds
    #[arg(long)]
    new: bool,
    /// A name or address under which Mattermost reaches this machine, beside its own; may be repeated
    #[arg(long, value_name = "NAME", requires = "new", num_args = 1..)]
    name: Vec<String>,
    /// Answer in JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Shows it, or makes another and shows that.
pub fn run(options: &Options, files: &FileOptions) -> anyhow::Result<()> {
    let configured = match files.config_path() {
        Ok(path) => Config::load(&path)?.https.certificate,
        // Where there is no configuration, there is none that could name a certificate.
        Err(problems) if files.config.is_some() => return Err(problems.into()),
        Err(_) => None,
    };
    let pair = match configured {
        Some(pair) if options.new => bail!(
            "the configuration names a certificate of your own, {}: replace it there, it is read without a restart; or take `certificate` and `key` out of the configuration, and the gateway makes its own",
            pair.certificate.display()
        ),
        Some(pair) => pair,
        None => {
            let state = files.state();
            std::fs::create_dir_all(&state).with_context(|| {
                format!("cannot make the state folder {}; choose another with --state", state.display())
            })?;
            let pair = certificate::own_files(&state);
            if options.new && pair.certificate.exists() && pair.key.exists() {
                certificate::renew(&pair, &names(&options.name))?;
            } else if options.new {
                certificate::make(&pair, &names(&options.name))?;
            }
            certificate::ensure(&state)?
        }
    };
    let description = certificate::describe(&pair.certificate)?;
    let path = pair.certificate.display().to_string();
    if options.json {
        return terminal::print_json(&json(&path, &description));
    }
    terminal::print(&terminal::printable(&text(&path, &description, options.new)))
}

/// The names that were given, and those that this machine has anyway.
fn names(given: &[String]) -> Vec<String> {
    let mut names: Vec<String> = given.iter().map(|name| name.to_lowercase()).collect();
    names.extend(host::names());
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn json(path: &str, description: &Description) -> serde_json::Value {
    serde_json::json!({
        "path": path,
        "names": description.names,
        "fingerprint_sha256": description.fingerprint,
        "not_before": description.not_before.to_string(),
        "not_after": description.not_after.to_string(),
        "is_ca": description.is_ca,
        "self_signed": description.self_signed,
    })
}

fn text(path: &str, description: &Description, new: bool) -> String {
    let signed = match (description.self_signed, description.is_ca) {
        (true, false) => "yes; it cannot sign others",
        (true, true) => "yes; it could sign others, too (CA:TRUE)",
        (false, _) => "no, signed by an authority",
    };
    let names = if description.names.is_empty() {
        String::from("none: Mattermost will not accept it, make another with a subject alternative name")
    } else {
        description.names.join(", ")
    };
    let renewed = if new {
        "This is a new one: Mattermost's server must trust it before it accepts the gateway again. The old pair is\n\
         kept beside it as *.old (an older one as *.old-2, and so on).\n\n"
    } else {
        ""
    };
    format!(
        "certificate  {path}\n\
         names        {names}\n\
         SHA-256      {fingerprint}\n\
         valid from   {}\n\
         valid until  {}\n\
         self-signed  {signed}\n\
         \n\
         {renewed}\
         To make Mattermost's server trust exactly this certificate, with verification left on:\n\
         \n\
         Copy {path} to Mattermost's machine as fridge.crt (it holds no secret), and compare its\n\
         fingerprint there with the one above:\n\
         \n  \
         openssl x509 -noout -fingerprint -sha256 -in fridge.crt\n\
         \n\
         Mattermost from a package (Debian, Ubuntu):\n\
         \n  \
         sudo cp fridge.crt /usr/local/share/ca-certificates/fridge.crt\n  \
         sudo update-ca-certificates\n  \
         sudo systemctl restart mattermost\n\
         \n\
         Mattermost in a container (compose.yaml, in the service mattermost), then `docker compose up -d`:\n\
         \n  \
         volumes:\n    \
         - ./fridge.crt:/etc/fridge-trust/fridge.crt:ro\n  \
         environment:\n    \
         - SSL_CERT_DIR=/etc/ssl/certs:/etc/fridge-trust\n\
         \n\
         Leave EnableInsecureOutgoingConnections off: it would switch verification off for every outgoing\n\
         connection of the server. For another name or address of this machine: fridge cert --new --name NAME\n",
        description.not_before.strftime("%Y-%m-%d"),
        description.not_after.strftime("%Y-%m-%d"),
        fingerprint = description.fingerprint,
    )
}
