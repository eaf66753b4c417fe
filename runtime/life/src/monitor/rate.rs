//! How much of a processor a container can make its monitor spend.
//!
//! The monitor is of the host: its work is in no group of the container's. What a container says on its consoles
//! it reads, logs and shows, and that is all that it does as often as the container likes. So it reads
//! [`MOST`] times in [`WINDOW`] and rests until that is over: some 6 MB/s of output at the most, and 1,600 reads a
//! second with what each costs, however a container writes. Who writes more waits, as at any terminal. Commands
//! wait for the rest of one window for each console that speaks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Reads in one window, of all consoles together; each takes a packet at the most.
const MOST: u32 = 16;

const WINDOW: Duration = Duration::from_millis(10);

#[derive(Debug)]
struct Rate {
    began: Option<Instant>,
    reads: u32,
}

static RATE: Mutex<Rate> = Mutex::new(Rate { began: None, reads: 0 });

impl Rate {
    /// Counts a read at `now`; for how long to rest before the next.
    fn count(&mut self, now: Instant) -> Option<Duration> {
        let passed = self.began.map(|began| now.saturating_duration_since(began));
        if passed.is_none_or(|passed| passed >= WINDOW) {
            *self = Self { began: Some(now), reads: 0 };
        }
        self.reads += 1;
        (self.reads >= MOST)
            .then(|| WINDOW.saturating_sub(now.saturating_duration_since(self.began.unwrap_or(now))))
    }
}

/// Counts a read of something that a container wrote, and rests where it were too many.
pub(super) fn count() {
    let rest = RATE.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now());
    if let Some(rest) = rest {
        std::thread::sleep(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_reads_in_a_window_and_a_rest_until_it_is_over() {
        let (begun, mut rate) = (Instant::now(), Rate { began: None, reads: 0 });
        let at = |ms: u64| begun + Duration::from_millis(ms);
        for _ in 1..MOST {
            assert_eq!(rate.count(at(0)), None);
        }
        assert_eq!(rate.count(at(3)), Some(Duration::from_millis(7)));
        assert_eq!(rate.count(at(10)), None, "the next window");
    }
}
