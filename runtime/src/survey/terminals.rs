//! Which character devices are terminals, told by their numbers alone: nothing is opened to find out.

use std::os::fd::{AsRawFd, OwnedFd};

use browndog_xml::domain::Sourced;
use browndog_xml::value::AbsPath;
use nix::errno::Errno;
use nix::libc;

use super::{Kind, kind_of};
use crate::path::c_string;
use crate::sys;

/// What the kernel says of its terminals: driver, name, major, minors, type (proc_tty(5)).
const DRIVERS: &str = "/proc/tty/drivers";

/// Major numbers of terminals, where the kernel does not say: tty and ttyS, `/dev/tty` and console, the sides of
/// pseudo-terminals, ttyACM, ttyUSB, ttyAMA and its like, hvc (admin-guide/devices.txt).
const MAJORS: [u32; 14] = [3, 4, 5, 136, 137, 138, 139, 140, 141, 142, 143, 166, 188, 204];

/// `/dev/ptmx`: every opening makes a new terminal.
const MULTIPLEXER: (u32, u32) = (5, 2);

/// Whether the device is a terminal that a line or somebody is at.
fn is_one(device: u64) -> bool {
    let numbers = (libc::major(device), libc::minor(device));
    numbers != MULTIPLEXER
        && match std::fs::read_to_string(DRIVERS) {
            Ok(drivers) => is_listed(&drivers, numbers),
            Err(_) => MAJORS.contains(&numbers.0),
        }
}

fn is_listed(drivers: &str, (major, minor): (u32, u32)) -> bool {
    drivers.lines().any(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [.., of, minors, kind] = words[..] else { return false };
        let (first, last) = minors.split_once('-').unwrap_or((minors, minors));
        let within = first.parse().is_ok_and(|first: u32| first <= minor)
            && last.parse().is_ok_and(|last: u32| minor <= last);
        of.parse() == Ok(major) && within && kind != "pty:master"
    })
}

/// Opens a terminal of the host, without it becoming the caller's, and without waiting for its line.
pub(super) fn open(path: &Sourced<AbsPath>) -> Result<OwnedFd, String> {
    use std::io::IsTerminal;
    let failed = |errno: Errno| format!("{} ({errno})", errno.desc());
    // Looked at first: opening is what sets off a watchdog, rewinds a tape, or waits for a writer.
    let found = sys::open(&c_string(path.value.as_str()), libc::O_PATH).map_err(failed)?;
    match kind_of(&found) {
        Ok(Kind::Char(device)) if is_one(device) => {}
        _ => return Err("it is no terminal".to_owned()),
    }
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK;
    // What was looked at, and nothing that has come into its place.
    match sys::open(&c_string(&format!("/proc/self/fd/{}", found.as_raw_fd())), flags) {
        Ok(fd) if fd.is_terminal() => Ok(fd),
        Ok(_) => Err("it is no terminal".to_owned()),
        Err(errno) => Err(failed(errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &str = "/dev/tty             /dev/tty        5       0 system:/dev/tty
/dev/console         /dev/console    5       1 system:console
/dev/ptmx            /dev/ptmx       5       2 system
/dev/vc/0            /dev/vc/0       4       0 system:vtmaster
serial               /dev/ttyS       4 64-95 serial
pty_slave            /dev/pts      136 0-1048575 pty:slave
pty_master           /dev/ptm      128 0-1048575 pty:master
unknown              /dev/tty        4 1-63 console
";

    #[rstest::rstest]
    #[case::console((5, 1), true)]
    #[case::serial((4, 64), true)]
    #[case::beyond_the_serials((4, 96), false)]
    #[case::pty((136, 70_000), true)]
    #[case::master((128, 0), false)]
    #[case::watchdog((10, 130), false)]
    #[case::tape((9, 0), false)]
    #[case::null((1, 3), false)]
    fn a_terminal_is_what_the_kernel_lists_as_one(#[case] numbers: (u32, u32), #[case] is: bool) {
        assert_eq!(is_listed(SOME, numbers), is);
    }

    #[test]
    fn the_multiplexer_is_none() {
        assert!(!is_one(libc::makedev(5, 2)) && !is_one(libc::makedev(10, 130)));
        assert!(is_one(libc::makedev(136, 0)));
    }
}
