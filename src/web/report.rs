//! `/fridges/ID/report` and `/fridges/ID/readings.csv`: what can be taken from the page.

use std::fmt::Write;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue};

use super::{Failure, HTML, of_type};
use crate::chat::Chat;
use crate::fridge::Fridge;
use crate::gateway::{Range, Window};
use crate::history::period;
use crate::https::response::WholeResponse;
use crate::report::{Report, html};
use crate::text::page;

/// The report of a time that `?time=` says, as the channel understands it: "yesterday", "last week", "march".
pub async fn page(chat: &Arc<Chat>, fridge: &Fridge, query: &str) -> Result<WholeResponse, Failure> {
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "time");
    let words = asked.map_or_else(|| "yesterday".into(), |(_, value)| value);
    let gateway = chat.gateway();
    let now = gateway.snapshot().local(&gateway.now());
    let Some(period) = period::of(&words, &now) else {
        return Err(Failure::new(StatusCode::BAD_REQUEST, page::NO_TIME));
    };
    if fridge.site.is_some() {
        return Err(Failure::new(StatusCode::NOT_FOUND, page::NO_REPORT));
    }
    let fridge = fridge.clone();
    let read = gateway.look_at_past(move |gateway| {
        let (alarms, deeds) = gateway.records(&period)?;
        gateway.report(&fridge, &period, &alarms, &deeds)
    });
    let report: Report = super::read(read.await)?;
    let sheet = html::Page {
        gateway: gateway.name(),
        zone: now.time_zone(),
        units: gateway.units(),
        now: now.timestamp(),
        is_simulated: gateway.snapshot().is_simulated(),
    };
    Ok(of_type(html::document(&[report], &sheet), HTML))
}

/// The steps of a range as a table for a spreadsheet.
pub async fn csv(chat: &Arc<Chat>, fridge: &Fridge, range: Range) -> Result<WholeResponse, Failure> {
    let gateway = chat.gateway();
    let window = Window::last(range.length(), gateway.now().wall);
    let asked = fridge.clone();
    let points = super::read(gateway.look_at_past(move |gateway| gateway.points(&asked, &window)).await)?;
    let mut table = String::from("time,min,mean,max,readings,faults\n");
    for (at, it) in points {
        let local = gateway.snapshot().local_at(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let number = |degrees: Option<f64>| degrees.map_or_else(String::new, |degrees| degrees.to_string());
        let min = number(it.min().map(|celsius| celsius.degrees()));
        let max = number(it.max().map(|celsius| celsius.degrees()));
        let mean = number(it.mean());
        // Writing to a text cannot fail.
        let _written = writeln!(table, "{local},{min},{mean},{max},{},{}", it.readings, it.faults);
    }
    let mut response = of_type(table, "text/csv; charset=utf-8");
    let name = format!("attachment; filename=\"readings-{}.csv\"", range.name());
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
