//! The way to a target: what makes a message's body, and what carries it.

use hyper::Uri;

use super::client::{self, Answer, Client};
use super::mqtt::Mailbox;
use super::{Context, Error, Format, Kind, Target, alertmanager, http, mattermost, ntfy};
use crate::recorder::Parcel;

/// The way to a target.
pub struct Way {
    /// What the target is.
    pub kind: Kind,
    /// What carries a message there.
    pub carrier: Carrier,
}

/// What carries a message.
pub enum Carrier {
    /// A request to an address; ntfy has a topic besides.
    Web(Client, String),
    /// The broker.
    Broker(Mailbox),
}

/// What became of a message.
pub enum Sent {
    /// The address answered, or did not.
    Web(Result<Answer, client::Error>),
    /// The broker has taken it, or why not.
    Broker(Result<(), String>),
}

impl Way {
    /// The way to an address, or the one through that mailbox.
    ///
    /// # Errors
    /// [`Error`]
    pub fn to(target: &Target, mailbox: Option<Mailbox>) -> Result<Way, Error> {
        let carrier = match target.kind {
            Kind::Mqtt => Carrier::Broker(mailbox.ok_or_else(|| Error::NoBroker(target.name.clone()))?),
            _ => Way::to_address(target)?,
        };
        Ok(Way { kind: target.kind.clone(), carrier })
    }

    fn to_address(target: &Target) -> Result<Carrier, Error> {
        let malformed = || Error::Url(target.name.clone());
        let uri: Uri = target.url.expose().parse().map_err(|_| malformed())?;
        let (uri, topic) = match target.kind {
            Kind::Http(Format::Ntfy) => ntfy::split(&uri).ok_or_else(malformed)?,
            _ => (uri, String::new()),
        };
        let client = Client::new(uri, target.ca.as_deref())
            .map_err(|error| Error::Client { target: target.name.clone(), error })?;
        Ok(Carrier::Web(client, topic))
    }

    /// Sends a message once. It is made anew each time: a late one says that it is late.
    pub async fn send(&self, parcel: &Parcel, context: &Context) -> Sent {
        match &self.carrier {
            Carrier::Web(client, topic) => Sent::Web(client.post(self.body(parcel, topic, context)).await),
            Carrier::Broker(mailbox) => Sent::Broker(mailbox.post(http::payload(parcel, context)).await),
        }
    }

    fn body(&self, parcel: &Parcel, topic: &str, context: &Context) -> Vec<u8> {
        match &self.kind {
            Kind::Mattermost(look) => mattermost::payload(parcel, look, context),
            Kind::Http(Format::Ntfy) => ntfy::payload(parcel, topic, context),
            Kind::Http(Format::Alertmanager) => alertmanager::payload(parcel, context),
            Kind::Http(Format::Json) | Kind::Mqtt | Kind::Heartbeat { .. } => http::payload(parcel, context),
        }
    }
}
