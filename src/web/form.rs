//! What a form of the page sends.

use hyper::Request;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, ORIGIN};
use maud::{Markup, html};

use super::Failure;
use crate::auth::Session;
use crate::text::login as words;

/// What tells a form of this session's from one that another site made up.
pub fn csrf(session: &Session) -> Markup {
    html! { input type="hidden" name="csrf_token" value=(session.csrf_token.expose()); }
}

/// The pairs of a form.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The form of a request, sent by a page of this gateway.
    ///
    /// # Errors
    /// Another site made the browser send it, or it is no form.
    pub fn of(request: &Request<Bytes>) -> Result<Form, Failure> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let is_form = header(CONTENT_TYPE.as_str())
            .is_some_and(|it| it.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
        // Every browser of today sends one of these; a program that sends neither is no browser.
        let from_here = match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
            (Some(site), _) => site == "same-origin",
            (None, Some(origin)) => {
                let host = header(HOST.as_str()).unwrap_or_default();
                origin.strip_prefix("https://").is_some_and(|from| from.eq_ignore_ascii_case(host))
            }
            (None, None) => true,
        };
        if !is_form || !from_here {
            return Err(Failure::new(StatusCode::FORBIDDEN, words::NOT_FROM_HERE));
        }
        Ok(Form(form_urlencoded::parse(request.body()).into_owned().collect()))
    }

    /// The session whose page holds this form.
    ///
    /// # Errors
    /// There is none, or the form is none of its pages'.
    pub fn session<'a>(&self, session: Option<&'a Session>) -> Result<&'a Session, Failure> {
        let session = session.ok_or_else(|| Failure::new(StatusCode::FORBIDDEN, words::LOG_IN_FIRST))?;
        match session.csrf_token.matches(&self.text("csrf_token")) {
            true => Ok(session),
            false => Err(Failure::new(StatusCode::FORBIDDEN, words::NOT_FROM_HERE)),
        }
    }

    /// The text of a name; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_site_sends_is_refused() {
        let form = |headers: &[(&str, &str)]| {
            let mut request = Request::post("/login").header("host", "pi:4443");
            request = request.header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            Form::of(&request.body(Bytes::from_static(b"name=a+b&name=c")).unwrap())
                .map(|form| form.text("name"))
        };
        for from_here in [
            &[][..],
            &[("sec-fetch-site", "same-origin")],
            &[("origin", "https://pi:4443")],
            &[("origin", "https://PI:4443")],
        ] {
            assert_eq!(form(from_here).unwrap(), "a b", "{from_here:?}");
        }
        for elsewhere in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example")],
            &[("origin", "http://pi:4443")],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://pi:4443")],
        ] {
            assert_eq!(form(elsewhere).unwrap_err().status, StatusCode::FORBIDDEN, "{elsewhere:?}");
        }
        let json = Request::post("/login").header("content-type", "application/json");
        assert!(Form::of(&json.body(Bytes::from_static(b"{}")).unwrap()).is_err());
    }
}
