//! What an end means, and what follows from it.

use std::time::Duration;

use browndog_runtime::exec::{Asked, Ended};
use browndog_xml::domain::{Lifecycle, LifecycleAction};

/// What was asked of the domain before it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intent {
    /// Nothing.
    #[default]
    None,
    /// To stop.
    Shutdown,
    /// To stop and start again.
    Reboot,
    /// It was killed.
    Destroy,
}

/// How an end is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The init ended well, or as it was asked to.
    Poweroff,
    /// It asked for a reboot, or was asked for one.
    Reboot,
    /// It ended badly.
    Crash,
    /// It was killed by us.
    Destroyed,
}

impl Cause {
    /// Of an init that `ended` after `intent`.
    pub fn of(ended: Ended, intent: Intent) -> Self {
        match (intent, ended) {
            (Intent::Destroy, _) => Self::Destroyed,
            (Intent::Reboot, _) => Self::Reboot,
            // Also where its init takes SIGTERM for a wish to reboot, as busybox's does.
            (Intent::Shutdown, _) => Self::Poweroff,
            (_, Ended::Asked(Asked::Reboot)) => Self::Reboot,
            (_, Ended::Asked(Asked::PowerOff) | Ended::Exited(0)) => Self::Poweroff,
            _ => Self::Crash,
        }
    }

    /// What the document says to do.
    pub fn action(self, lifecycle: &Lifecycle) -> LifecycleAction {
        match self {
            Self::Poweroff => lifecycle.on_poweroff.value,
            Self::Reboot => lifecycle.on_reboot.value,
            Self::Crash => lifecycle.on_crash.value,
            Self::Destroyed => LifecycleAction::Destroy,
        }
    }

    /// virsh's reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Poweroff => "shutdown",
            Self::Reboot => "reboot",
            Self::Crash => "crashed",
            Self::Destroyed => "destroyed",
        }
    }
}

/// How long to wait before the next start: not at all the first time, then longer and longer while the
/// domain does not live.
#[derive(Debug, Default)]
pub struct BackOff {
    short_lives: u32,
}

/// A life at least this long ends the back-off.
const LONG_LIFE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(60);

impl BackOff {
    /// The pause after a life of this length.
    pub fn after(&mut self, life: Duration) -> Duration {
        if life >= LONG_LIFE {
            self.short_lives = 0;
        }
        let pause = match self.short_lives {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 1).min(6)).min(LONGEST),
        };
        self.short_lives += 1;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc;
    use rstest::rstest;

    #[rstest]
    #[case::exit_0(Ended::Exited(0), Intent::None, Cause::Poweroff)]
    #[case::exit_3(Ended::Exited(3), Intent::None, Cause::Crash)]
    #[case::segfault(Ended::Killed(libc::SIGSEGV), Intent::None, Cause::Crash)]
    #[case::reboot_inside(Ended::Asked(Asked::Reboot), Intent::None, Cause::Reboot)]
    #[case::poweroff_inside(Ended::Asked(Asked::PowerOff), Intent::None, Cause::Poweroff)]
    #[case::shutdown_by_signal(Ended::Killed(libc::SIGTERM), Intent::Shutdown, Cause::Poweroff)]
    #[case::shutdown_taken_for_a_reboot(Ended::Asked(Asked::Reboot), Intent::Shutdown, Cause::Poweroff)]
    #[case::shutdown_with_status(Ended::Exited(143), Intent::Shutdown, Cause::Poweroff)]
    #[case::reboot_asked(Ended::Exited(0), Intent::Reboot, Cause::Reboot)]
    #[case::destroyed(Ended::Killed(libc::SIGKILL), Intent::Destroy, Cause::Destroyed)]
    #[case::killed_by_others(Ended::Killed(libc::SIGKILL), Intent::None, Cause::Crash)]
    fn an_end_has_a_cause(#[case] ended: Ended, #[case] intent: Intent, #[case] cause: Cause) {
        assert_eq!(Cause::of(ended, intent), cause);
    }

    #[test]
    fn short_lives_are_followed_by_longer_and_longer_pauses() {
        let mut back_off = BackOff::default();
        let pauses: Vec<u64> = (0..9).map(|_| back_off.after(Duration::ZERO).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(back_off.after(LONG_LIFE), Duration::ZERO);
    }
}
