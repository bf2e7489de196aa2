//! What is said to who logs in on the page, and to who acts there or by the API.

use std::time::Duration;

use super::duration;

/// The way in.
pub const LOG_IN: &str = "Log in";
/// The way out.
pub const LOG_OUT: &str = "Log out";
/// Who logs in.
pub const NAME: &str = "Name";
/// What they prove it with.
pub const PASSWORD: &str = "Password";
/// Which of the two is wrong is not said.
pub const WRONG: &str = "Wrong name or password.";
/// Others are being looked at.
pub const BUSY: &str = "Too many people are logging in at this moment. Try again.";
/// Nobody can log in.
pub const NO_USERS: &str =
    "Nobody can log in yet, because there is no user. `sudo fridge user add NAME` on the gateway makes one.";
/// A form that another site sent, or that was opened before the last login.
pub const NOT_FROM_HERE: &str =
    "This form is out of date, or another web site sent it. Open the page again, and try once more.";
/// Who is not logged in cannot do that.
pub const LOG_IN_FIRST: &str = "Log in first: your session may have ended.";
/// Who is logged in may only look.
pub const MAY_ONLY_LOOK: &str =
    "You can look, but not act: `may_act` of your [[user]] in the gateway's configuration is false.";
/// Whoever may look has to be known.
pub const UNKNOWN: &str =
    "looking needs a login on the page, or the token of a [[client]] in the header Authorization: Bearer …";
/// A token that is nobody's.
pub const WRONG_TOKEN: &str = "no [[client]] in the gateway's configuration has that token";
/// An act by the API needs one.
pub const TOKEN_NEEDED: &str =
    "this needs the token of a [[client]] of the gateway's configuration: Authorization: Bearer …";
/// A program that may only look.
pub const CLIENT_MAY_ONLY_LOOK: &str =
    "this client can look, but not act: `may_act` of its [[client]] in the gateway's configuration is false";
/// What a wrong try is counted as.
pub const WRONG_REASON: &str = "wrong password";
/// What somebody did, for the administrator.
pub const WRONG_EXPLANATION: &str = "somebody tried to log in on the page with a wrong name or password";
/// The same, where it happens too often.
pub const TOO_MANY_EXPLANATION: &str = "somebody tried so many wrong passwords on the page that every password from there is refused for a while";

/// Somebody has done too much at once.
pub fn too_many_acts(wait: Duration) -> String {
    format!("That is too much at once. Try again in {}.", duration(wait.max(Duration::from_secs(1))))
}

/// There were too many wrong tries.
pub fn too_many(wait: Duration) -> String {
    format!("Too many wrong passwords. Try again in {}.", duration(wait.max(Duration::from_secs(1))))
}
