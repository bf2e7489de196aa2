//! `/metrics`: what Prometheus reads, in OpenMetrics text. docs/metrics.md lists the names. They are made of one snapshot
//! at each scrape; nothing is counted for them that is not counted anyway.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use crate::chat::Chat;
use crate::https::response::{WholeResponse, rejection};
use crate::{https, mattermost};

mod fridges;
mod gateway;
mod process;
mod sample;

use sample::Writer;

/// What OpenMetrics text is called …
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// … and the older text that a client gets which does not ask for it.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What metrics are made of that is no part of an answer.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What came over HTTPS and what was turned away.
    pub transport: https::stats::Report,
    /// What was asked and rejected.
    pub questions: mattermost::Report,
    /// How the delivery to those who are told of alarms goes, by their names.
    pub targets: BTreeMap<String, Target>,
}

/// How the delivery to one target goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Target {
    /// How many messages wait.
    pub waiting: usize,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
    /// Whether the newest try failed.
    pub is_failing: bool,
    /// How many messages arrived since the start.
    pub delivered: u64,
    /// How many tries failed since the start.
    pub failed: u64,
    /// When something arrived last.
    pub arrived: Option<Timestamp>,
}

/// Makes the metrics.
pub struct Metrics {
    sources: Arc<dyn Fn() -> Sources + Send + Sync>,
}

impl Metrics {
    /// Metrics of these sources, and of the chat's snapshot.
    pub fn new(sources: impl Fn() -> Sources + Send + Sync + 'static) -> Metrics {
        Metrics { sources: Arc::new(sources) }
    }

    /// Answers a scrape.
    pub fn answer<T>(&self, request: &Request<T>, chat: &Arc<Chat>) -> WholeResponse {
        let method = request.method();
        if method != Method::GET && method != Method::HEAD {
            let mut response = rejection(StatusCode::METHOD_NOT_ALLOWED, "this path takes GET and HEAD only");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape { chat: Arc::clone(chat), sources: (self.sources)() }));
        let accepted = request.headers().get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
        let wants_open_metrics =
            accepted.into_iter().any(|accept| accept.contains("application/openmetrics-text"));
        let mut text = String::new();
        let (encoded, content_type) = if wants_open_metrics {
            (text::encode(&mut text, &registry), OPEN_METRICS)
        } else {
            (prometheus_text::encode(&mut text, &registry), PROMETHEUS)
        };
        if encoded.is_err() {
            // Writing to a text cannot fail.
            return rejection(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written");
        }
        let mut response = WholeResponse::new(text.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// One scrape.
struct Scrape {
    /// What answers.
    chat: Arc<Chat>,
    /// What else there is.
    sources: Sources,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        fridges::write(&mut writer, self)?;
        gateway::write(&mut writer, self)?;
        process::write(&mut writer, self)
    }
}
