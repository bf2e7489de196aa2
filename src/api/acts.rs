//! What a program can do, with its token: acknowledge an alarm, snooze a fridge, announce a defrost.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alarms::{self, Alarms};
use super::fridges::decoded;
use super::problem::{Document, Problem};
use super::query::Query;
use crate::auth::{Auth, Client, Visitor};
use crate::chat::{Chat, Rights};
use crate::gateway::Wanted;
use crate::https::response::{WholeResponse, json};
use crate::recorder::Act;
use crate::text::login as words;

/// Who takes an alarm on may say why.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// The cause: of a longer one, the first 200 characters are kept.
    cause: Option<String>,
}

/// For how long it is quiet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Length {
    /// A length of time from one minute to a day: "45m", "2h".
    #[schema(pattern = "^([1-9][0-9]{0,2}m|([1-9]|1[0-9]|2[0-4])h)$")]
    length: String,
}

/// Until when it is quiet around a fridge.
#[derive(Serialize, ToSchema)]
pub struct Quiet<'a> {
    /// The moment of the answer.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The fridge's id.
    id: &'a str,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Whether only warmth is expected, as in a defrost; else no alarm of it is told.
    warmth_only: bool,
    /// Who said so.
    by: Option<&'a str>,
}

/// Takes an open alarm on. Answers with the alarms that are open then.
#[utoipa::path(
    post,
    operation_id = "acknowledge",
    path = "/alarms/{number}/acknowledge",
    params(("number" = String, Path, description = "Its number: `41`; of another gateway's alarm with that gateway's name in topics, `north#41`")),
    request_body(content = Acknowledgement, description = "May be left out"),
    security(("token" = [])),
    responses(
        (status = 200, body = Alarms, description = "Alarms, the earliest first"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "That is no JSON, or has other names"),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "No open alarm has that number"),
        (status = 415, body = Document<'_>, content_type = "application/problem+json", description = "The body is no JSON"),
        (status = 503, body = Document<'_>, content_type = "application/problem+json", description = "It could not be recorded"),
    )
)]
pub async fn acknowledge(
    number: &str,
    request: &Request<Bytes>,
    visitor: &Visitor,
    auth: &Auth,
    chat: &Arc<Chat>,
) -> Result<WholeResponse, Problem> {
    let client = acting(visitor)?;
    let Acknowledgement { cause } =
        if request.body().is_empty() { Acknowledgement::default() } else { body(request)? };
    let (snapshot, number) = (chat.gateway().snapshot(), decoded(number));
    let alarm = snapshot.open_alarms().find(|alarm| alarm.is_called(&number));
    let alarm = alarm.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no open alarm has that number: /api/v1/alarms lists them")
    })?;
    act(Wanted::acknowledge([alarm], &cause.unwrap_or_default()), client, auth, chat).await?;
    Ok(alarms::open(chat))
}

/// No alarm of a fridge is told for a while, not even an urgent one.
#[utoipa::path(
    post,
    operation_id = "snooze",
    path = "/fridges/{id}/snooze",
    params(("id" = String, Path, description = "Its id")),
    request_body = Length,
    security(("token" = [])),
    responses(
        (status = 200, body = Quiet<'_>, description = "What holds from now on"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "That is no JSON, has other names, or is no length of time from one minute to a day"),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no fridge with that id"),
        (status = 415, body = Document<'_>, content_type = "application/problem+json", description = "The body is no JSON"),
        (status = 503, body = Document<'_>, content_type = "application/problem+json", description = "It could not be recorded"),
    )
)]
pub async fn snooze(
    id: &str,
    request: &Request<Bytes>,
    visitor: &Visitor,
    auth: &Auth,
    chat: &Arc<Chat>,
) -> Result<WholeResponse, Problem> {
    quiet(id, request, visitor, auth, chat, |fridges, length| Act::Snooze { fridges, length }).await
}

/// Warmth is expected in a fridge for a while: that it is too warm is told only where it is urgent.
#[utoipa::path(
    post,
    operation_id = "defrost",
    path = "/fridges/{id}/defrost",
    params(("id" = String, Path, description = "Its id")),
    request_body = Length,
    security(("token" = [])),
    responses(
        (status = 200, body = Quiet<'_>, description = "What holds from now on"),
        (status = 400, body = Document<'_>, content_type = "application/problem+json", description = "That is no JSON, has other names, or is no length of time from one minute to a day"),
        (status = 404, body = Document<'_>, content_type = "application/problem+json", description = "There is no fridge with that id"),
        (status = 415, body = Document<'_>, content_type = "application/problem+json", description = "The body is no JSON"),
        (status = 503, body = Document<'_>, content_type = "application/problem+json", description = "It could not be recorded"),
    )
)]
pub async fn defrost(
    id: &str,
    request: &Request<Bytes>,
    visitor: &Visitor,
    auth: &Auth,
    chat: &Arc<Chat>,
) -> Result<WholeResponse, Problem> {
    quiet(id, request, visitor, auth, chat, |fridges, length| Act::Defrost { fridges, length }).await
}

async fn quiet(
    id: &str,
    request: &Request<Bytes>,
    visitor: &Visitor,
    auth: &Auth,
    chat: &Arc<Chat>,
    act_of: impl Fn(Vec<String>, Duration) -> Act,
) -> Result<WholeResponse, Problem> {
    let client = acting(visitor)?;
    let id = decoded(id);
    let fridge = chat.gateway().fridges().iter().find(|fridge| fridge.id == id);
    let fridge = fridge.ok_or_else(Problem::no_such_fridge)?;
    let Length { length } = body(request)?;
    let length = length.parse::<SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
    let length = length
        .filter(|length| Act::LENGTHS.contains(length))
        .ok_or_else(|| Problem::bad("`length` is a length of time from 1m to 24h, such as 45m or 2h"))?;
    let wanted = Wanted::about([fridge], |fridges| act_of(fridges, length));
    let warmth_only = wanted.iter().any(|wanted| matches!(wanted.act, Act::Defrost { .. }));
    act(wanted, client, auth, chat).await?;
    let (at, snapshot) = (chat.gateway().now().wall, chat.gateway().snapshot());
    let body = match snapshot.quiet.get(&id) {
        Some(quiet) => {
            let by = quiet.by.as_deref();
            Quiet { at, id: &id, until: quiet.until, warmth_only: quiet.warmth_only, by }
        }
        // What is quiet on another gateway is known there.
        None if fridge.site.is_some() => {
            let until = at.checked_add(length).unwrap_or(at);
            Quiet { at, id: &id, until, warmth_only, by: Some(&client.name) }
        }
        None => return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, NOT_SEEN)),
    };
    Ok(json(StatusCode::OK, &body))
}

/// The configuration was read again meanwhile, and has no such fridge.
const NOT_SEEN: &str = "this was done, and is over by now";

/// The program that may do it.
fn acting(visitor: &Visitor) -> Result<&Client, Problem> {
    let client =
        visitor.client.as_ref().ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, words::TOKEN_NEEDED))?;
    match client.rights {
        Rights::Act => Ok(client),
        Rights::Read => Err(Problem::new(StatusCode::FORBIDDEN, words::CLIENT_MAY_ONLY_LOOK)),
    }
}

fn body<'a, T: Deserialize<'a>>(request: &'a Request<Bytes>) -> Result<T, Problem> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let detail = "the body is JSON: send it with `Content-Type: application/json`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    Query::of(request.uri().query().unwrap_or_default(), &[])?;
    // A derived `Deserialize` would take an array of the fields in their order, too.
    if request.body().trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::bad("the body must be a JSON object"));
    }
    serde_json::from_slice(request.body())
        .map_err(|error| Problem::bad(format!("the body cannot be read: {error}")))
}

/// Has it done, unless that is too much at once. This is where it is counted, because a request with a mistake in it is no act.
async fn act(acts: Vec<Wanted>, client: &Client, auth: &Auth, chat: &Arc<Chat>) -> Result<(), Problem> {
    let taken = auth.take_act(&client.name, chat.gateway().now().mono);
    taken.map_err(|wait| Problem::new(StatusCode::TOO_MANY_REQUESTS, words::too_many_acts(wait)))?;
    let done = chat.act(acts, &client.name).await;
    done.map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error))
}
