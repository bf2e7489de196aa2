//! Style, script and icon, in the binary. Their names hold a hash of what is in them, so that a browser may keep them for
//! as long as it likes.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use ring::digest::{SHA256, digest};

use crate::https::response::WholeResponse;

/// So many bytes of a hash tell one version from another.
const HASH_BYTES: usize = 8;

/// A file in the binary.
pub struct Asset {
    name: String,
    content_type: &'static str,
    content: &'static str,
}

/// The style.
pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("page.css")));
/// The script.
pub static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("page.js")));
/// The icon.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("icon.svg")));

impl Asset {
    fn new(ending: &str, content_type: &'static str, content: &'static str) -> Asset {
        let hash = HEXLOWER.encode(&digest(&SHA256, content.as_bytes()).as_ref()[..HASH_BYTES]);
        Asset { name: format!("{hash}.{ending}"), content_type, content }
    }

    /// Where it is.
    pub fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// The file of that name; `None` where there is none, also where there was one in an earlier version.
pub fn answer(name: &str) -> Option<WholeResponse> {
    let asset = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.name == name)?;
    let mut response = WholeResponse::new(asset.content.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    // A hash is plain letters.
    headers.insert(ETAG, HeaderValue::from_str(&format!("\"{name}\"")).ok()?);
    Some(response)
}
