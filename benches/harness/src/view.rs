//! What of the host's mounts everybody starts in.

use std::io;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::machine::Machine;

/// A mount namespace of this thread's own: what is mounted in it, nobody else sees.
///
/// In a hybrid layout some peers refuse to start: there the v2 hierarchy is where a pure v2 machine has it,
/// and all peers, and browndog, see the same layout.
#[derive(Debug)]
pub struct View {
    /// A base mount namespace that is pinned here, and taken away with the value.
    base: bool,
}

impl View {
    /// Enters it; with `base`, or where the host has one, a base mount namespace (`browndog host --base`) is
    /// pinned in it: the host's own cannot be seen from a mount namespace that is younger. `machine` says what
    /// there is.
    ///
    /// # Errors
    /// unshare(2), mount(2), or what the base could not be made for.
    pub fn enter(machine: &mut Machine, base: bool) -> io::Result<Self> {
        let nothing = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
        if machine.cgroups == "hybrid" {
            mount(Some("/sys/fs/cgroup/unified"), "/sys/fs/cgroup", nothing, MsFlags::MS_BIND, nothing)?;
            machine.cgroups = "hybrid, seen by all as v2".to_owned();
        }
        machine.base |= base;
        if machine.base {
            let failed = |(what, errno)| {
                io::Error::other(format!("cannot {what} for the base mount namespace: {errno}"))
            };
            browndog_runtime::base::make().map_err(failed)?;
        }
        Ok(Self { base: machine.base })
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if self.base {
            let removed = browndog_runtime::base::remove();
            debug_assert!(removed.is_ok(), "{removed:?}");
        }
    }
}
