//! `GET /chart/…`: the picture of a chart, by an address that this gateway has signed and that ends after a week. Mattermost's
//! image proxy asks for it, or the browser of whoever reads the post; neither has a token.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;

use super::button_token::{SignedContext, Signer};
use super::context::Context;
use super::rejection::Rejection;
use crate::chat::Picture;
use crate::gateway::{Gateway, Unread, Window};
use crate::https::response::{Explanation, WholeResponse, explained, rejection};
use crate::text::past;

/// The width and height of a picture in its own units: as wide as a post.
const SIZE: (f64, f64) = (720.0, 300.0);
/// So many pictures are kept, the newest: one has some 40 kB.
const KEPT: usize = 16;
/// What an address begins with, and ends with.
const BEGIN: &str = "chart/";
const END: &str = ".png";

/// The pictures that were made last, by their addresses. Its lock is held for one look.
#[derive(Default)]
pub struct Pictures(Mutex<VecDeque<(String, Bytes)>>);

impl Pictures {
    fn get(&self, name: &str) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == name).map(|(_, picture)| picture.clone())
    }

    fn keep(&self, name: &str, picture: &Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.iter().any(|(known, _)| known == name) {
            kept.truncate(KEPT - 1);
            kept.push_front((name.to_owned(), picture.clone()));
        }
    }
}

/// Where a picture is, behind the gateway's address.
pub fn path(picture: &Picture, signer: &Signer, now: Timestamp) -> String {
    let context = signer.sign_picture(picture, now);
    let Picture { fridge, from, to } = picture;
    let (from, to) = (from.as_second(), to.as_second());
    let fridge = data_encoding::BASE64URL_NOPAD.encode(fridge.as_bytes());
    format!("/{BEGIN}{fridge}-{from}-{to}-{}-{}{END}", context.expires, context.signature)
}

/// Whether a path is that of a picture.
pub fn owns(path: &str) -> bool {
    path.starts_with(BEGIN)
}

/// What an address names; `None` where it is none of ours.
fn named(path: &str) -> Option<(Picture, i64, &str)> {
    let name = path.strip_prefix(BEGIN)?.strip_suffix(END)?;
    // The name of the fridge may have hyphens.
    let mut parts = name.rsplitn(5, '-');
    let (signature, expires, to, from, fridge) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let fridge = data_encoding::BASE64URL_NOPAD.decode(fridge.as_bytes()).ok()?;
    let moment = |second: &str| Timestamp::from_second(second.parse().ok()?).ok();
    let picture = Picture { fridge: String::from_utf8(fridge).ok()?, from: moment(from)?, to: moment(to)? };
    Some((picture, expires.parse().ok()?, signature))
}

/// Answers a request for a picture.
pub async fn answer(context: &Context, path: &str) -> WholeResponse {
    let now = context.gateway().now().wall;
    let Some((picture, expires, signature)) = named(path) else {
        return context.reject(Rejection::ForeignPicture);
    };
    if !context.signer.signed(&SignedContext::of_picture(&picture, expires, signature)) {
        return context.reject(Rejection::ForeignPicture);
    }
    if expires < now.as_second() {
        return context.reject(Rejection::ExpiredPicture);
    }
    if let Some(png) = context.pictures.get(path) {
        return of_png(png);
    }
    let made = context.gateway().read_past(move |gateway| draw(gateway, &picture)).await;
    let failed = |status, why: &str| explained(rejection(status, why), Explanation::of_status(status, why));
    match made {
        Ok(Ok(png)) => {
            context.pictures.keep(path, &png);
            of_png(png)
        }
        Ok(Err(why)) => failed(StatusCode::NOT_FOUND, &why),
        Err(Unread::Busy) => failed(StatusCode::SERVICE_UNAVAILABLE, past::BUSY),
        Err(Unread::Slow) => failed(StatusCode::SERVICE_UNAVAILABLE, past::SLOW),
    }
}

/// Draws a picture. May wait for the disk.
fn draw(gateway: &Gateway, picture: &Picture) -> Result<Bytes, String> {
    let fridge = gateway.fridges().iter().find(|fridge| fridge.id == picture.fridge);
    let fridge = fridge.ok_or("there is no such fridge any more")?;
    let length = picture.to.as_second() - picture.from.as_second();
    let window = Window { from: picture.from, to: picture.to, step_s: Window::usual_step(length) };
    let timeline = gateway.timeline(fridge, window).map_err(|error| error.to_string())?;
    let now = gateway.now();
    let local = gateway.snapshot().local(&now);
    let chart = timeline.chart(local.time_zone(), gateway.units(), now.wall, SIZE);
    chart.png().map(Bytes::from).map_err(|error| error.to_string())
}

fn of_png(png: Bytes) -> WholeResponse {
    let mut response = WholeResponse::new(png);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    // What its address names has been, and stays so.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=604800, immutable"));
    response
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn only_the_newest_pictures_are_kept() {
        let pictures = Pictures::default();
        for number in 0..100 {
            pictures.keep(&number.to_string(), &Bytes::from_static(b"x"));
            pictures.keep(&number.to_string(), &Bytes::from_static(b"y"));
        }
        assert_eq!(pictures.0.lock().unwrap().len(), KEPT);
        assert_eq!(pictures.get("99").as_deref(), Some(&b"x"[..]));
        assert_eq!(pictures.get("1"), None);
    }
}
