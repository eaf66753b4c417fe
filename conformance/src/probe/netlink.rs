//! Netlink by hand: one request, all answers.

use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockType, recv, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::sys::{Arg, attempt};

/// Opens a netlink socket of any family number.
pub(super) fn open(family: i32) -> Result<i32, Errno> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    let fd = attempt(libc::SYS_socket, &mut [Arg::Int(libc::AF_NETLINK), Arg::Int(kind), Arg::Int(family)])?;
    i32::try_from(fd).map_err(|_| Errno::EBADF)
}

/// Sends one request (`RTM_GETLINK` is 18, flags as in netlink(7)) and gives the payloads of the answers.
pub(super) fn request(
    family: i32,
    kind: u16,
    flags: u16,
    payload: &[u8],
) -> Result<Vec<(u16, Vec<u8>)>, Errno> {
    let fd = open(family)?;
    let answers = exchange(fd, kind, flags, payload);
    super::identity::close(i64::from(fd));
    answers
}

fn exchange(fd: i32, kind: u16, flags: u16, payload: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, Errno> {
    let mut message = Vec::with_capacity(16 + payload.len());
    message.extend_from_slice(&u32::try_from(16 + payload.len()).unwrap_or(0).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&1_u32.to_ne_bytes());
    message.extend_from_slice(&0_u32.to_ne_bytes());
    message.extend_from_slice(payload);
    let _sent = sendto(fd, &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answers = Vec::new();
    let mut buffer = vec![0_u8; 65_536];
    // The kernel answers a request before sendto(2) returns; who has not by then will not.
    let mut patience = 20;
    loop {
        let length = match recv(fd, &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => length,
            Err(Errno::EAGAIN) if patience > 0 => {
                patience -= 1;
                std::thread::sleep(std::time::Duration::from_millis(1));
                continue;
            }
            Err(errno) => return Err(errno),
        };
        let mut rest = &buffer[..length];
        while rest.len() >= 16 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            // What speaks another protocol (uevents are text) has no headers to walk.
            if size < 16 || size > rest.len() {
                return Ok(answers);
            }
            let kind = u16::from_ne_bytes([rest[4], rest[5]]);
            let body = rest.get(16..size).unwrap_or_default().to_vec();
            match kind {
                // NLMSG_ERROR: a negated errno, or zero for the acknowledgement.
                2 => {
                    let code = body.get(..4).map_or(0, |b| i32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
                    return if code == 0 { Ok(answers) } else { Err(Errno::from_raw(-code)) };
                }
                3 => return Ok(answers),
                _ => answers.push((kind, body)),
            }
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// `ifinfomsg` for interface 1 with `IFF_UP`.
pub(super) fn lo_up() -> Vec<u8> {
    let mut body = vec![0, 0, 0, 0];
    body.extend_from_slice(&1_i32.to_ne_bytes());
    body.extend_from_slice(&1_u32.to_ne_bytes());
    body.extend_from_slice(&1_u32.to_ne_bytes());
    body
}

/// The text of an attribute in a message whose fixed part is `skip` bytes long.
pub(super) fn attribute(body: &[u8], skip: usize, wanted: u16) -> Option<Vec<u8>> {
    let mut rest = body.get(skip..)?;
    while rest.len() >= 4 {
        let size = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let kind = u16::from_ne_bytes([rest[2], rest[3]]);
        if kind == wanted {
            return rest.get(4..size).map(<[u8]>::to_vec);
        }
        rest = rest.get(size.next_multiple_of(4).max(4)..)?;
    }
    None
}

/// Listens to all kernel uevents for a while; how many came.
pub(crate) fn uevents(milliseconds: i64) -> Result<usize, Errno> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        nix::sys::socket::SockProtocol::NetlinkKObjectUEvent,
    )?;
    nix::sys::socket::bind(fd.as_raw_fd(), &NetlinkAddr::new(0, u32::MAX))?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(milliseconds))?;
    let mut buffer = [0_u8; 8192];
    let mut seen = 0;
    while recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()).is_ok() {
        seen += 1;
    }
    Ok(seen)
}
