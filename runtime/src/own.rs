//! Limits that a launcher or a monitor has from its caller and must not die of (setrlimit(2)).
//!
//! A container has the caller's hard limits nevertheless: what was changed here is remembered for it.

use std::sync::OnceLock;

use nix::libc;
use nix::sys::resource::Resource;

use crate::sys::{self, context};

/// What is lifted: its name as in a document, whose it is, and what an end by it looks like.
const LIFTED: [(&str, Resource, Of); 4] = [
    ("cpu", Resource::RLIMIT_CPU, Of::Both),
    ("as", Resource::RLIMIT_AS, Of::Both),
    ("data", Resource::RLIMIT_DATA, Of::Both),
    ("fsize", Resource::RLIMIT_FSIZE, Of::Monitor),
];

/// Whose limit it is to lift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Both,
    /// A launcher in the foreground writes to no files but those that its caller has opened, and for them the
    /// caller's limit is meant.
    Monitor,
}

/// Who lifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A command that stays with a container in the foreground.
    Launcher,
    /// The monitor of a domain in the background.
    Monitor,
}

/// A monitor's files are smaller (bytes): two parts of a log, a record.
const ENOUGH: u64 = 8 << 20;

/// Limits as the caller has them, where they were changed: name, hard.
static CALLERS: OnceLock<Vec<(&'static str, u64)>> = OnceLock::new();

/// Lifts the limits of this process as far as the kernel lets it, once, while it has one thread; returns what is to
/// be said of those that stay. A write beyond the limit of a file's size fails from then on, and kills nobody.
pub fn lift_limits(who: Who) -> Vec<String> {
    // Only an unknown signal number is an error.
    crate::disregard(sys::entry::ignore(libc::SIGXFSZ));
    let (mut changed, mut said) = (Vec::new(), Vec::new());
    for (name, resource, of) in LIFTED {
        if of == Of::Monitor && who == Who::Launcher {
            continue;
        }
        let Ok((soft, hard)) = context::getrlimit(resource) else { continue };
        if soft == libc::RLIM64_INFINITY {
            continue;
        }
        let all = libc::RLIM64_INFINITY;
        let lifted = sys::setrlimit(resource, all, all).is_ok();
        if !lifted {
            // Up to the hard one everybody may.
            crate::disregard(sys::setrlimit(resource, hard, hard));
        }
        changed.push((name, hard));
        if !lifted && hard != all && who == Who::Monitor {
            said.extend(remark(name, hard));
        }
    }
    crate::disregard(CALLERS.set(changed));
    said
}

/// What becomes of a monitor with this limit.
fn remark(name: &str, hard: u64) -> Option<String> {
    match name {
        "cpu" => Some(format!(
            "the monitor keeps the caller's hard limit of {hard} s of processor time: it is killed then, and the \
             domain with it (ulimit -Ht)"
        )),
        "fsize" if hard < ENOUGH => Some(format!(
            "the monitor keeps the caller's hard limit of {hard} bytes a file: what consoles say beyond it is not \
             logged (ulimit -Hf)"
        )),
        "as" | "data" => Some(format!(
            "the monitor keeps the caller's hard limit of {hard} bytes of memory ({name}, ulimit -Hv or -Hd)"
        )),
        _ => None,
    }
}

/// The caller's hard limit, where it was changed.
pub(crate) fn callers_hard(name: &str) -> Option<u64> {
    CALLERS.get()?.iter().find(|(changed, _)| *changed == name).map(|(_, hard)| *hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_stays_is_said_where_it_would_be_felt() {
        assert!(remark("cpu", 60).is_some_and(|said| said.contains("60 s")));
        assert!(remark("fsize", 200 << 10).is_some_and(|said| said.contains("204800 bytes")));
        assert_eq!(remark("fsize", ENOUGH), None);
    }
}
