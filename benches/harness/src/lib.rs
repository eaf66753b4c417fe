#![forbid(unsafe_code)]
//! Start latency, measured honestly.
//!
//! The same container for everybody, in one run, in interleaved rounds: browndog, the floor (the
//! kernel work alone), and every peer found on `PATH`. What disturbs the machine disturbs all of
//! them; ratios within a round are what can be claimed. Every figure comes with the machine it was
//! taken on, and a noisy machine is said to be one.

pub mod compare;
pub mod machine;
pub mod mechanisms;
pub mod payload;
pub mod peers;
pub mod report;
pub mod rounds;
pub mod scale;
pub mod start;
pub mod stats;
pub mod steps;
pub mod view;
pub mod virtual_time;
pub mod weigh;
pub mod workplace;
