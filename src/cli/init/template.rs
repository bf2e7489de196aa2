//! What `fridge init` writes: the configuration, and how to go on.

use std::fmt;
use std::path::Path;

use super::Scanned;
use crate::bus::Config;
use crate::config::fridge_table;
use crate::text::{self, Units};

const PORT: u16 = 4443;
const EXAMPLE: &str = r#"
# No probe was found yet. For each one that `fridge probes` lists:
#[[fridge]]
#name = "Milk"
#group = "Kitchen"
#probe = "28-0316a2790a1b"
#limits = { min = 0, max = 5 }
"#;

/// The configuration, in TOML.
pub fn configuration(found: &[Scanned], address: Option<&str>) -> String {
    let (comment, address) = address.map_or(("#", "192.168.1.50"), |address| ("", address));
    let mut text = format!(
        "# The configuration of fridge, as `fridge init` found this machine. docs/config.md describes every setting.\n\
         # After a change: `fridge check`, then `sudo systemctl reload fridge`; no question is lost.\n\
         \n\
         # Says who answers, where several gateways are in one channel.\n\
         #name = \"Kitchen Pi\"\n\
         \n\
         # Where to listen: one address, or a list. 0.0.0.0 is every interface.\n\
         listen = \"0.0.0.0:{PORT}\"\n\
         \n\
         # The gateway as Mattermost reaches it: with it answers have buttons, and `fridge doctor` tries it.\n\
         {comment}url = \"https://{address}:{PORT}\"\n\
         \n\
         # A message is a question when its first word begins with one of these. One word each.\n\
         trigger_words = [\"fridge\"]\n\
         \n\
         # One for each outgoing webhook and slash command in Mattermost, which shows the token once it was saved.\n\
         # Until then every question is rejected.\n\
         #[[hook]]\n\
         #name = \"kitchen channel\"\n\
         #token = \"the 26 characters that Mattermost shows\"\n"
    );
    if found.is_empty() {
        text.push_str("\n[[bus]]\nkind = \"kernel\"\nperiod = \"10s\"\n");
        text.push_str(EXAMPLE);
        return text;
    }
    for scanned in found {
        text.push_str(&format!("\n[[bus]]\n{}period = \"10s\"\n", bus(&scanned.bus)));
    }
    text.push_str(
        "\n# One for each fridge, freezer or cold room: give each its name, and the limits that it must keep.\n\
         # The limits here suit what it reads now. Without limits it counts as in range whatever it reads.\n",
    );
    for (index, (probe, sample)) in found.iter().flat_map(|scanned| &scanned.probes).enumerate() {
        let reads = match sample {
            Ok(celsius) => format!("reads {:.1} °C now", celsius.degrees()),
            Err(fault) => format!("now: {}", text::fault(*fault)),
        };
        let table = fridge_table(&format!("Fridge {}", index + 1), *probe, sample.ok(), &reads);
        text.push_str(&format!("\n{table}#group = \"Kitchen\"\n"));
    }
    text
}

fn bus(config: &Config) -> String {
    match config {
        Config::Kernel(_) => String::from("kind = \"kernel\"\n"),
        Config::Gpio(gpio) => format!("kind = \"gpio\"\npin = {}\n", gpio.pin),
        Config::Owserver(owserver) => format!("kind = \"owserver\"\naddress = \"{}\"\n", owserver.address),
        Config::Simulated(simulated) => {
            format!("kind = \"simulated\"\nprobes = {}\n", simulated.probes)
        }
    }
}

/// How to go on.
pub struct Next<'a> {
    /// The configuration that was written.
    pub path: &'a Path,
    /// What was found.
    pub found: &'a [Scanned],
    /// This machine as Mattermost reaches it.
    pub address: Option<&'a str>,
    /// The certificate's file.
    pub certificate: &'a Path,
    /// Its fingerprint.
    pub fingerprint: &'a str,
    /// Whether this is the service's configuration, and not a person's own.
    pub is_service: bool,
    /// The options with which every command finds these files: none for the usual paths.
    pub options: &'a str,
}

impl fmt::Display for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let probes = self.found.iter().map(|scanned| scanned.probes.len()).sum::<usize>();
        writeln!(f, "\nWritten: {path} ({probes} probe{})", if probes == 1 { "" } else { "s" })?;
        for (probe, sample) in self.found.iter().flat_map(|scanned| &scanned.probes) {
            let reads = sample.map_or_else(
                |fault| text::fault(fault).to_owned(),
                |celsius| text::temperature(celsius, Units::Celsius),
            );
            writeln!(f, "  {probe}  {reads}")?;
        }
        if probes == 0 {
            f.write_str(
                "\nNo probe was found. What is usually missing:\n  \
                 - the kernel's driver: the line dtoverlay=w1-gpio in /boot/firmware/config.txt, then a restart of the Pi\n  \
                 - the wiring: data to GPIO 4 (pin 7), 3.3 V (pin 1), ground (pin 9), and one resistor of 4.7 kΩ\n    \
                 between data and 3.3 V\n\
                 `fridge probes` shows what is found; then add a [[fridge]] for each.\n",
            )?;
        }
        let (edit, start, reload) = if self.is_service {
            (
                format!("sudoedit {path}"),
                String::from("sudo systemctl enable fridge && sudo systemctl restart fridge"),
                "sudo systemctl reload fridge",
            )
        } else {
            (format!("edit {path}"), format!("fridge serve{}", self.options), "kill -HUP $(pidof fridge)")
        };
        let address = self.address.unwrap_or("ADDRESS");
        let allowed = match address.strip_prefix('[') {
            Some(address) => format!("{}/128", address.trim_end_matches(']')),
            None => format!("{address}/32"),
        };
        write!(
            f,
            "\nNext steps, in this order:\n\
             \n\
             1. Name the fridges and give them limits:\n     \
             {edit}\n\
             2. Start the gateway:\n     \
             {start}\n\
             3. In Mattermost, System Console > Environment > Developer > Allow untrusted internal connections to\n   \
             (ServiceSettings.AllowedUntrustedInternalConnections), add:\n     \
             {allowed}\n\
             4. Have Mattermost's server trust {}\n   \
             (SHA-256 {}):\n     \
             fridge cert{options}      explains how\n\
             5. In Mattermost, Integrations > Outgoing Webhooks > Add Outgoing Webhook:\n     \
             Content Type: application/json\n     \
             Channel: the one where people will ask\n     \
             Trigger Words: fridge\n     \
             Trigger When: First word matches a trigger word exactly\n     \
             Callback URLs: https://{address}:{PORT}/webhook\n   \
             For private channels, Integrations > Slash Commands instead:\n     \
             Command Trigger Word: fridge, Request URL: https://{address}:{PORT}/command\n\
             6. Save. Mattermost now shows a token: put it into a [[hook]] of {path}, then:\n     \
             fridge check{options} && {reload}\n\
             7. Type `fridge status` in the channel. If there is no answer:\n     \
             sudo fridge doctor{options}\n",
            self.certificate.display(),
            self.fingerprint,
            options = self.options,
        )
    }
}
