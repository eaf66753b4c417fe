//! The caller's terminal in raw mode, and back.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, Once, PoisonError};

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
