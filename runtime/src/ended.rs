//! How a process ended, as it was.

use nix::libc;

/// How the init ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this status.
    Exited(i32),
    /// A signal of this number killed it, a real-time signal perhaps.
    Killed(i32),
    /// Process 1 of a PID namespace, after a process inside had called reboot(2).
    Asked(Asked),
}

/// What a process inside asked for with reboot(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The container off.
    PowerOff,
    /// The container anew.
    Reboot,
}

impl Ended {
    /// From what waitid(2) says of a process that has ended; `is_init`: of process 1 of a PID namespace.
    ///
    /// Nobody but the kernel can let a process 1 end by SIGINT or SIGHUP, and it does so after reboot(2):
    /// a process 1 has no default actions. Of any other process these are signals like others.
    pub fn of(code: i32, status: i32, is_init: bool) -> Self {
        match (code, status) {
            (libc::CLD_EXITED, status) => Self::Exited(status),
            (_, libc::SIGINT) if is_init => Self::Asked(Asked::PowerOff),
            (_, libc::SIGHUP) if is_init => Self::Asked(Asked::Reboot),
            (_, signal) => Self::Killed(signal),
        }
    }

    /// What the container asked for, where it ended by reboot(2).
    pub fn asked(self) -> Option<Asked> {
        match self {
            Self::Asked(asked) => Some(asked),
            _ => None,
        }
    }

    /// What a shell would say: the status, or 128 and the signal. 0 for a container that powered itself
    /// off, 129 for one that asked for its reboot.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Exited(status) => status,
            Self::Killed(signal) => 128 + signal,
            Self::Asked(Asked::PowerOff) => 0,
            Self::Asked(Asked::Reboot) => 128 + libc::SIGHUP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Ended};
    use nix::libc::{self, CLD_DUMPED, CLD_EXITED, CLD_KILLED};
    use rstest::rstest;

    #[rstest]
    #[case::status(CLD_EXITED, 7, true, Ended::Exited(7), 7)]
    #[case::status_130(CLD_EXITED, 130, true, Ended::Exited(130), 130)]
    #[case::killed(CLD_KILLED, libc::SIGKILL, true, Ended::Killed(9), 137)]
    #[case::dumped(CLD_DUMPED, libc::SIGSEGV, true, Ended::Killed(11), 139)]
    #[case::real_time(CLD_KILLED, 40, false, Ended::Killed(40), 168)]
    #[case::last_signal(CLD_KILLED, 64, true, Ended::Killed(64), 192)]
    #[case::interrupted(CLD_KILLED, libc::SIGINT, false, Ended::Killed(2), 130)]
    #[case::hung_up(CLD_KILLED, libc::SIGHUP, false, Ended::Killed(1), 129)]
    #[case::power_off(CLD_KILLED, libc::SIGINT, true, Ended::Asked(Asked::PowerOff), 0)]
    #[case::reboot(CLD_KILLED, libc::SIGHUP, true, Ended::Asked(Asked::Reboot), 129)]
    fn an_end_is_told_as_it_was(
        #[case] code: i32,
        #[case] status: i32,
        #[case] is_init: bool,
        #[case] ended: Ended,
        #[case] exit_code: i32,
    ) {
        assert_eq!(Ended::of(code, status, is_init), ended);
        assert_eq!(ended.exit_code(), exit_code);
    }
}
