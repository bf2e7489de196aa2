//! `GET /chart/…`: the picture of a chart, by an address that this gateway has signed and that ends after a week. Mattermost's
//! image proxy asks for it, or the browser of whoever reads the post; neither has a token.

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use super::button_token::SignedContext;
use super::context::Context;
use super::picture_address::named;
use super::rejection::Rejection;
use crate::chat::Picture;
use crate::gateway::{Gateway, Unread, Window};
use crate::https::response::{Explanation, WholeResponse, explained, rejection};
use crate::text::past;

/// The width and height of a picture in its own units: as wide as a post.
const SIZE: (f64, f64) = (720.0, 300.0);
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
    let made = context.gateway().look_at_past(move |gateway| draw(gateway, &picture)).await;
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
