//! Capabilities.

use std::fmt;

/// A capability, by the kernel's number (linux/capability.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Capability(u8);

/// The kernel's names in the order of their numbers, without `CAP_`, in lower case.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

impl Capability {
    /// Every capability the kernel has a name for, by number.
    pub const ALL: [Self; 41] = {
        let mut all = [Self(0); 41];
        let mut number = 0;
        while number < 41 {
            all[number] = Self(number as u8);
            number += 1;
        }
        all
    };

    /// What a container has by the default policy: what an ordinary program may need and what gives
    /// nothing over the host. Not net_raw: with it a container on a shared bridge forges frames and
    /// addresses of its neighbours.
    /// chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service sys_chroot audit_write setfcap.
    pub const DEFAULT: [Self; 12] = [
        Self(0),
        Self(1),
        Self(3),
        Self(4),
        Self(5),
        Self(6),
        Self(7),
        Self(8),
        Self(10),
        Self(18),
        Self(29),
        Self(31),
    ];

    /// Left out even where the container has a user namespace of its own and may run a whole system:
    /// sys_module sys_rawio sys_time audit_control mac_override mac_admin syslog wake_alarm block_suspend.
    /// None of them works there, so a program that tests for them is told the truth.
    pub const NEVER_NAMESPACED: [Self; 9] =
        [Self(16), Self(17), Self(25), Self(30), Self(32), Self(33), Self(34), Self(35), Self(36)];

    /// One bit for each of `capabilities`, as the kernel has them.
    pub const fn mask(capabilities: &[Self]) -> u64 {
        let (mut mask, mut at) = (0, 0);
        while at < capabilities.len() {
            mask |= 1 << capabilities[at].0;
            at += 1;
        }
        mask
    }

    /// The capability of this name, without `CAP_`, in lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().position(|&known| known == name).map(|number| Self(number as u8))
    }

    /// The capability of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its name, without `CAP_`, in lower case.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
