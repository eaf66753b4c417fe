//! Which character devices are terminals, told by their numbers alone: nothing is opened to find out.

use nix::libc;

/// What the kernel says of its terminals: driver, name, major, minors, type (proc_tty(5)).
const DRIVERS: &str = "/proc/tty/drivers";

/// Major numbers of terminals, where the kernel does not say: tty and ttyS, `/dev/tty` and console, the sides of
/// pseudo-terminals, ttyACM, ttyUSB, ttyAMA and its like, hvc (admin-guide/devices.txt).
const MAJORS: [u32; 14] = [3, 4, 5, 136, 137, 138, 139, 140, 141, 142, 143, 166, 188, 204];

/// `/dev/ptmx`: every opening makes a new terminal.
const MULTIPLEXER: (u32, u32) = (5, 2);

/// Whether the device is a terminal that a line or somebody is at.
pub(super) fn is_one(device: u64) -> bool {
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
