//! Why a request is rejected, and how that is explained to its sender and to the administrator.

use std::net::IpAddr;

use hyper::StatusCode;

use crate::text;

/// How many of a wrong token's characters are kept, and how long it must be for that: of a shorter one
/// they would say too much.
const TOKEN_TAIL: usize = 4;
const TOKEN_LENGTH: usize = 16;

/// Why a request was rejected, or got no answer to what it meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Neither form nor JSON.
    ContentType,
    /// Broken, and how.
    Malformed(String),
    /// There is no hook in the configuration.
    NoTokenConfigured,
    /// No hook has that token.
    WrongToken {
        /// Its last characters, where it is long enough.
        tail: Option<String>,
    },
    /// The caller's address is not in `allow`.
    NotAllowed(IpAddr),
    /// A button whose context does not hold.
    Button(&'static str),
    /// The address of a picture that is not signed by this gateway.
    ForeignPicture,
    /// One that was, more than a week ago.
    ExpiredPicture,
    /// Answered 200, but the command was unknown.
    UnknownWord,
    /// Answered 200 with the path on which it belongs.
    Elsewhere(Elsewhere),
}

/// What is asked on the other's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// A slash command, on `/webhook`.
    CommandOnWebhook,
    /// An outgoing webhook, on `/command`.
    WebhookOnCommand,
}

impl Rejection {
    /// The rejection of a token.
    pub fn wrong_token(token: &str) -> Rejection {
        let letters: Vec<char> = token.chars().collect();
        let printable = letters.iter().all(char::is_ascii_graphic);
        let tail = (printable && letters.len() >= TOKEN_LENGTH)
            .then(|| letters[letters.len() - TOKEN_TAIL..].iter().collect());
        Rejection::WrongToken { tail }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Rejection::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Rejection::Malformed(_) => StatusCode::BAD_REQUEST,
            Rejection::NoTokenConfigured => StatusCode::SERVICE_UNAVAILABLE,
            Rejection::WrongToken { .. } => StatusCode::UNAUTHORIZED,
            Rejection::NotAllowed(_) | Rejection::ForeignPicture => StatusCode::FORBIDDEN,
            Rejection::ExpiredPicture => StatusCode::GONE,
            // These are answered in words, with 200.
            Rejection::Button(_) | Rejection::UnknownWord | Rejection::Elsewhere(_) => StatusCode::OK,
        }
    }

    /// The reason in two words, by which rejections are counted.
    pub fn reason(&self) -> &'static str {
        match self {
            Rejection::ContentType => "content type",
            Rejection::Malformed(_) => "malformed",
            Rejection::NoTokenConfigured => "no token configured",
            Rejection::WrongToken { .. } => "wrong token",
            Rejection::NotAllowed(_) => "address not allowed",
            Rejection::Button(_) => "button",
            Rejection::ForeignPicture => "foreign picture",
            Rejection::ExpiredPicture => "expired picture",
            Rejection::UnknownWord => "not understood",
            Rejection::Elsewhere(_) => "exchanged URL",
        }
    }

    /// The explanation for the caller: the reason and what to do.
    pub fn cure(&self) -> String {
        match self {
            Rejection::ContentType => {
                "the content type must be application/x-www-form-urlencoded or application/json".into()
            }
            Rejection::Malformed(how) => how.clone(),
            Rejection::NoTokenConfigured => {
                "no token is configured: put the one that Mattermost shows into a [[hook]] of the configuration".into()
            }
            Rejection::WrongToken { .. } => {
                "the token belongs to no configured hook: copy the one that Mattermost shows into the configuration".into()
            }
            Rejection::NotAllowed(_) => "this address may not ask: the configuration's `allow` names those that may".into(),
            Rejection::Button(why) => (*why).into(),
            Rejection::ForeignPicture => "this is not the address of a chart of this gateway: `fridge chart` makes one".into(),
            Rejection::ExpiredPicture => "the address of a chart works for a week: ask for it again with `fridge chart`".into(),
            Rejection::Elsewhere(what) => text::elsewhere(*what == Elsewhere::CommandOnWebhook).into(),
            Rejection::UnknownWord => "no such command, fridge or time: the answer said which".into(),
        }
    }

    /// The explanation for the administrator alone.
    pub fn explanation(&self) -> String {
        match self {
            Rejection::WrongToken { tail: Some(tail) } => {
                format!(
                    "a token that ends in {tail}, which belongs to no configured hook: it was regenerated in Mattermost, or is another hook's"
                )
            }
            Rejection::WrongToken { tail: None } => String::from(
                "no token, or one too short to be Mattermost's: the caller is not Mattermost, or something between removed it",
            ),
            Rejection::NotAllowed(address) => {
                format!(
                    "{address} is not in `allow`: add it there if it is the chat server's (\"{address}/{}\")",
                    if address.is_ipv4() { 32 } else { 128 }
                )
            }
            other => other.cure(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_wrong_token_only_the_end_is_kept_and_of_a_short_one_nothing() {
        let tail = |token: &str| match Rejection::wrong_token(token) {
            Rejection::WrongToken { tail } => tail,
            _ => None,
        };
        assert_eq!(tail("i8ge9icprrz8ppjsg7ncawuf8a").as_deref(), Some("uf8a"));
        assert_eq!(tail("hunter2"), None);
        assert_eq!(tail("a token with spaces in it"), None);
        assert_eq!(tail(""), None);
    }
}
