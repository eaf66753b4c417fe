//! The launcher as another user for the time of the clone.
//!
//! A user namespace belongs to the effective user of who makes it, and what is counted for each user, as instances of
//! inotify(7), is counted for that owner as well (`ucounts` of the kernel). With root for an owner a container could
//! use up what root of the host may have.

use nix::errno::Errno;
use nix::libc;

use crate::sys::{self, CapSets};

/// The effective user to go back to, with its capabilities.
#[derive(Debug)]
pub(super) struct As {
    uid: u32,
    sets: CapSets,
    dumpable: i64,
}

/// No change (setresuid(2)).
const SAME: u32 = u32::MAX;

impl As {
    /// Takes the effective user id `uid`, and keeps every capability. Real and saved one stay: no process of that
    /// user can send this one a signal or trace it.
    pub fn user(uid: u32) -> Result<Self, Errno> {
        let dumpable = sys::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0)?;
        let own = Self { uid: nix::unistd::geteuid().as_raw(), sets: sys::capget()?, dumpable };
        sys::setresuid(SAME, uid, SAME).map(drop)?;
        // From here on dropping it leads back. The capabilities went with the user, and stay permitted.
        sys::capset(own.sets)?;
        Ok(own)
    }

    fn back(&self) -> Result<(), Errno> {
        sys::setresuid(SAME, self.uid, SAME).map(drop)?;
        sys::capset(self.sets)?;
        // A change of user makes a process one whose memory nobody may look at: not what it was.
        sys::prctl(libc::PR_SET_DUMPABLE, self.dumpable as u64, 0, 0, 0).map(drop)
    }
}

impl Drop for As {
    fn drop(&mut self) {
        if let Err(errno) = self.back() {
            // What follows would be done by the wrong user: nothing may follow.
            eprintln!("browndog: cannot become the launcher's own user again: {errno}");
            sys::exit_now(125);
        }
    }
}
