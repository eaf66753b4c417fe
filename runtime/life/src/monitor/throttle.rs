//! What a container can make its monitor do, bounded: events that come without end are told with a count, and the
//! relay of what it writes has a share of a processor.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Between two tellings of the same kind: the first, doubled up to the second while it goes on.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));

/// One kind of event of one domain.
#[derive(Debug, Default)]
pub(super) struct Dam {
    told: Option<Instant>,
    interval: Duration,
    held: u64,
}

impl Dam {
    /// `count` more have happened; how many are to be told now, with those that were held back.
    pub(super) fn more(&mut self, count: u64, now: Instant) -> Option<u64> {
        self.held = self.held.saturating_add(count);
        let since = self.told.map(|told| now.saturating_duration_since(told));
        if since.is_some_and(|since| since < self.interval) || self.held == 0 {
            return None;
        }
        // Quiet for a while: it begins anew.
        let goes_on = since.is_some_and(|since| since < self.interval * 4);
        self.interval = if goes_on { (self.interval * 2).min(INTERVALS.1) } else { INTERVALS.0 };
        self.told = Some(now);
        Some(std::mem::take(&mut self.held))
    }

    /// Whether some are held back.
    pub(super) fn holds(&self) -> bool {
        self.held > 0
    }

    /// Those that were held back, at the end.
    pub(super) fn rest(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.held)).filter(|held| *held > 0)
    }
}

/// Of each window this much of a processor is spent on consoles: a tenth.
const WINDOW: Duration = Duration::from_millis(200);
const SHARE: Duration = Duration::from_millis(20);

/// The monitor's processor time for what the container writes, which is not in the container's own limits.
#[derive(Debug, Default)]
pub(super) struct Share {
    began: Option<Instant>,
    spent: Duration,
}

impl Share {
    /// `cost` was spent; how long to let the container wait, where that is more than the share.
    pub(super) fn spend(&mut self, cost: Duration, now: Instant) -> Option<Duration> {
        let began = match self.began {
            Some(began) if now.saturating_duration_since(began) < WINDOW => began,
            _ => {
                self.spent = Duration::ZERO;
                *self.began.insert(now)
            }
        };
        self.spent += cost;
        if self.spent < SHARE {
            return None;
        }
        // A burst that cost more than one window's share waits for as many windows.
        let windows = u32::try_from(self.spent.as_micros() / SHARE.as_micros()).unwrap_or(u32::MAX);
        let until = began + WINDOW * windows.clamp(1, 50);
        self.began = None;
        Some(until.saturating_duration_since(now).max(Duration::from_millis(1)))
    }
}

/// Processor time of this thread.
pub(super) fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_events_is_told_rarely_and_none_is_lost() {
        let (mut dam, start) = (Dam::default(), Instant::now());
        let (mut told, mut lines) = (0, 0);
        // A week with 50 events a second would be 30 million lines.
        for tick in 0..(7 * 24 * 3600) {
            if let Some(count) = dam.more(50, start + Duration::from_secs(tick)) {
                told += count;
                lines += 1;
            }
        }
        told += dam.rest().unwrap_or(0);
        assert_eq!(told, 50 * 7 * 24 * 3600);
        assert!((10..1_100).contains(&lines), "{lines}");
        assert_eq!(dam.rest(), None);
    }

    #[test]
    fn a_single_event_is_told_at_once_and_so_is_the_next_after_a_pause() {
        let (mut dam, start) = (Dam::default(), Instant::now());
        assert_eq!(dam.more(1, start), Some(1));
        assert_eq!(dam.more(2, start + Duration::from_millis(10)), None);
        assert_eq!(dam.more(1, start + Duration::from_secs(100)), Some(3));
        assert_eq!(dam.more(1, start + Duration::from_secs(102)), Some(1));
    }

    #[test]
    fn who_writes_without_end_gets_a_share_and_who_writes_little_never_waits() {
        let start = Instant::now();
        let (mut share, mut now, mut spent) = (Share::default(), start, Duration::ZERO);
        while now - start < Duration::from_secs(10) {
            let cost = Duration::from_micros(700);
            spent += cost;
            now += cost;
            now += share.spend(cost, now).unwrap_or_default();
        }
        assert!(spent < Duration::from_millis(1_200), "{spent:?}");
        assert!(spent > Duration::from_millis(700), "{spent:?}");
        let mut share = Share::default();
        for second in 0..100 {
            assert_eq!(share.spend(Duration::from_millis(5), start + Duration::from_secs(second)), None);
        }
    }
}
