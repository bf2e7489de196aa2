//! `fridge` answers "fridge status" in a Mattermost channel, at once and from memory.
//!
//! The path of a reading, which is also the order of the modules: a thread per bus measures every
//! probe ([`bus`], [`poll`]) and writes what it found into the [`cache`]; [`chat`] makes an answer
//! from one snapshot of it; [`https`] and [`socket`] carry questions in and answers out. Nothing
//! that answers can reach a bus, so an answer never waits for a sensor (`tests/layers.rs`).

// In what is shipped only: a test may do both.
#![warn(clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

// In the order of the path; the blank lines keep the formatter from sorting them.
pub mod reading;

pub mod host;

pub mod secret;

pub mod atomic_file;

pub mod systemd;

pub mod recording;

pub mod fridge;

pub mod bus;

pub mod poll;

pub mod state;

pub mod history;

pub mod doc;

pub mod text;

pub mod recorder;

pub mod gateway;

pub mod chat;

pub mod https;

pub mod mattermost;

pub mod socket;

pub mod config;

pub mod daemon;

pub mod cli;
