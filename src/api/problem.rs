//! What was wrong with a request, as RFC 9457 has it: `application/problem+json`.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateway::Unread;
use crate::https::response::{Explanation, WholeResponse, explained, json};
use crate::text::past;

/// What was wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// What was wrong, and the cure.
    pub detail: Cow<'static, str>,
    /// The methods that the path takes, where that was wrong.
    allowed: Option<&'static str>,
}

/// What was wrong with a request (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document<'a> {
    /// What kind of problem it is: its status says it.
    r#type: &'a str,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What was wrong, and the cure.
    detail: &'a str,
}

impl Problem {
    /// A problem of that status.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem { status, detail: detail.into(), allowed: None }
    }

    /// The request is not as it should be.
    pub fn bad(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The path takes other methods.
    pub fn method_not_allowed(allowed: &'static str) -> Problem {
        let detail = format!("this path takes {allowed} only");
        Problem { allowed: Some(allowed), ..Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail) }
    }

    /// There is no fridge of that id.
    pub fn no_such_fridge() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "there is no fridge with that id: /api/v1/fridges lists them")
    }

    /// The past cannot be read. Why is for the owner, in the log and by `fridge doctor`: it names files.
    pub fn unreadable() -> Problem {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "what was measured cannot be read from the disk: `fridge doctor` says why",
        )
    }

    /// The response that says so.
    pub fn response(&self) -> WholeResponse {
        let Problem { status, detail, allowed } = self;
        let title = status.canonical_reason().unwrap_or_default();
        let document = Document { r#type: "about:blank", title, status: status.as_u16(), detail };
        let mut response = json(*status, &document);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(allowed) = allowed {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        if *status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fridge\""));
        }
        explained(response, Explanation::of_status(*status, detail.as_ref()))
    }
}

impl From<Unread> for Problem {
    fn from(why: Unread) -> Problem {
        let detail = match why {
            Unread::Busy => past::BUSY,
            Unread::Slow => past::SLOW,
        };
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}
