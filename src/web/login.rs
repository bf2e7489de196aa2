//! `/login` and `/logout`: the only page before a session, and its end.

use std::net::IpAddr;

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use maud::{Markup, html};

use super::form::Form;
use super::layout::{Page, Place, Refresh};
use super::{HTML, Visit, of_type, see_other};
use crate::auth::{Auth, LoginError, cookie_of, no_cookie};
use crate::https::response::{Explanation, WholeResponse, explained};
use crate::text::{login as words, page};

/// The form, and what was wrong with the last try.
pub fn page(visit: &Visit<'_>, next: &str, wrong: Option<&str>) -> Markup {
    let content = html! {
        h1 { (words::LOG_IN) }
        @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
        @if visit.has_users {
            form.login method="post" action="/login" {
                input type="hidden" name="next" value=(next);
                label { (words::NAME) input name="name" autocomplete="username" autocapitalize="none" required autofocus; }
                label { (words::PASSWORD) input name="password" type="password" autocomplete="current-password" required; }
                button { (words::LOG_IN) }
            }
        } @else { p { (super::sentence(words::NO_USERS)) } }
        p { a href="/" { (page::BACK) } }
    };
    let page =
        Page { visit, title: words::LOG_IN, place: Place::Login, is_wall: false, refresh: Refresh::Never };
    page.document(&content)
}

/// Begins a session.
pub async fn log_in(form: &Form, visit: &Visit<'_>, auth: &Auth, peer: IpAddr) -> WholeResponse {
    let (name, password, next) =
        (form.text("name"), form.text("password"), local(&form.text("next")).to_owned());
    let error = match auth.log_in(&name, &password, peer, visit.chat.gateway().now().mono).await {
        Ok(id) => {
            let mut response = see_other(&next);
            set_cookie(&mut response, &cookie_of(&id));
            return response;
        }
        Err(error) => error,
    };
    let (status, sentence, explanation) = match error {
        LoginError::Wrong => (StatusCode::FORBIDDEN, words::WRONG.to_owned(), words::WRONG_EXPLANATION),
        LoginError::TooMany(wait) => {
            (StatusCode::TOO_MANY_REQUESTS, words::too_many(wait), words::TOO_MANY_EXPLANATION)
        }
        LoginError::Busy => (StatusCode::SERVICE_UNAVAILABLE, words::BUSY.to_owned(), words::BUSY),
    };
    let mut response = of_type(page(visit, &next, Some(&sentence)).into_string(), HTML);
    *response.status_mut() = status;
    if let LoginError::TooMany(wait) = error {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    let reason = words::WRONG_REASON;
    explained(response, Explanation { reason, explanation: explanation.to_owned() })
}

/// Ends the session.
pub fn log_out() -> WholeResponse {
    let mut response = see_other("/");
    set_cookie(&mut response, &no_cookie());
    response
}

/// Who is not known logs in first, and comes back.
pub fn first(here: &str) -> WholeResponse {
    let next: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
    see_other(&format!("/login?next={next}"))
}

/// Where one goes from here: a path of this gateway, and nothing that a browser could take for another site.
pub fn local(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if is_local { path } else { "/" }
}

fn set_cookie(response: &mut WholeResponse, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_login_nobody_is_sent_away() {
        for path in ["/", "/fridges/milk?range=7d", "/fridges/k%C3%A4se"] {
            assert_eq!(local(path), path);
        }
        for path in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "/a b", "/\u{e9}", "/\r\na"]
        {
            assert_eq!(local(path), "/", "{path}");
        }
    }
}
