//! User namespaces, credentials, capabilities.

use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation};

/// Capabilities that reach beyond a container, by number: no default set holds one of them.
const DANGEROUS: [(u32, &str); 18] = [
    (2, "dac_read_search"),
    (9, "linux_immutable"),
    (12, "net_admin"),
    (14, "ipc_lock"),
    (16, "sys_module"),
    (17, "sys_rawio"),
    (19, "sys_ptrace"),
    (21, "sys_admin"),
    (22, "sys_boot"),
    (24, "sys_resource"),
    (25, "sys_time"),
    (30, "audit_control"),
    (32, "mac_override"),
    (33, "mac_admin"),
    (34, "syslog"),
    (37, "audit_read"),
    (39, "bpf"),
    (38, "perfmon"),
];

/// The twelve of the plain recipe: CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, KILL 5, SETGID 6, SETUID 7,
/// SETPCAP 8, NET_BIND_SERVICE 10, SYS_CHROOT 18, AUDIT_WRITE 29, SETFCAP 31.
const ASKED_FOR: u64 = 0xa004_05fb;

fn bits(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or(u64::MAX)
}

/// The effect of one capability is missing.
macro_rules! absent {
    ($id:literal, $name:literal, $what:literal) => {
        Check::new(
            $id,
            Isolation,
            "plain",
            concat!("Without the capability, ", $what, " is refused (", $name, ")."),
            "capabilities(7)",
            |j| j.denied(concat!("caps.try.", $name)),
        )
    };
}

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "user-01",
        Isolation,
        "strict",
        "The id maps are exactly as declared.",
        "user_namespaces(7)",
        |j| {
            j.is("user.uid_map", vec!["0 100000 65536"]);
            j.is("user.gid_map", vec!["0 100000 65536"]);
        },
    ),
    Check::new(
        "user-02",
        Isolation,
        "strict",
        "Root inside is an unprivileged id outside.",
        "user_namespaces(7)",
        |j| {
            j.is("user.uids", vec!["0", "0", "0", "0"]);
            j.is("host.init.uids", "100000 100000 100000 100000");
            j.is("host.init.gids", "100000 100000 100000 100000");
        },
    ),
    Check::new(
        "user-03",
        Isolation,
        "strict",
        "Every namespace of the container is owned by its user namespace, none by the host's.",
        "ioctl_nsfs(2), NS_GET_USERNS",
        |j| {
            j.differ("host.ns.user.init", "host.ns.user.own");
            for kind in ["pid", "mnt", "ipc", "uts", "net", "cgroup"] {
                j.same(&format!("host.owner.{kind}"), "host.ns.user.init");
            }
        },
    ),
    Check::new(
        "user-03b",
        Isolation,
        "strict",
        "Inside a user namespace, too, no host process is seen and no mount can be made.",
        "user_namespaces(7)",
        |j| {
            j.is("pid.visible", vec![1]);
            j.refused("mount.try.tmpfs");
            j.none("mount.covers_lifted");
        },
    ),
    Check::new(
        "user-03c",
        Isolation,
        "strict",
        "Inside a user namespace, too, no machine-wide setting can be opened for writing.",
        "user_namespaces(7)",
        |j| {
            j.none("sysctl.machine_wide_opened");
            j.none("sys.opened_for_write");
            j.none("proc.readonly_writable");
        },
    ),
    Check::new(
        "user-03d",
        Functional,
        "strict",
        "With an id map the container is complete: /dev works, lo is up, a file can be made.",
        "user_namespaces(7)",
        |j| {
            j.works("dev.null_write");
            j.is("net.link.lo.up", true);
            j.works("user.create_file");
        },
    ),
    Check::new(
        "user-04",
        Isolation,
        "plain",
        "Supplementary groups of the caller do not pass.",
        "setgroups(2); CVE-2022-36109 class",
        |j| {
            let groups = j.facts().list("user.groups");
            j.note("user.groups");
            for group in ["4242", "4", "20"] {
                j.expect(
                    !groups.iter().any(|g| g == group),
                    format!("group {group} of the caller is still there"),
                );
            }
        },
    ),
    Check::new(
        "user-04b",
        Isolation,
        "nonroot",
        "Another user, too, gets no group of the caller.",
        "setgroups(2)",
        |j| {
            let groups = j.facts().list("user.groups");
            j.note("user.groups");
            j.expect(groups.iter().all(|g| g == "1000"), format!("groups are {groups:?}"));
        },
    ),
    Check::new(
        "user-05",
        Isolation,
        "nonroot",
        "Real, effective, saved and file system ids are all the declared ones.",
        "credentials(7)",
        |j| {
            j.is("user.uids", vec!["1000", "1000", "1000", "1000"]);
            j.is("user.gids", vec!["1000", "1000", "1000", "1000"]);
        },
    ),
    Check::new(
        "user-05b",
        Isolation,
        "nonroot",
        "A user without privilege cannot become root or join a group.",
        "setuid(2), setgroups(2)",
        |j| {
            j.refused("user.become_root");
            j.refused("user.add_group");
        },
    ),
    Check::new(
        "user-05c",
        Functional,
        "nonroot",
        "The working directory of another user is the declared one.",
        "chdir(2)",
        |j| {
            j.is("ctx.directory", "/home/user");
        },
    ),
    Check::new(
        "user-08",
        Isolation,
        "plain",
        "A nested user namespace is refused.",
        "user_namespaces(7); CVE-2022-0185",
        |j| {
            j.denied("seccomp.unshare.user");
            j.denied("seccomp.unshare.user_and_net");
            j.refused("seccomp.unshare.fs_and_user");
        },
    ),
    Check::new(
        "user-08c",
        Isolation,
        "plain",
        "A nested user namespace is refused by clone(2) and clone3(2) as well.",
        "clone(2), CLONE_NEWUSER; CVE-2022-0185",
        |j| {
            j.refused("seccomp.clone.user");
            j.refused("seccomp.clone3.user");
        },
    ),
    Check::new(
        "user-08b",
        Isolation,
        "nonroot",
        "A nested user namespace is refused to another user as well.",
        "user_namespaces(7); CVE-2022-0492",
        |j| {
            j.denied("seccomp.unshare.user");
        },
    ),
    Check::new(
        "caps-01",
        Isolation,
        "plain",
        "The bounding set holds no capability that reaches beyond a container.",
        "capabilities(7)",
        |j| {
            let held = bits(j.fact("caps.CapBnd").and_then(serde_json::Value::as_str).unwrap_or_default());
            for (number, name) in DANGEROUS {
                j.expect(
                    held & (1 << number) == 0,
                    format!("CAP_{} is in the bounding set", name.to_uppercase()),
                );
            }
        },
    ),
    Check::new(
        "caps-01d",
        Isolation,
        "plain",
        "No set holds a capability that was not asked for.",
        "capabilities(7); OCI runtime specification, process.capabilities",
        |j| {
            for set in ["caps.CapBnd", "caps.CapPrm", "caps.CapEff"] {
                let held = bits(j.fact(set).and_then(serde_json::Value::as_str).unwrap_or_default());
                let beyond = held & !ASKED_FOR;
                j.expect(beyond == 0, format!("{set} is {held:x}, in which {beyond:x} was not asked for"));
            }
        },
    ),
    Check::new(
        "caps-01b",
        Isolation,
        "plain",
        "Permitted and effective sets hold nothing the bounding set lacks.",
        "capabilities(7)",
        |j| {
            let of = |name: &str| bits(j.facts().text(name).unwrap_or_default());
            let (bounding, permitted, effective) = (of("caps.CapBnd"), of("caps.CapPrm"), of("caps.CapEff"));
            for name in ["caps.CapBnd", "caps.CapPrm", "caps.CapEff"] {
                j.note(name);
            }
            j.expect(
                permitted & !bounding == 0,
                format!("permitted {permitted:x} exceeds bounding {bounding:x}"),
            );
            j.expect(
                effective & !permitted == 0,
                format!("effective {effective:x} exceeds permitted {permitted:x}"),
            );
        },
    ),
    Check::new(
        "caps-01c",
        Isolation,
        "plain",
        "Capabilities that only a newer kernel has are clear as well.",
        "capabilities(7), cap_last_cap",
        |j| {
            let last = j.facts().number("caps.last").unwrap_or(0);
            j.note("caps.last");
            let held = bits(j.fact("caps.CapBnd").and_then(serde_json::Value::as_str).unwrap_or_default());
            j.expect(
                held >> 38 == 0,
                format!("of the capabilities from 38 to {last} some are set in {held:x}"),
            );
        },
    ),
    Check::new(
        "caps-02",
        Isolation,
        "plain",
        "The inheritable set is empty.",
        "capabilities(7); CVE-2022-29162",
        |j| j.is("caps.CapInh", "0000000000000000"),
    ),
    Check::new(
        "caps-02b",
        Isolation,
        "plain",
        "The ambient set is empty.",
        "capabilities(7); CVE-2022-24769",
        |j| {
            j.is("caps.CapAmb", "0000000000000000");
            j.none("caps.ambient");
        },
    ),
    Check::new(
        "caps-03",
        Isolation,
        "nonroot",
        "A payload that is not root has no effective or permitted capability.",
        "capabilities(7)",
        |j| {
            j.is("caps.CapEff", "0000000000000000");
            j.is("caps.CapPrm", "0000000000000000");
            j.is("caps.CapAmb", "0000000000000000");
        },
    ),
    absent!("caps-04a", "sys_module", "removing a module"),
    absent!("caps-04b", "sys_rawio_iopl", "I/O privilege"),
    absent!("caps-04c", "sys_rawio_ioperm", "access to a port"),
    absent!("caps-04d", "sys_admin_mount", "mounting"),
    absent!("caps-04e", "sys_admin_sethostname", "setting the host name"),
    absent!("caps-04f", "sys_admin_swapon", "swapping on a file"),
    absent!("caps-04g", "sys_admin_unshare", "a new mount namespace"),
    absent!("caps-04h", "sys_pacct", "process accounting"),
    absent!("caps-04i", "sys_ptrace_other", "tracing another user's process"),
    absent!("caps-04j", "sys_nice", "raising the priority"),
    absent!("caps-04k", "sys_resource", "raising a hard limit"),
    absent!("caps-04l", "sys_time", "setting the time zone"),
    absent!("caps-04m", "sys_tty_config", "hanging up a terminal"),
    absent!("caps-04n", "dac_read_search", "opening by handle"),
    absent!("caps-04o", "syslog", "changing the console log level"),
    absent!("caps-04p", "bpf", "making a BPF map"),
    absent!("caps-04q", "perfmon", "a kernel performance counter"),
    absent!("caps-04r", "linux_immutable", "making a file immutable"),
    absent!("caps-04s", "ipc_lock", "locking memory beyond the limit"),
    absent!("caps-04t", "net_admin", "changing a link"),
    absent!("caps-04u", "net_raw", "a raw socket"),
    absent!("caps-04v", "audit_control", "changing the audit state"),
    absent!("caps-04w", "audit_read", "listening to audit records"),
    absent!("caps-04x", "sys_boot", "loading another kernel"),
    absent!("caps-04y", "checkpoint_restore", "choosing the next process id"),
    absent!("caps-04z", "wake_alarm", "a timer that wakes the machine"),
    Check::new(
        "caps-05",
        Isolation,
        "nonroot",
        "A setuid-root program gives a user nothing.",
        "prctl(2), PR_SET_NO_NEW_PRIVS",
        |j| {
            j.is("caps.setuid_program_euid", 1000);
        },
    ),
    Check::new("caps-06", Isolation, "plain", "No securebit is set.", "capabilities(7), securebits", |j| {
        j.is("caps.securebits", 0)
    }),
    Check::new("caps-06b", Isolation, "plain", "Keep-caps is off.", "prctl(2), PR_SET_KEEPCAPS", |j| {
        j.is("caps.keepcaps", 0)
    }),
];
