//! `[mqtt]`: the broker to which everything is published.

use std::net::IpAddr;

use hyper::Uri;
use toml::Spanned;

use super::{Check, schema};
use crate::fridge::Fridge;
use crate::host;
use crate::https::tls::Files;
use crate::mqtt::topic::LONGEST_GATEWAY;
use crate::mqtt::{Broker, Tls};
use crate::notify::mqtt::{Config, HOME_ASSISTANT, Topics};
use crate::secret::Secret;

/// The usual ports, with TLS and without.
const SECURE_PORT: u16 = 8883;
const PLAIN_PORT: u16 = 1883;
/// What a gateway without any name is called.
const NAMELESS: &str = "fridge";

impl Check<'_> {
    /// The broker; `name` is what people call the gateway.
    pub(super) fn mqtt(&mut self, mqtt: Spanned<schema::Mqtt>, name: Option<&str>) -> Option<Config> {
        let (span, mqtt) = (mqtt.span(), mqtt.into_inner());
        let password = match (mqtt.password, mqtt.password_file) {
            (Some(password), None) => Some(password.into_inner()),
            (None, Some(file)) => self.secret_file(&file, |path, state| {
                format!("the broker will refuse the connection, because its password_file {path} {state}: put the password into it, then reload")
            }),
            (None, None) => None,
            (Some(_), Some(file)) => {
                self.problems.at(&file.span(), "`password` and `password_file` exclude each other: remove one");
                None
            }
        };
        if password.is_some() && mqtt.user.is_none() {
            self.problems.at(&span, "a password needs a `user`");
        }
        let password = password.map(|password| Secret::new(password.trim()));
        let (gateway, discovery) = (self.gateway(mqtt.gateway, name), self.discovery(mqtt.discovery));
        let identity = match (mqtt.certificate, mqtt.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Files {
                certificate: self.folder.join(certificate.into_inner()),
                key: self.folder.join(key.into_inner()),
            }),
            (Some(one), None) | (None, Some(one)) => {
                self.problems.at(
                    &one.span(),
                    "`certificate` and `key` are needed together (the same file, if that holds both)",
                );
                None
            }
        };
        let (is_secure, host, port) = self.broker(&mqtt.broker)?;
        let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if !is_secure && (mqtt.ca.is_some() || identity.is_some()) {
            self.problems.at(
                &mqtt.broker.span(),
                "`ca`, `certificate` and `key` need TLS: write mqtts:// in place of mqtt://",
            );
        } else if !is_secure && !is_local {
            self.warnings.push(String::from(
                "`broker` in [mqtt] uses no TLS: anyone on the network can read and forge what is published, and read the password; mqtts:// prevents that",
            ));
        }
        let tls = is_secure.then(|| Tls { ca: mqtt.ca.map(|ca| self.folder.join(ca)), identity });
        let broker = Broker { host, port, tls, user: mqtt.user, password };
        Some(Config {
            broker,
            topics: Topics::new(&gateway, discovery),
            watches_neighbours: mqtt.neighbours,
            acts_from: self.acts_from(mqtt.acts_from, &gateway),
        })
    }

    /// Whether it is with TLS, the host, and the port.
    fn broker(&mut self, broker: &Spanned<String>) -> Option<(bool, String, u16)> {
        // Why it cannot be parsed would not help: the message shows what is wanted.
        let uri = broker.get_ref().parse::<Uri>().unwrap_or_default();
        let (is_secure, usual_port) = match uri.scheme_str() {
            Some("mqtts") => (true, SECURE_PORT),
            Some("mqtt") => (false, PLAIN_PORT),
            _ => (false, 0),
        };
        let has_login = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let is_bare = ["", "/"].contains(&uri.path()) && uri.query().is_none();
        match uri.host().map(|host| host.trim_matches(['[', ']'])) {
            _ if has_login => {
                self.problems.at(&broker.span(), "put the user into `user` and the password into `password` or `password_file`, not into the address");
            }
            Some(host) if usual_port != 0 && is_bare && !host.is_empty() => {
                return Some((is_secure, host.to_owned(), uri.port_u16().unwrap_or(usual_port)));
            }
            _ => self.problems.at(
                &broker.span(),
                "`broker` is the address of an MQTT broker: \"mqtts://broker.example.org:8883\", or mqtt:// without TLS",
            ),
        }
        None
    }

    /// The gateway's name in topics: its own, that of the gateway, or that of the computer.
    fn gateway(&mut self, gateway: Option<Spanned<String>>, name: Option<&str>) -> String {
        let Some(gateway) = gateway else {
            let computer = || host::names().into_iter().next();
            let name = name.map(str::to_owned).or_else(computer).unwrap_or_default();
            let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
            let plain: String = Fridge::id_of(&name).chars().filter(is_plain).take(LONGEST_GATEWAY).collect();
            return if plain.is_empty() { NAMELESS.to_owned() } else { plain };
        };
        let text = gateway.get_ref();
        if !is_gateway(text) {
            self.problems.at(
                &gateway.span(),
                format!("`gateway` is a name in topics: 1 to {LONGEST_GATEWAY} lower-case letters, digits and hyphens, such as \"kitchen\""),
            );
        }
        gateway.into_inner()
    }

    /// The gateways through which people may have something done here, each by its name in topics.
    fn acts_from(&mut self, acts_from: Option<Vec<Spanned<String>>>, own: &str) -> Vec<String> {
        let acts_from = acts_from.unwrap_or_default();
        for gateway in &acts_from {
            let name = gateway.get_ref();
            if name == own {
                self.problems
                    .at(&gateway.span(), format!("`{own}` is this gateway itself: `acts_from` lists others"));
            } else if !is_gateway(name) {
                self.problems.at(
                    &gateway.span(),
                    format!("`{name}` is not the name of a gateway in topics: write its `gateway`, such as \"head-office\""),
                );
            }
        }
        acts_from.into_iter().map(Spanned::into_inner).collect()
    }

    /// Below which topic Home Assistant looks; nothing where it is told nothing.
    fn discovery(&mut self, discovery: Option<Spanned<String>>) -> Option<String> {
        let Some(discovery) = discovery else { return Some(HOME_ASSISTANT.to_owned()) };
        let text = discovery.get_ref();
        if text.contains(['+', '#', '$'])
            || text.starts_with('/')
            || text.ends_with('/')
            || text.chars().any(char::is_control)
        {
            self.problems.at(
                &discovery.span(),
                "`discovery` is the topic below which Home Assistant looks, such as \"homeassistant\"; \"\" for none",
            );
        }
        (!text.is_empty()).then(|| text.clone())
    }
}

/// Whether that can be the name of a gateway in topics.
fn is_gateway(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= LONGEST_GATEWAY && text.bytes().all(is_plain)
}
