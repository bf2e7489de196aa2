//! `/fridges`: how they are, the worst first, or one of them.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use hyper::StatusCode;
use jiff::Timestamp;
use ring::digest;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Document, Problem};
use super::query::Query;
use crate::chat::data::FridgeRow;
use crate::chat::{Asker, Chat, Data, Reply, Rights, Severity};
use crate::fridge::Fridge;
use crate::https::response::{WholeResponse, json};
use crate::text::{self, Units};

/// So many bytes of a hash tell one configuration from another.
const SITE_BYTES: usize = 8;

/// How one fridge is, as data and as people read it.
#[derive(Serialize, ToSchema)]
#[schema(as = Fridge)]
pub struct FridgeItem<'a> {
    /// How it is.
    #[serde(flatten)]
    pub row: &'a FridgeRow,
    /// Its verdict in words: "too warm".
    pub state: &'static str,
    /// Its temperature as people read it, or why there is none.
    pub shown: String,
    /// The last good value as people read it, where it is not the present one.
    pub note: Option<String>,
}

impl FridgeItem<'_> {
    /// What does not change by itself from one second to the next. A new reading that says the same is the same.
    pub fn lasting(&self) -> String {
        let row = FridgeRow { age_s: None, lasts_s: None, last_good_age_s: None, ..self.row.clone() };
        format!("{}{}", self.shown, serde_json::to_string(&row).unwrap_or_default())
    }
}

/// How all fridges are.
#[derive(Serialize, ToSchema)]
pub struct Fridges<'a> {
    /// The moment of the answer: ages count from here.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The gateway's name, where it has one.
    gateway: Option<&'a str>,
    /// Whether any of it comes from no real probe.
    simulated: bool,
    /// How bad it is.
    severity: Severity,
    /// The fridges, the worst first.
    fridges: Vec<FridgeItem<'a>>,
}

/// How one fridge is.
#[derive(Serialize, ToSchema)]
pub struct OneFridge<'a> {
    /// The moment of the answer: ages count from here.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether any of it comes from no real probe.
    simulated: bool,
    /// The fridge.
    fridge: FridgeItem<'a>,
}

/// How all fridges are now.
pub fn all(chat: &Chat) -> Arc<Reply> {
    chat.reply("status", &Asker::local(Rights::Read))
}

/// The fridges of a reply.
pub fn rows(reply: &Reply) -> &[FridgeRow] {
    match &reply.data {
        Data::Fridges(rows) => rows,
        _ => &[],
    }
}

/// What differs when the configuration does: a page that shows names and limits of another one has to be loaded again.
pub fn site(chat: &Chat) -> String {
    let gateway = chat.gateway();
    let mut hash = digest::Context::new(&digest::SHA256);
    let simulated = gateway.snapshot().is_simulated();
    hash.update(format!("{:?} {:?} {simulated} ", gateway.name(), gateway.units()).as_bytes());
    hash.update(env!("CARGO_PKG_VERSION").as_bytes());
    for fridge in gateway.fridges() {
        let Fridge { id, name, group, probe, limits, .. } = fridge;
        hash.update(format!("{id:?} {name:?} {group:?} {probe} {limits:?} ").as_bytes());
    }
    HEXLOWER.encode(&hash.finish().as_ref()[..SITE_BYTES])
}

/// The fridges of a reply, as people read them.
pub fn items(reply: &Reply, units: Units) -> impl Iterator<Item = FridgeItem<'_>> {
    rows(reply).iter().map(move |row| item(row, units))
}

/// A fridge, as people read it.
pub fn item(row: &FridgeRow, units: Units) -> FridgeItem<'_> {
    let last_good = row.last_good.zip(row.last_good_age_s);
    FridgeItem {
        row,
        state: text::status::verdict(row.verdict),
        shown: text::reading(&row.reading(), units),
        note: last_good.map(|(celsius, age_s)| text::page::last_good(celsius, age_s, units)),
    }
}

/// How all fridges are, the worst first.
#[utoipa::path(
    get,
    operation_id = "fridges",
    path = "/fridges",
    responses(
        (status = 200, body = Fridges<'_>, description = "The fridges, the worst first"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "There is a parameter that it does not take"),
    )
)]
pub fn list(query: &str, chat: &Chat) -> Result<WholeResponse, Problem> {
    Query::of(query, &[])?;
    let (reply, gateway) = (all(chat), chat.gateway());
    let fridges = Fridges {
        at: reply.at,
        gateway: gateway.name(),
        simulated: reply.simulated,
        severity: reply.severity,
        fridges: items(&reply, gateway.units()).collect(),
    };
    Ok(json(StatusCode::OK, &fridges))
}

/// How one fridge is.
#[utoipa::path(
    get,
    operation_id = "fridge",
    path = "/fridges/{id}",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, body = OneFridge<'_>, description = "The fridge"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "There is a parameter that it does not take"),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no fridge with that id"),
    )
)]
pub fn one(id: &str, query: &str, chat: &Chat) -> Result<WholeResponse, Problem> {
    Query::of(query, &[])?;
    let (id, reply) = (decoded(id), all(chat));
    let row = rows(&reply).iter().find(|row| row.id == id).ok_or_else(Problem::no_such_fridge)?;
    let fridge = item(row, chat.gateway().units());
    Ok(json(StatusCode::OK, &OneFridge { at: reply.at, simulated: reply.simulated, fridge }))
}

/// A part of a path as it was before it was written into one.
pub fn decoded(segment: &str) -> String {
    // Without its meaning in a form, a plus sign is one.
    let pair = format!("={}", segment.replace('+', "%2B"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

/// An id as a part of a path.
pub fn encoded(id: &str) -> String {
    form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_from_a_path_as_it_was() {
        for id in ["milk", "a b", "a+b", "50% off", "käse/brot?#&=", "牛乳", ""] {
            assert_eq!(decoded(&encoded(id)), id);
            assert!(!encoded(id).contains(['/', '?', '#', ' ']), "{id}");
        }
    }
}
