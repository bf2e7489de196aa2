//! Responses compressed on their way, where the peer takes that: a page of a hundred fridges is a tenth of its size then.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, VARY};

use super::response::{Response, WholeResponse, whole};

/// What is smaller fits into one packet anyway.
const LEAST_BYTES: u64 = 1_024;
/// What is larger than this keeps the thread for too long, and goes as it is: a hundredth of a second here, a tenth on a
/// small computer.
const MOST_BYTES: u64 = 1024 * 1024;

/// The response, compressed where its peer takes that and it is worth it. A stream stays as it is.
pub async fn compressed(headers: &HeaderMap, response: Response) -> Response {
    let takes_gzip = headers.get_all(ACCEPT_ENCODING).iter().any(accepts_gzip);
    let length = response.body().size_hint().exact();
    let is_worth_it = length.is_some_and(|length| (LEAST_BYTES..=MOST_BYTES).contains(&length));
    if !takes_gzip || !is_worth_it || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(never) => match never {},
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing into memory cannot fail.
    let written = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    match written {
        Ok(smaller) => {
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
            whole(WholeResponse::from_parts(head, smaller.into()))
        }
        Err(_) => whole(WholeResponse::from_parts(head, bytes)),
    }
}

/// Whether a list of encodings has gzip in it, and not with a weight of 0 (RFC 9110, 12.5.3).
fn accepts_gzip(value: &HeaderValue) -> bool {
    let list = value.to_str().unwrap_or_default();
    list.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let is_refused = parts.any(|weight| {
            matches!(weight.to_ascii_lowercase().as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        });
        is_gzip && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        let takes = |list: &'static str| accepts_gzip(&HeaderValue::from_static(list));
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, gzip;q=0.5") && takes("*") && takes("GZIP"));
        assert!(!takes("gzip;q=0") && !takes("br") && !takes("") && !takes("identity, gzip; q=0.0"));
    }
}
