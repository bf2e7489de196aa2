//! `[[notify]]`: who is told of alarms.

use std::time::Duration;

use jiff::SignedDuration;
use strum::VariantNames;
use toml::Spanned;

use super::{Check, diagnostics, schema};
use crate::notify::{Format, Kind, Look, Target};
use crate::secret::Secret;

/// From one heartbeat to the next.
const USUAL_HEARTBEAT: Duration = Duration::from_secs(5 * 60);
const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(30);
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(24 * 3_600);

impl Check<'_> {
    /// Who is told; `has_broker` says whether there is an MQTT broker.
    pub(super) fn targets(&mut self, targets: Vec<Spanned<schema::Notify>>, has_broker: bool) -> Vec<Target> {
        let mut checked: Vec<Target> = Vec::new();
        for target in targets {
            let (span, target) = (target.span(), target.into_inner());
            let kind = target.kind.get_ref().clone();
            // By its host and not by its place: messages that wait belong to a name.
            let host = target
                .url
                .as_ref()
                .and_then(|url| Some(url.get_ref().parse::<hyper::Uri>().ok()?.host()?.to_owned()));
            let usual = host.map_or_else(|| kind.clone(), |host| format!("{kind} {host}"));
            let name = target.name.map_or(usual, |name| self.name(name));
            if checked.iter().any(|other| other.name == name) {
                self.problems
                    .at(&span, format!("another [[notify]] has the name `{name}`: give each its own"));
            }
            let look = Look {
                mention: target.mention,
                channel: target.channel,
                username: target.username,
                icon_emoji: target.icon_emoji,
            };
            if kind != "mattermost" && look != Look::default() {
                self.problems.at(
                    &span,
                    "`mention`, `channel`, `username` and `icon_emoji` belong to kind = \"mattermost\"",
                );
            }
            if let (Some(every), true) = (&target.every, kind != "heartbeat") {
                self.problems.at(&every.span(), "`every` belongs to kind = \"heartbeat\"");
            }
            if let (Some(format), true) = (&target.format, kind != "http") {
                self.problems.at(&format.span(), "`format` belongs to kind = \"http\"");
            }
            let kind = match kind.as_str() {
                "mattermost" => Kind::Mattermost(look),
                "http" => Kind::Http(target.format.as_ref().map_or(Format::Json, |it| self.format(it))),
                "mqtt" => Kind::Mqtt,
                "heartbeat" => Kind::Heartbeat { every: self.heartbeat(target.every) },
                unknown => {
                    let sentence = format!("`kind` cannot be `{unknown}`");
                    let allowed = ["mattermost", "http", "mqtt", "heartbeat"];
                    let text = diagnostics::unknown_word(&sentence, unknown, &allowed);
                    self.problems.at(&target.kind.span(), text);
                    continue;
                }
            };
            if kind == Kind::Mqtt {
                if !has_broker {
                    self.problems
                        .at(&span, "kind = \"mqtt\" needs the section [mqtt], which names the broker");
                }
                if target.url.is_some() || target.url_file.is_some() || target.ca.is_some() {
                    self.problems.at(&span, "`url`, `url_file` and `ca` do not belong to kind = \"mqtt\": [mqtt] names the broker");
                }
                let url = Secret::new("");
                checked.push(Target { name, url, ca: None, kind, urgent_only: target.urgent_only });
                continue;
            }
            let url = match (target.url, target.url_file) {
                (Some(url), None) => Some((url.span(), url.into_inner())),
                (None, Some(file)) => {
                    let url = self.secret_file(&file, |path, state| {
                        format!("nobody is told of alarms by `{name}`, because its url_file {path} {state}: put the URL into it, then reload")
                    });
                    url.map(|url| (file.span(), url))
                }
                _ => {
                    self.problems
                        .at(&span, "a [[notify]] needs a `url`, or a `url_file` that holds it; not both");
                    None
                }
            };
            let Some((span, url)) = url.map(|(span, url)| (span, url.trim().to_owned())) else { continue };
            self.check_url(&span, &url, &kind);
            let ca = target.ca.map(|ca| self.folder.join(ca));
            let urgent_only = target.urgent_only;
            checked.push(Target { name, url: Secret::new(url), ca, kind, urgent_only });
        }
        checked
    }

    /// What can be seen to be wrong with a URL. It is never repeated: whoever knows it may write there.
    fn check_url(&mut self, span: &std::ops::Range<usize>, url: &str, kind: &Kind) {
        let uri = url.parse::<hyper::Uri>().ok().filter(|uri| uri.host().is_some());
        let Some(uri) = uri else {
            self.problems.at(span, "the URL is not one: \"https://chat.example.org/hooks/…\"");
            return;
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            self.problems.at(span, "a user and a password before the host are not sent: leave them out");
        }
        let is_local = uri.host().is_some_and(|host| {
            host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        });
        if uri.scheme_str() != Some("https") && !is_local {
            self.problems
                .at(span, "the URL must begin with https://: whoever reads it on its way could write there");
        }
        if *kind == Kind::Http(Format::Ntfy) && uri.path().trim_matches('/').is_empty() {
            self.problems.at(span, "ntfy's URL ends with the topic, such as https://ntfy.sh/our-kitchen");
        }
        let is_hook = uri.path().split('/').rev().nth(1) == Some("hooks");
        if matches!(kind, Kind::Mattermost(_)) && !is_hook {
            self.problems.at(
                span,
                "an incoming webhook's URL ends with /hooks/ and 26 characters: Integrations, Incoming Webhooks shows it",
            );
        }
    }

    fn format(&mut self, format: &Spanned<String>) -> Format {
        let text = format.get_ref();
        text.parse().unwrap_or_else(|_| {
            let sentence = format!("`format` cannot be `{text}`");
            self.problems.at(&format.span(), diagnostics::unknown_word(&sentence, text, Format::VARIANTS));
            Format::Json
        })
    }

    fn heartbeat(&mut self, every: Option<Spanned<String>>) -> Duration {
        let Some(every) = every else { return USUAL_HEARTBEAT };
        let length =
            every.get_ref().trim().parse().ok().and_then(|length: SignedDuration| length.try_into().ok());
        match length {
            Some(length) if (SHORTEST_HEARTBEAT..=LONGEST_HEARTBEAT).contains(&length) => length,
            _ => {
                self.problems
                    .at(&every.span(), "`every` is a length of time from 30s to 24h, such as \"5min\"");
                USUAL_HEARTBEAT
            }
        }
    }
}
