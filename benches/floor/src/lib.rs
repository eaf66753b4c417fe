//! The floor: what the kernel alone costs when a container starts and ends.
//!
//! The same kernel work in the same order as `browndog run`, with bare system calls and nothing
//! else: no configuration, no state, no diagnostics. It is a bound, not a product. Each mechanism
//! can be left out or swapped ([`options`]), so that its price is a difference of two runs.

pub mod harden;
pub mod options;
pub mod prepare;
pub mod start;
pub mod sys;
pub mod trace;
pub mod weigh;

use options::{Mode, Options};
use sys::Arguments;

/// Does what the command line says; returns the exit status: the payload's, or 125 where a step failed.
pub fn main(arguments: Arguments) -> i32 {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(word) => {
            sys::say(&[b"browndog-floor: cannot use ", word, b"\n", options::USAGE.as_bytes()]);
            return 2;
        }
    };
    let done = match options.mode {
        Mode::Start => start::once(&options),
        Mode::Loop(rounds) => trace::rounds(&options, rounds),
        Mode::Prepare => prepare::make(&options).map(|()| 0),
        Mode::Remove => prepare::remove(&options).map(|()| 0),
        Mode::Weigh(words) => weigh::run(words),
    };
    done.unwrap_or_else(|failed| {
        failed.say();
        125
    })
}
