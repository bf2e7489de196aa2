//! The address of a picture: it names a fridge and a period, is signed by this gateway, and ends after a week.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use super::button_token::Signer;
use crate::chat::Picture;

/// What an address begins with, and ends with.
const BEGIN: &str = "chart/";
const END: &str = ".png";

/// Where a picture is, behind the gateway's address.
pub fn path(picture: &Picture, signer: &Signer, now: Timestamp) -> String {
    let context = signer.sign_picture(picture, now);
    let Picture { fridge, from, to } = picture;
    let (from, to) = (from.as_second(), to.as_second());
    let fridge = BASE64URL_NOPAD.encode(fridge.as_bytes());
    format!("/{BEGIN}{fridge}-{from}-{to}-{}-{}{END}", context.expires, context.signature)
}

/// Whether a path is that of a picture.
pub fn owns(path: &str) -> bool {
    path.starts_with(BEGIN)
}

/// What an address names; `None` where it is none of ours.
pub fn named(path: &str) -> Option<(Picture, i64, &str)> {
    let name = path.strip_prefix(BEGIN)?.strip_suffix(END)?;
    // The name of the fridge may have hyphens.
    let mut parts = name.rsplitn(5, '-');
    let (signature, expires, to, from, fridge) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let fridge = BASE64URL_NOPAD.decode(fridge.as_bytes()).ok()?;
    let moment = |second: &str| Timestamp::from_second(second.parse().ok()?).ok();
    let picture = Picture { fridge: String::from_utf8(fridge).ok()?, from: moment(from)?, to: moment(to)? };
    Some((picture, expires.parse().ok()?, signature))
}

#[cfg(test)]
mod tests {
    use super::super::button_token::SignedContext;
    use super::*;

    #[test]
    fn an_address_names_what_it_was_made_of_and_is_signed_with_all_of_it() {
        let signer = Signer::ephemeral();
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let picture =
            Picture { fridge: "käse-1/2 ?".into(), from: Timestamp::from_second(-5).unwrap(), to: now };
        let address = path(&Picture { from: now, ..picture.clone() }, &signer, now);
        let (known, expires, signature) = named(&address[1..]).unwrap();
        assert_eq!((known.fridge.as_str(), known.from, known.to), ("käse-1/2 ?", now, now));
        assert_eq!(expires, 1_790_000_000 + 7 * 86_400);
        let is_ours = |picture: &Picture, expires, signature: &str| {
            signer.signed(&SignedContext::of_picture(picture, expires, signature))
        };
        assert!(is_ours(&known, expires, signature));
        assert!(!is_ours(&Picture { fridge: "milk".into(), ..known.clone() }, expires, signature));
        assert!(!is_ours(
            &Picture { to: Timestamp::from_second(1).unwrap(), ..known.clone() },
            expires,
            signature
        ));
        assert!(!is_ours(&known, expires + 1, signature) && !is_ours(&known, expires, ""));
        assert!(!Signer::ephemeral().signed(&SignedContext::of_picture(&known, expires, signature)));
        for nonsense in
            ["chart/", "chart/.png", "chart/a-b-c-d-e.png", "chart/bWlsaw-1-2-3.png", "chart/%%-1-2-3-4.png"]
        {
            assert!(named(nonsense).is_none(), "{nonsense}");
        }
    }
}
