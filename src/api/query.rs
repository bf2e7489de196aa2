//! The parameters of a request: known names, each at most once.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::problem::Problem;

/// A longer one is nobody's.
const MOST_BYTES: usize = 1_024;

/// The pairs of a query.
pub struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// The query whose names are among these.
    ///
    /// # Errors
    /// A problem that says what is wrong with it.
    pub fn of(query: &'a str, names: &[&str]) -> Result<Query<'a>, Problem> {
        if query.len() > MOST_BYTES {
            let detail = format!("the query is longer than {MOST_BYTES} bytes");
            return Err(Problem::new(StatusCode::URI_TOO_LONG, detail));
        }
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes()).collect();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !names.contains(&name.as_ref()) {
                let known = match names {
                    [] => String::from("this path takes no parameters"),
                    names => {
                        format!("this path takes only these parameters: {}", names.join(", "))
                    }
                };
                return Err(Problem::bad(known));
            }
            if pairs[..index].iter().any(|(before, _)| before == name) {
                return Err(Problem::bad(format!("`{name}` is given twice: remove one")));
            }
        }
        Ok(Query(pairs))
    }

    /// The text of a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// A moment, as RFC 3339 writes it.
    ///
    /// # Errors
    /// A problem.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        // In a query, a plus sign is a blank, and people forget to write %2B.
        let moment = text.replace(' ', "+").parse();
        moment.map(Some).map_err(|_| {
            Problem::bad(format!(
                "`{name}` is a moment such as 2026-03-14T09:30:00Z or 2026-03-14T09:30:00+01:00"
            ))
        })
    }

    /// A length of time: "5m", "1h", "1d", or seconds.
    ///
    /// # Errors
    /// A problem.
    pub fn length(&self, name: &str) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let seconds = || text.parse().ok().map(Duration::from_secs);
        // A day has 24 hours here: steps are of one length.
        let days = || Duration::from_secs(86_400).checked_mul(text.strip_suffix('d')?.parse().ok()?);
        let written =
            || text.parse::<SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
        let length = seconds().or_else(days).or_else(written);
        length.map(Some).ok_or_else(|| {
            Problem::bad(format!("`{name}` is a length of time such as 5m, 1h, 1d, or 300 for seconds"))
        })
    }
}
