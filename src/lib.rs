//! `fridge` answers "fridge status" in a Mattermost channel, at once and from memory: a Raspberry Pi reads the
//! DS18B20 probes in fridges and freezers in the background.
//!
//! # The path of a reading
//!
//! It is also the order of the modules; each uses only those before it.
//!
//! ```text
//! bus ─▶ poll ─▶ poll::validate ─▶ recorder ─▶ state ─▶ chat ─▶ doc ─▶ mattermost over https, socket
//! ```
//!
//! * A [`bus`] is measured as a whole: every probe converts at once, then each is read.
//! * [`poll`] runs a thread per bus; [`poll::validate`] turns raw readings into values or [`reading::Fault`]s.
//! * The [`recorder`] is the only writer. It takes in what buses report and what people do, and publishes an immutable
//!   snapshot in [`state`].
//! * [`chat`] makes an answer from one snapshot: a [`doc`]ument for people and data for programs. Nothing that answers
//!   can reach a bus, so an answer never waits for a sensor.
//! * [`mattermost`] is the contract with the chat server, served over [`https`]; [`socket`] serves the shell.
//!
//! # Glossary
//!
//! | word | what it means here |
//! |---|---|
//! | probe | one DS18B20, known by its ROM code (`28-0316a2790a1b`) |
//! | bus | a 1-Wire line with probes, or something that stands for one: the kernel's driver, an owserver |
//! | sweep | one measuring of a whole bus |
//! | scratchpad | the nine bytes that a probe sends: temperature, TH and TL, configuration, checksum |
//! | power-loss sentinel | a pattern in TH and TL that a loss of power erases |
//! | reading | what is known of a probe at one moment: fresh, stale, or a fault with its reason |
//! | fridge | what a person named: a fridge, a freezer, a cold room; its probe, its limits |
//! | hook | an outgoing webhook or slash command of Mattermost that may ask |
//! | scope | which fridges a hook may see |
//! | notice | something to know about a probe or a bus that is not a fault |
//!
//! # A gateway that can be asked
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use fridge::chat::{Asker, Chat, Rights};
//! use fridge::fridge::{Fridge, Limits};
//! use fridge::gateway::{Gateway, Site};
//! use fridge::reading::{Celsius, Clock, ProbeId, Sampled, Stamp};
//! use fridge::recorder::{Input, Recorder, Writer};
//! use fridge::state::BusInfo;
//!
//! let now = Stamp { mono: Duration::from_secs(100), wall: jiff::Timestamp::UNIX_EPOCH };
//! let clock: Clock = Arc::new(move || now);
//! let mut writer = Writer::new(Recorder::new(now, jiff::tz::TimeZone::UTC), clock.clone());
//!
//! // One bus, and what a sweep of it says of its only probe.
//! let bus = BusInfo { name: "bus 1".into(), simulated: false, period: Duration::from_secs(10) };
//! writer.write(Input::Buses { buses: vec![(None, bus)], corrections: Default::default() });
//! let probe = ProbeId::new(0x28, 1);
//! writer.write(Input::Sweep {
//!     bus: writer.keys()[0],
//!     at: now,
//!     took: Duration::from_secs(1),
//!     probes: vec![Sampled::from((probe, Ok(Celsius::from_sixteenths(67))))],
//!     notices: Vec::new(),
//! });
//!
//! let limits = Limits { min: None, max: Celsius::from_degrees(5.0) };
//! let milk = Fridge::new("Milk", probe, limits);
//! let site = Site { fridges: vec![milk], ..Site::default() };
//! let chat = Chat::new(Gateway::new(site, writer.state(), writer.history(), clock));
//! let reply = chat.answer("status", &Asker::local(Rights::Read));
//! assert!(reply.text.starts_with("The only fridge is in range, oldest reading 0 s ago"));
//! ```

// In what is shipped only: a test may do both.
#![warn(clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

// In the order of the path; the blank lines keep the formatter from sorting them.
pub mod reading;

pub mod host;

pub mod secret;

pub mod atomic_file;

pub mod regular_file;

pub mod systemd;

pub mod recording;

pub mod alarm;

pub mod fridge;

pub mod bus;

pub mod poll;

pub mod state;

pub mod store;

pub mod history;

pub mod doc;

pub mod text;

pub mod chart;

pub mod report;

pub mod recorder;

pub mod gateway;

pub mod chat;

pub mod https;
pub mod hub;

pub mod mqtt;

pub mod auth;

pub mod mattermost;

pub mod api;

pub mod web;

pub mod metrics;

pub mod notify;

pub mod socket;

pub mod config;

pub mod daemon;

pub mod cli;
