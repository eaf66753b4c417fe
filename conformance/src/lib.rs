#![deny(unsafe_code)]
//! Checks that a container is isolated, for any runtime and any kernel.
//!
//! A [`requirement::Check`] is a sentence, a scene that gathers facts, and a judgement that names the
//! exact fact. Scenes play on a [`stage::Stage`] with any of the [`runtimes`]; the [`probe`] inside is
//! the same binary. [`vm`] boots any kernel with that binary as its init.

pub mod canary;
pub mod catalogue;
pub mod checks;
pub mod command;
mod controls;
pub mod environment;
pub mod facts;
pub mod filter;
pub mod gaps;
mod guests;
pub mod host;
pub mod image;
pub mod judge;
pub mod killers;
mod lost;
pub mod mutants;
pub mod outputs;
pub mod probe;
pub mod report;
pub mod requirement;
pub mod run;
pub mod runtimes;
pub mod scenes;
pub mod snapshot;
pub mod spec;
pub mod stage;
mod sweep;
mod swept;
pub mod sys;
pub mod vm;

pub use run::{Options, RunReport, run};
