//! A gateway of two fridges, one of them out of the hook's sight, and what must hold for each of its responses.

use std::sync::Arc;

use fridge::chat::{Chat, Scope};
use fridge::doc::markdown::POST_CHARACTERS;
use fridge::fridge::{Fridge, Limits};
use fridge::gateway::{Gateway, Site};
use fridge::https::{Peer, Service};
use fridge::mattermost::button_token::Signer;
use fridge::mattermost::{Config, Hook, Mattermost, Placement};
use fridge::reading::{Celsius, Clock, ProbeId, Sampled, Stamp};
use fridge::recorder::{Input, Recorder, Writer};
use fridge::secret::Secret;
use fridge::state::BusInfo;
use hyper::Request;
use hyper::body::Body;

/// The hook's token.
pub const TOKEN: &str = "i8ge9icprrz8ppjsg7ncawuf8a";
/// The name of the fridge that the hook may not see.
const HIDDEN: &str = "Zzyzx vault";

/// A gateway that answers, and what runs it.
pub struct Asked {
    mattermost: Mattermost,
    runtime: tokio::runtime::Runtime,
}

/// The key of the buttons.
pub fn signer() -> Signer {
    let folder = tempfile::tempdir().expect("a folder");
    Signer::ensure(folder.path()).expect("a key")
}

impl Asked {
    /// One that signs its buttons with that key.
    pub fn new(signer: Signer) -> Asked {
        let now = Stamp { mono: std::time::Duration::from_secs(100), wall: jiff::Timestamp::UNIX_EPOCH };
        let clock: Clock = Arc::new(move || now);
        let mut writer = Writer::new(Recorder::new(now, jiff::tz::TimeZone::UTC), Arc::clone(&clock));
        let info = BusInfo {
            name: String::from("bus 1"),
            simulated: false,
            period: std::time::Duration::from_secs(10),
        };
        writer.write(Input::Buses { buses: vec![(None, info)], corrections: Default::default() });
        let probe = |number| ProbeId::new(0x28, number);
        let sampled = |number| Sampled::from((probe(number), Ok(Celsius::from_sixteenths(64))));
        writer.write(Input::Sweep {
            bus: writer.keys()[0],
            at: now,
            took: std::time::Duration::ZERO,
            probes: vec![sampled(1), sampled(2)],
            notices: Vec::new(),
        });
        let limits = Limits { min: None, max: Celsius::from_degrees(5.0) };
        let fridge = |number, name: &str| Fridge::new(name, probe(number), limits);
        let fridges = vec![fridge(1, "Milk"), fridge(2, HIDDEN)];
        let site = Site { fridges, ..Site::default() };
        let gateway = Gateway::new(site, writer.state(), writer.history(), clock);
        let hook = Hook {
            name: String::from("kitchen"),
            token: Secret::new(TOKEN),
            response: Placement::Post,
            in_channel: false,
            username: None,
            icon_url: None,
            scope: Scope::only(["Milk"]),
            may_act: None,
        };
        let config = Config {
            hooks: vec![hook],
            trigger_words: vec![String::from("fridge")],
            url: Some(String::from("https://192.0.2.7:4443")),
            allow: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Asked { mattermost: Mattermost::new(config, Arc::new(Chat::new(gateway)), Arc::new(signer), Arc::default()), runtime }
    }

    /// Posts a body to a path, and looks at the response.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) {
        let request = Request::post(path)
            .header("content-type", content_type)
            .body(hyper::body::Bytes::copy_from_slice(body))
            .expect("a request");
        let response = self.runtime.block_on(self.mattermost.respond(request, Peer([127, 0, 0, 1].into())));
        let status = response.status().as_u16();
        assert!(status < 500, "{status}");
        let mut response = response;
        let Some(bytes) = whole(response.body_mut()) else { return };
        let text = std::str::from_utf8(&bytes).expect("UTF-8");
        if text.is_empty() {
            return;
        }
        let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert!(!text.contains(HIDDEN), "a fridge out of sight: {text}");
        for post in [&json["text"], &json["ephemeral_text"], &json["update"]["message"]] {
            let Some(post) = post.as_str() else { continue };
            assert!(post.chars().count() <= POST_CHARACTERS, "longer than a post");
            assert!(!post.contains(['<', '>']), "Mattermost rewrites what stands between those: {post}");
        }
    }
}

/// The bytes of a body that is there as a whole.
fn whole(body: &mut fridge::https::response::Body) -> Option<Vec<u8>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut bytes = Vec::new();
    while let std::task::Poll::Ready(Some(Ok(frame))) = std::pin::Pin::new(&mut *body).poll_frame(&mut context) {
        bytes.extend_from_slice(frame.data_ref()?);
    }
    Some(bytes)
}
