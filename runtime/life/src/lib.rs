#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]
//! A domain's life without a daemon.
//!
//! **Invariants.** A domain that runs in the background has one [`monitor`]: a small process that is the
//! parent of its init, holds its consoles and its record, and sleeps. Nothing else runs: every command
//! looks at the files ([`layout`], [`record`]), talks to the monitor ([`protocol`]), and goes. Who holds
//! a domain's lock ([`lock`]) is the only one to change it. A monitor that was killed takes its domain
//! with it; the next command finishes that, removes what is left, and says so ([`reconcile`]).

pub mod atomic;
pub mod attach;
pub mod definitions;
pub mod devices;
pub mod domains;
pub mod edit;
pub mod error;
pub mod events;
pub mod exec;
pub mod files;
pub mod fragment;
pub mod frozen;
pub mod groups;
mod kept;
pub mod laws;
pub mod layout;
pub mod liveness;
pub mod lock;
pub mod logs;
pub mod monitor;
pub mod noted;
mod null;
pub mod peers;
pub mod process;
pub mod program;
pub mod protocol;
pub mod reconcile;
pub mod record;
pub mod start;
pub mod stats;
pub mod stop;
pub mod time;
pub mod trust;
pub mod tune;
pub mod wait;
pub mod watched;

/// For a result that changes nothing; the line above each use says why.
pub(crate) fn disregard<T>(_result: T) {}
