//! The token of a button: its context comes back without a token, and whoever reaches the
//! port could send one. So it carries a signature over all that it says, which only this gateway can
//! make.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::alarm::Alarm;
use crate::atomic_file::{self, Unfinished};
use crate::chat::Picture;
use crate::regular_file;
use crate::secret::Secret;

const KEY_LENGTH: usize = 32;
/// Bytes of what stands for a hook.
const MARK_LENGTH: usize = 12;
/// A button works for this long.
const VALID_FOR: Duration = Duration::from_secs(24 * 3_600);

/// A button below an alarm works for this long.
const ALARM_VALID_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The address of a picture works for this long.
const PICTURE_VALID_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the context of a picture is for.
const PICTURE: &str = "picture";

/// What buttons are signed with.
#[derive(Debug)]
pub struct Signer(hmac::Key);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[error("cannot read or make the key of the buttons, {}: {error}; {}", path.display(), atomic_file::cure_of(error, "it must belong to the gateway's user"))]
pub struct Error {
    path: PathBuf,
    error: std::io::Error,
}

/// What a button says when it is pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedContext {
    /// What it does.
    pub action: String,
    /// With what.
    pub argument: String,
    /// The [mark](Signer::mark) of the hook whose answer it stands below: so whose fridges may be seen.
    pub hook: String,
    /// The channel in which it stands.
    pub channel: String,
    /// Until when it works, in seconds since 1970.
    pub expires: i64,
    /// All of that, signed.
    pub signature: String,
}

impl Signer {
    /// The key in the state folder; makes one where there is none.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn ensure(state: &Path) -> Result<Signer, Error> {
        let path = state.join("button.key");
        let failed = |error| Error { path: path.clone(), error };
        let bytes = match regular_file::bytes(&path) {
            Ok(bytes) if bytes.len() == KEY_LENGTH => bytes,
            // Shorter after a pulled plug: what was signed with it does not matter any more.
            Ok(_) => {
                fs::remove_file(&path).map_err(failed)?;
                make(&path).map_err(failed)?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => make(&path).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        };
        Ok(Signer(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A key that nobody keeps: what it signs works until the end of the program.
    pub fn ephemeral() -> Signer {
        let mut bytes = [0; KEY_LENGTH];
        // Where the system gives no random numbers, TLS does not work either.
        if SystemRandom::new().fill(&mut bytes).is_err() {
            fastrand::fill(&mut bytes);
        }
        Signer(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// What stands for a hook in its buttons: it changes with the hook's token, and says nothing of it.
    pub fn mark(&self, token: &Secret) -> String {
        let tag = hmac::sign(&self.0, &[b"hook ", token.expose().as_bytes()].concat());
        HEXLOWER.encode(&tag.as_ref()[..MARK_LENGTH])
    }

    /// A signed context.
    pub fn sign(
        &self,
        action: &str,
        argument: &str,
        hook: &str,
        channel: &str,
        now: Timestamp,
    ) -> SignedContext {
        self.sign_for(action, argument, hook, channel, now, VALID_FOR)
    }

    fn sign_for(
        &self,
        action: &str,
        argument: &str,
        hook: &str,
        channel: &str,
        now: Timestamp,
        valid_for: Duration,
    ) -> SignedContext {
        let mut context = SignedContext {
            action: action.to_owned(),
            argument: argument.to_owned(),
            hook: hook.to_owned(),
            channel: channel.to_owned(),
            expires: now.as_second().saturating_add(valid_for.as_secs() as i64),
            signature: String::new(),
        };
        let tag = hmac::sign(&self.0, &context.signed_bytes());
        context.signature = HEXLOWER.encode(tag.as_ref());
        context
    }

    /// The signed context of a button below an alarm, which works in whatever channel it was posted.
    /// Numbers may begin anew where the records were lost, so it names the moment, too.
    pub fn sign_alarm(&self, action: &str, alarm: &Alarm, now: Timestamp) -> SignedContext {
        self.sign_for(action, &alarm_argument(alarm), "", "", now, ALARM_VALID_FOR)
    }

    /// The signed context of a picture: whoever has its address may see it, and nothing else.
    pub fn sign_picture(&self, picture: &Picture, now: Timestamp) -> SignedContext {
        let time = format!("{} {}", picture.from.as_second(), picture.to.as_second());
        self.sign_for(PICTURE, &picture.fridge, &time, "", now, PICTURE_VALID_FOR)
    }

    /// Whether a context is one of ours, in constant time.
    pub fn signed(&self, context: &SignedContext) -> bool {
        let tag = HEXLOWER.decode(context.signature.as_bytes());
        tag.is_ok_and(|tag| hmac::verify(&self.0, &context.signed_bytes(), &tag).is_ok())
    }
}

impl SignedContext {
    /// The context of a picture, from what its address says; whether that is ours [is to be seen](Signer::signed).
    pub fn of_picture(picture: &Picture, expires: i64, signature: &str) -> SignedContext {
        SignedContext {
            action: PICTURE.to_owned(),
            argument: picture.fridge.clone(),
            hook: format!("{} {}", picture.from.as_second(), picture.to.as_second()),
            channel: String::new(),
            expires,
            signature: signature.to_owned(),
        }
    }
}

/// Names one alarm in a button's context.
pub fn alarm_argument(alarm: &Alarm) -> String {
    format!("{} {} {}", alarm.number, alarm.fridge, alarm.raised)
}

impl SignedContext {
    /// All but the signature, each part with its length before it, so that none can pass for another.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = self.expires.to_be_bytes().to_vec();
        for part in [&self.action, &self.argument, &self.hook, &self.channel] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

fn make(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; KEY_LENGTH];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| std::io::Error::other("the operating system gives no random numbers"))?;
    let mut file = Unfinished::beside(path, 0o600)?;
    file.write(&bytes)?;
    file.create()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_changed_in_a_context_breaks_its_signature() {
        let folder = tempfile::tempdir().unwrap();
        let key = Signer::ensure(folder.path()).unwrap();
        let context = key.sign("refresh", "status", "kitchen", "c1", Timestamp::UNIX_EPOCH);
        assert!(key.signed(&context));
        assert_eq!(context.expires, 24 * 3_600);
        let changes: [fn(&mut SignedContext); 8] = [
            |context| context.action.push('x'),
            |context| context.argument.push('x'),
            |context| context.hook = "bar".into(),
            |context| context.channel = "c2".into(),
            |context| context.expires += 1,
            |context| context.signature = "zz".repeat(32),
            // Another spelling of the same bytes.
            |context| context.signature = context.signature.to_uppercase(),
            // A letter moved from one part to the next.
            |context| {
                context.hook.insert(0, 's');
                context.argument.pop();
            },
        ];
        for change in changes {
            let mut changed = context.clone();
            change(&mut changed);
            assert!(!key.signed(&changed), "{changed:?}");
        }
    }

    #[test]
    fn a_hooks_mark_is_its_tokens_and_shows_nothing_of_it() {
        let signer = Signer::ephemeral();
        let mark = |token: &str| signer.mark(&Secret::new(token));
        assert_eq!(mark("kt6ysz1apb8zfnigx5c7hm3erw"), mark("kt6ysz1apb8zfnigx5c7hm3erw"));
        assert_ne!(mark("kt6ysz1apb8zfnigx5c7hm3erw"), mark("kt6ysz1apb8zfnigx5c7hm3erx"));
        assert_ne!(mark("x"), Signer::ephemeral().mark(&Secret::new("x")));
    }

    #[test]
    fn the_key_stays_and_is_ours_alone_and_another_gateways_does_not_fit() {
        use std::os::unix::fs::PermissionsExt;
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let context =
            Signer::ensure(one.path()).unwrap().sign("refresh", "", "h", "c", Timestamp::UNIX_EPOCH);
        assert!(Signer::ensure(one.path()).unwrap().signed(&context));
        assert!(!Signer::ensure(other.path()).unwrap().signed(&context));
        let mode = fs::metadata(one.path().join("button.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
