//! `/fridges/ID/readings`: a time in equal steps, each with its lowest, mean and highest reading, so that no time outside
//! the limits can vanish between two of them.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::fridges::decoded;
use super::problem::{Document, Problem};
use super::query::Query;
use crate::chat::Chat;
use crate::gateway::Window;
use crate::https::response::{WholeResponse, json};
use crate::reading::Celsius;
use crate::store::block::BLOCK_SECONDS;
use crate::store::block_of;
use crate::store::bucket::Aggregate;

/// So many steps an answer has at most.
const MOST_POINTS: i64 = 2_000;
/// Nobody asks about a longer time: ten years, and a little.
const LONGEST: Duration = Duration::from_secs(3_700 * 86_400);

/// A period of a fridge in equal steps.
#[derive(Serialize, ToSchema)]
pub struct Readings<'a> {
    /// The fridge's id.
    id: &'a str,
    /// What people call it.
    name: &'a str,
    /// The beginning of the period.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Its end, which does not belong to it.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// The length of a step in seconds.
    step_s: i64,
    /// Whether any of it comes from no real probe.
    simulated: bool,
    /// The steps in which anything was read, the earliest first.
    points: Vec<Point>,
}

/// What one step comes to.
#[derive(Serialize, ToSchema)]
pub struct Point {
    /// Its beginning.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The lowest reading in °C; `null` where there were faults only.
    min: Option<Celsius>,
    /// The mean of the readings in °C.
    mean: Option<f64>,
    /// The highest reading in °C.
    max: Option<Celsius>,
    /// How many readings there were.
    readings: u32,
    /// How often there was a fault in place of one.
    faults: u32,
}

/// A period of a fridge in equal steps, each with its lowest, mean and highest reading.
#[utoipa::path(
    get,
    operation_id = "readings",
    path = "/fridges/{id}/readings",
    params(
        ("id" = String, Path, description = "Its id"),
        ("from" = Option<String>, Query, format = DateTime, description = "The beginning of the period; a day before its end if left out"),
        ("to" = Option<String>, Query, format = DateTime, description = "The end of the period; now if left out"),
        ("step" = Option<String>, Query, description = "The length of a step, a multiple of five minutes: 5m, 1h, 1d, or a number of seconds; if left out, the shortest with which there are at most 288"),
    ),
    responses(
        (status = 200, body = Readings<'_>, description = "The steps that have readings or faults"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "That is no period, or one of too many steps"),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no fridge with that id"),
        (status = 414, body = Document<'_>, content_type = "application/problem+json", description = "The query is too long"),
        (status = 503, body = Document<'_>, content_type = "application/problem+json", description = "The disk does not answer, or several questions about the past are under way"),
    )
)]
pub async fn answer(id: &str, query: &str, chat: &Arc<Chat>) -> Result<WholeResponse, Problem> {
    let query = Query::of(query, &["from", "to", "step"])?;
    let now = chat.gateway().now().wall;
    let window = asked(&query, now)?;
    let id = decoded(id);
    let fridge = chat.gateway().fridges().iter().find(|fridge| fridge.id == id).cloned();
    let fridge = fridge.ok_or_else(Problem::no_such_fridge)?;
    let name = fridge.name.clone();
    let read = chat.gateway().look_at_past(move |gateway| gateway.points(&fridge, &window)).await;
    let points = read?.map_err(|_| Problem::unreadable())?;
    let item = |(at, aggregate): (Timestamp, Aggregate)| Point {
        at,
        min: aggregate.min(),
        mean: aggregate.mean(),
        max: aggregate.max(),
        readings: aggregate.readings,
        faults: aggregate.faults,
    };
    let readings = Readings {
        id: &id,
        name: &name,
        from: window.from,
        to: window.to,
        step_s: window.step_s,
        simulated: chat.gateway().snapshot().is_simulated(),
        points: points.into_iter().map(item).collect(),
    };
    Ok(json(StatusCode::OK, &readings))
}

/// The time that is asked for; the last 24 hours where nothing is said.
fn asked(query: &Query<'_>, now: Timestamp) -> Result<Window, Problem> {
    let usual = Window::last(Duration::from_secs(86_400), now);
    let to = query.moment("to")?.unwrap_or(usual.to);
    let day_before = to.checked_sub(Duration::from_secs(86_400)).unwrap_or(Timestamp::MIN);
    let from = query.moment("from")?.unwrap_or(day_before);
    if from >= to {
        return Err(Problem::bad("`from` is not before `to`"));
    }
    // What five minutes come to is one: a time begins and ends with them.
    let moment = |second| Timestamp::from_second(second).unwrap_or(now);
    let from = moment(block_of(from.as_second()));
    let to = moment(block_of(to.as_second() + BLOCK_SECONDS - 1));
    let length = to.as_second() - from.as_second();
    if length.unsigned_abs() > LONGEST.as_secs() {
        return Err(Problem::bad("that time is longer than ten years"));
    }
    let step_s = match query.length("step")? {
        None => Window::usual_step(length),
        Some(step) => i64::try_from(step.as_secs()).unwrap_or(i64::MAX),
    };
    if step_s < BLOCK_SECONDS || step_s % BLOCK_SECONDS != 0 {
        return Err(Problem::bad("`step` is a multiple of five minutes, such as 5m, 15m or 1h"));
    }
    if length.div_euclid(step_s) > MOST_POINTS {
        let detail =
            format!("that time has more than {MOST_POINTS} steps: ask for a longer `step` or a shorter time");
        return Err(Problem::bad(detail));
    }
    Ok(Window { from, to, step_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_sense_is_told_and_any_other_has_few_steps() {
        let now: Timestamp = "2026-03-14T09:31:17Z".parse().unwrap();
        let of = |query: &str| asked(&Query::of(query, &["from", "to", "step"]).unwrap(), now);
        for bad in [
            "from=yesterday",
            "from=2026-03-15T00:00:00Z",
            "from=2026-03-14T00:00:00Z&to=2026-03-14T00:00:00Z",
            "step=1",
            "step=7m",
            "step=-5m",
            "step=",
            "step=99999999999999999999",
            "from=2026-01-01T00:00:00Z&step=5m",
            "from=1900-01-01T00:00:00Z",
        ] {
            assert_eq!(of(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
        let plus = of("from=2026-03-14T00:00:00+01:00").unwrap();
        assert_eq!(plus.from.to_string(), "2026-03-13T23:00:00Z");
        for fine in
            ["", "step=1h", "from=2026-01-01T00:00:00Z", "from=2017-01-01T00:00:00Z&step=30d", "step=300"]
        {
            let Window { from, to, step_s } = of(fine).unwrap();
            assert!((to.as_second() - from.as_second()) / step_s <= MOST_POINTS, "{fine}");
        }
    }
}
