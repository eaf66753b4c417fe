//! Where the kernel's file systems will be mounted.

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::libc;
use nix::sys::stat::fstatat;

use super::{Purpose, Survey};
use crate::path::{Beneath, Kernel};

impl Survey {
    pub(super) fn look_at_kernel_targets(&mut self) {
        for (at, kernel) in Kernel::ALL.into_iter().enumerate() {
            (self.kernel_targets[at], self.kernel_refused[at]) = self.look_at_kernel_target(kernel);
        }
    }

    /// Whether it is there, and what it is where that is no directory. A link is not followed: what it leads to may be
    /// another place at every step.
    fn look_at_kernel_target(&self, kernel: Kernel) -> (bool, Option<&'static str>) {
        let Some(root) = self.get(Purpose::Root).and_then(|root| root.fd.as_ref()) else {
            return (false, None);
        };
        let name = Beneath::new(kernel.path());
        match fstatat(root, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if crate::targets::is_ours(&stat) => (false, None),
            Ok(stat) => match stat.st_mode & libc::S_IFMT {
                libc::S_IFDIR => (true, None),
                libc::S_IFLNK => (true, Some("a symbolic link")),
                _ => (true, Some("a file")),
            },
            // What cannot be judged is not taken for missing: its step fails where it is.
            Err(errno) => (!matches!(errno, Errno::ENOENT | Errno::ENOTDIR), None),
        }
    }
}
