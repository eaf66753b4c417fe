//! Consoles on their way from the child, which opens them, to the launcher, which keeps them.
//!
//! A devpts instance that is mounted in the host's mount namespace may use the terminals that the kernel keeps
//! for the host (`kernel.pty.reserve`), one of a container's own namespace may not: so the child makes it.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg, socketpair,
};
use nix::sys::statfs::{DEVPTS_SUPER_MAGIC, fstatfs};

use super::child::Context;
use crate::plan::step::Slot;
use crate::sys;

/// The instance's own ptmx.
const NO_WAY_OUT: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_XDEV;

/// In the child: opens a terminal of the instance that is held in `pts`, sends its master side to the launcher, returns the slave side.
/// Allocates nothing.
pub(super) fn open(
    context: &Context<'_>,
    pts: Slot,
    index: usize,
    owner: Option<u32>,
) -> Result<RawFd, Errno> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    let master = sys::openat2(context.fd(pts), c"ptmx", flags, 0, NO_WAY_OUT).map(sys::adopt)?;
    if fstatfs(&master)?.filesystem_type() != DEVPTS_SUPER_MAGIC {
        return Err(Errno::ENOTTY);
    }
    sys::terminal::unlock(master.as_fd())?;
    let slave = sys::open_pty_peer(master.as_fd())?;
    if let Some(owner) = owner {
        sys::fchownat(slave.as_raw_fd(), c"", owner, u32::MAX, libc::AT_EMPTY_PATH)?;
    }
    if index == 0 {
        // Before anything runs there: a program may look at the size once, when it begins.
        sys::copy_window_size(context.window, master.as_raw_fd());
    }
    sys::terminal::send_fd(context.consoles, master.as_raw_fd())?;
    Ok(slave.into_raw_fd())
}

/// The launcher's end, and the child's.
pub(super) fn socket() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

/// In the launcher: the master sides that the child has sent, in their order.
pub(super) fn receive(socket: &OwnedFd) -> Result<Vec<OwnedFd>, Errno> {
    let mut consoles = Vec::new();
    loop {
        let mut byte = [0_u8];
        let mut parts = [IoSliceMut::new(&mut byte)];
        let mut room = nix::cmsg_space!(RawFd);
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
        let message = match recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut parts, Some(&mut room), flags) {
            Ok(message) => message,
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) => return Ok(consoles),
            Err(errno) => return Err(errno),
        };
        if message.bytes == 0 {
            return Ok(consoles);
        }
        for part in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(fds) = part {
                consoles.extend(fds.into_iter().map(sys::adopt));
            }
        }
    }
}
