//! The caller's terminal in raw mode, and back; and the key that leaves it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::termios::{self, SetArg, Termios};

/// A terminal in raw mode; in the mode it had before when dropped, and when the program panics.
#[derive(Debug)]
pub struct Raw(());

/// The terminal and its mode, where one is raw: a panic that aborts drops nothing.
static BEFORE: Mutex<Option<(OwnedFd, Termios)>> = Mutex::new(None);

impl Raw {
    /// Makes standard input raw.
    ///
    /// # Errors
    /// ENOTTY where it is no terminal.
    pub fn stdin() -> Result<Self, Errno> {
        Self::enter(std::io::stdin().as_fd())
    }

    /// Makes `terminal` raw. One terminal at a time.
    ///
    /// # Errors
    /// The errno of tcgetattr(3) or tcsetattr(3).
    pub fn enter(terminal: BorrowedFd<'_>) -> Result<Self, Errno> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                usual(panic);
            }));
        });
        let before = termios::tcgetattr(terminal)?;
        let own = terminal.try_clone_to_owned().map_err(|_| Errno::EMFILE)?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some((own, before));
        termios::tcsetattr(terminal, SetArg::TCSANOW, &raw)?;
        Ok(Self(()))
    }
}

/// Does nothing where no terminal is raw.
fn restore() {
    // A panic while the mutex is held, which is for no longer than an assignment, restores nothing.
    if let Ok(mut before) = BEFORE.try_lock()
        && let Some((terminal, before)) = before.take()
    {
        // A terminal that is gone needs no restoring.
        crate::disregard(termios::tcsetattr(terminal.as_fd(), SetArg::TCSADRAIN, &before));
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Ctrl-], the key that `console` is left with, and systemd-nspawn.
pub const ESCAPE: u8 = 0x1d;

/// How often it is pressed to leave a program in the foreground: once is a program's own key (telnet, editors).
const PRESSES: u32 = 3;

/// Within which time.
const WITHIN: Duration = Duration::from_secs(1);

/// Looks for the key among what is typed.
#[derive(Debug, Default)]
pub struct Escape {
    presses: u32,
    first: Option<Instant>,
}

impl Escape {
    /// Whether these bytes, typed at `now`, complete it. Any other byte in between begins anew.
    pub fn typed(&mut self, bytes: &[u8], now: Instant) -> bool {
        for byte in bytes {
            if *byte != ESCAPE {
                *self = Self::default();
                continue;
            }
            match self.first {
                Some(first) if now.saturating_duration_since(first) <= WITHIN => self.presses += 1,
                _ => *self = Self { presses: 1, first: Some(now) },
            }
            if self.presses == PRESSES {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::thrice(&[("\x1d", 0), ("\x1d", 300), ("\x1d", 900)], true)]
    #[case::at_once(&[("ls\x1d\x1d\x1d", 0)], true)]
    #[case::twice(&[("\x1d\x1d", 0)], false)]
    #[case::too_slowly(&[("\x1d", 0), ("\x1d", 600), ("\x1d", 1200)], false)]
    #[case::something_else_in_between(&[("\x1d\x1d", 0), ("x\x1d", 10)], false)]
    #[case::after_too_slow_ones(&[("\x1d", 0), ("\x1d\x1d\x1d", 1500)], true)]
    fn the_key_is_pressed_three_times_within_a_second(#[case] typed: &[(&str, u64)], #[case] leaves: bool) {
        let (begun, mut escape) = (Instant::now(), Escape::default());
        let left = typed
            .iter()
            .any(|(bytes, after)| escape.typed(bytes.as_bytes(), begun + Duration::from_millis(*after)));
        assert_eq!(left, leaves);
    }
}
