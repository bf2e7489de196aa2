//! What somebody who is logged in can do on the page: acknowledge an alarm, snooze a fridge, announce a defrost.

use std::time::Duration;

use hyper::StatusCode;
use jiff::SignedDuration;
use maud::{Markup, html};

use super::form::{Form, csrf};
use super::{Failure, Visit, see_other};
use crate::alarm::Alarm;
use crate::api::{decoded, encoded};
use crate::auth::Session;
use crate::chat::Rights;
use crate::fridge::Fridge;
use crate::gateway::Wanted;
use crate::https::response::WholeResponse;
use crate::recorder::Act;
use crate::text::{login as words, page};

/// Takes an open alarm on.
pub async fn acknowledge(form: &Form, visit: &Visit<'_>, number: &str) -> Result<WholeResponse, Failure> {
    let session = acting(form, visit)?;
    let (snapshot, number) = (visit.chat.gateway().snapshot(), decoded(number));
    let Some(alarm) = snapshot.open_alarms().find(|alarm| alarm.is_called(&number)) else {
        return Err(Failure::new(StatusCode::NOT_FOUND, page::NOT_OPEN));
    };
    act(Wanted::acknowledge([alarm], &form.text("cause")), session, visit, "/alarms").await
}

/// Nobody wants to hear of a fridge for a while.
pub async fn snooze(form: &Form, visit: &Visit<'_>, fridge: &Fridge) -> Result<WholeResponse, Failure> {
    let session = acting(form, visit)?;
    let length = length(form)?;
    act(Wanted::about([fridge], |fridges| Act::Snooze { fridges, length }), session, visit, &path(fridge))
        .await
}

/// Warmth is expected in a fridge for a while.
pub async fn defrost(form: &Form, visit: &Visit<'_>, fridge: &Fridge) -> Result<WholeResponse, Failure> {
    let session = acting(form, visit)?;
    let length = length(form)?;
    act(Wanted::about([fridge], |fridges| Act::Defrost { fridges, length }), session, visit, &path(fridge))
        .await
}

/// The form that acknowledges an alarm, for who may.
pub fn acknowledging(visit: &Visit<'_>, alarm: &Alarm) -> Option<Markup> {
    let session = visit.acting()?;
    let (reference, path) = (alarm.reference(), encoded(alarm.reference().trim_start_matches('#')));
    let cause = format!("{} ({reference})", page::CAUSE);
    Some(html! {
        form.act method="post" action={ "/alarms/" (path) "/acknowledge" } {
            (csrf(session))
            input name="cause" maxlength=(Act::LONGEST_CAUSE) placeholder=(page::CAUSE) aria-label=(cause);
            button { (page::ACKNOWLEDGE_IT) " " (reference) }
        }
    })
}

/// The forms that make it quiet around a fridge, for who may.
pub fn quieting(visit: &Visit<'_>, fridge: &Fridge) -> Option<Markup> {
    let session = visit.acting()?;
    let form = |act: &str, label: &str, lengths: &[(&str, &str)]| {
        html! {
            form.act method="post" action={ (path(fridge)) "/" (act) } {
                (csrf(session))
                label {
                    (page::LENGTH) " "
                    select name="length" {
                        @for (value, shown) in lengths { option value=(value) { (shown) } }
                    }
                }
                button { (label) }
            }
        }
    };
    Some(html! {
        h2 { (page::ACTS) }
        div.acts {
            (form("snooze", page::SNOOZE, &page::SNOOZES))
            (form("defrost", page::DEFROST_IT, &page::DEFROSTS))
        }
    })
}

fn path(fridge: &Fridge) -> String {
    format!("/fridges/{}", encoded(&fridge.id))
}

/// Who sent a form and may act.
fn acting<'a>(form: &Form, visit: &'a Visit<'_>) -> Result<&'a Session, Failure> {
    let session = form.session(visit.session.as_ref())?;
    match session.rights {
        Rights::Act => Ok(session),
        Rights::Read => Err(Failure::new(StatusCode::FORBIDDEN, words::MAY_ONLY_LOOK)),
    }
}

fn length(form: &Form) -> Result<Duration, Failure> {
    let length = form.text("length").parse::<SignedDuration>().ok();
    let length = length.and_then(|length| Duration::try_from(length).ok());
    let length = length.filter(|length| Act::LENGTHS.contains(length));
    length.ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, page::NO_LENGTH))
}

/// Has it done, and shows what came of it.
async fn act(
    acts: Vec<Wanted>,
    session: &Session,
    visit: &Visit<'_>,
    next: &str,
) -> Result<WholeResponse, Failure> {
    match visit.chat.act(acts, &session.user).await {
        Ok(()) => Ok(see_other(next)),
        Err(error) => Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, error)),
    }
}
