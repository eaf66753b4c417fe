//! Control groups as seen from inside, known ways out, and what is left on the host.

use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

/// The host is as it was: one kind of object.
macro_rules! left {
    ($id:literal, $kind:literal, $what:literal, $source:literal) => {
        Check::new($id, Leak, "plain", concat!("After a container ended, ", $what, "."), $source, |j| {
            j.none(concat!("leak.", $kind))
        })
    };
}

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "cgroup-01",
        Isolation,
        "plain",
        "The payload is in a control group of its own, in every hierarchy.",
        "cgroups(7)",
        |j| {
            j.within("host.init.cgroups_own", 1.0, 64.0);
        },
    ),
    Check::new(
        "cgroup-02",
        Isolation,
        "plain",
        "The cgroup namespace hides the host's path.",
        "cgroup_namespaces(7)",
        |j| {
            j.differ("host.ns.cgroup.init", "host.ns.cgroup.own");
            j.is("cgroup.paths", vec!["/"]);
        },
    ),
    Check::new(
        "cgroup-02b",
        Isolation,
        "plain",
        "Every mounted hierarchy shows the container's own sub-tree.",
        "cgroup_namespaces(7)",
        |j| j.only("cgroup.mount_roots", &["/"]),
    ),
    Check::new(
        "cgroup-03",
        Isolation,
        "plain",
        "No control file can be opened for writing.",
        "cgroups(7), delegation",
        |j| {
            j.note("cgroup.files_tried");
            j.none("cgroup.files_opened");
        },
    ),
    Check::new(
        "cgroup-03b",
        Isolation,
        "plain",
        "Every mounted hierarchy is read-only.",
        "mount(2), MS_RDONLY",
        |j| j.none("cgroup.mounts_writable"),
    ),
    Check::new(
        "cgroup-04",
        Isolation,
        "plain",
        "A task cannot be moved out of its group.",
        "cgroups(7)",
        |j| j.none("cgroup.moved_out_by"),
    ),
    Check::new(
        "cgroup-08",
        Isolation,
        "plain",
        "release_agent is out of reach.",
        "cgroups(7), release notification; CVE-2022-0492",
        |j| {
            let what = "no hierarchy of this machine has a release_agent";
            j.there("host.control.release_agent", |v| *v == true, what);
            j.none("cgroup.release_agent_opened");
        },
    ),
    Check::new(
        "cgroup-08b",
        Isolation,
        "plain",
        "No cgroup hierarchy can be mounted anew.",
        "cgroups(7); CVE-2022-0492",
        |j| {
            j.refused("mount.try.cgroup1");
            j.refused("mount.try.cgroup2");
        },
    ),
    Check::new(
        "cgroup-20",
        Leak,
        "plain",
        "Controllers enabled for others are as they were.",
        "cgroups(7), subtree_control",
        |j| j.none("leak.cgroup_settings"),
    ),
    Check::new(
        "reboot-03",
        Isolation,
        "plain",
        "Commands that act on the whole machine are refused.",
        "reboot(2)",
        |j| {
            for command in ["cad_on", "cad_off", "kexec", "suspend"] {
                j.refused_with(&format!("esc.reboot.{command}"), &["EPERM", "EINVAL", "ENOSYS"]);
            }
        },
    ),
    Check::new(
        "reboot-04",
        Isolation,
        "plain",
        "Without CAP_SYS_BOOT reboot(2) is refused.",
        "reboot(2); capabilities(7)",
        |j| {
            j.refused("caps.try.sys_boot");
            j.refused_with("seccomp.call.reboot", &["EPERM", "ENOSYS"]);
        },
    ),
    Check::new(
        "esc-06",
        Isolation,
        "plain",
        "Reading by file handle gives nothing.",
        "open_by_handle_at(2)",
        |j| {
            let what = "the file system of the host's root takes no handle that is made up";
            j.there("host.control.handles", |v| *v == true, what);
            j.is("esc.handles_opened", 0);
        },
    ),
    Check::new(
        "esc-07",
        Isolation,
        "plain",
        "No disk of the machine can be opened or mounted.",
        "mknod(2), mount(2)",
        |j| {
            j.there("host.control.disk", |v| *v == true, "there is no disk that can be opened outside");
            j.none("esc.disks_opened");
        },
    ),
    Check::new(
        "esc-09",
        Isolation,
        "plain",
        "No file system type that would load a module is even looked up.",
        "request_module; CVE-2022-0185 class",
        |j| j.none("esc.filesystems_asked_for"),
    ),
    Check::new(
        "esc-09b",
        Isolation,
        "plain",
        "The kernel's crypto sockets are refused.",
        "AF_ALG; request_module",
        |j| {
            j.refused("esc.crypto_socket");
            super::network::refused_by_a_wall(j, "esc.crypto_socket", "host.family.alg");
        },
    ),
    Check::new(
        "esc-09c",
        Isolation,
        "plain",
        "A tun device cannot be opened.",
        "tun in Documentation/networking/tuntap.rst",
        |j| j.refused("esc.tun_open"),
    ),
    Check::new(
        "esc-10",
        Isolation,
        "plain",
        "File systems with a large attack surface cannot be mounted.",
        "CVE-2022-0185; CVE-2023-0386 class",
        |j| {
            for kind in ["overlay", "bpf", "ramfs", "devpts", "mqueue", "debugfs"] {
                j.refused(&format!("mount.try.{kind}"));
            }
        },
    ),
    Check::new(
        "esc-11",
        Isolation,
        "plain",
        "binfmt_misc can be neither mounted nor written.",
        "binfmt_misc in Documentation/admin-guide/binfmt-misc.rst",
        |j| {
            j.refused("mount.try.binfmt_misc");
            j.refused("esc.binfmt_register");
        },
    ),
    Check::new(
        "esc-12",
        Isolation,
        "plain",
        "A held directory and a second chroot do not lead out.",
        "chroot(2)",
        |j| {
            j.is_not("esc.chroot_climb_stays", false);
            j.is("esc.root_unchanged", true);
        },
    ),
    Check::new(
        "esc-13",
        Isolation,
        "plain",
        "The mount namespace cannot be entered again by its file.",
        "setns(2)",
        |j| j.refused("esc.setns_init_mount"),
    ),
    left!("leak-01", "mounts", "no mount remains in any mount namespace", "umount(2)"),
    left!("leak-02", "cgroups", "no control group remains in any hierarchy", "cgroups(7)"),
    left!("leak-03", "links", "no network device remains", "veth(4)"),
    left!("leak-04", "processes", "no process or zombie remains", "wait(2)"),
    left!("leak-05", "files", "no state, socket or temporary file remains", "file-hierarchy(7)"),
    left!("leak-07", "namespaces", "no namespace stays alive", "namespaces(7)"),
    left!("leak-08", "loops", "no loop device remains", "loop(4)"),
    left!("leak-08b", "bpf", "no BPF program remains", "bpf(2)"),
    left!("leak-09", "ipc", "no IPC object remains", "sysvipc(7)"),
    left!("leak-09b", "keys", "no more users of keys are listed", "keyrings(7)"),
    left!("leak-11", "sysctls", "the host's settings are unchanged", "proc_sys(5)"),
    left!("leak-11b", "modules", "no module was loaded", "request_module"),
    Check::new(
        "leak-10",
        Leak,
        "plain",
        "The root file system holds nothing new but what the payload wrote and mount points.",
        "pivot_root(2)",
        |j| {
            let Some(list) = j.fact("host.root_changes").and_then(serde_json::Value::as_array).cloned()
            else {
                return;
            };
            for line in list.iter().filter_map(serde_json::Value::as_str) {
                let known = [
                    "/root/tmp/",
                    "/root/dev/",
                    "/root/sys/fs",
                    "/root/etc/mtab",
                    "/root/run/",
                    "/root/.oldroot",
                    "/root/proc",
                ];
                j.expect(known.iter().any(|k| line.contains(k)), format!("{line} is new"));
            }
        },
    ),
    Check::new(
        "leak-10b",
        Leak,
        "plain",
        "The directory that was the mount point of the old root is gone.",
        "pivot_root(2)",
        |j| {
            let Some(list) = j.fact("host.root_changes").and_then(serde_json::Value::as_array).cloned()
            else {
                return;
            };
            for line in list.iter().filter_map(serde_json::Value::as_str) {
                j.expect(!line.contains("oldroot") && !line.contains("put_old"), format!("{line} remains"));
            }
        },
    ),
    Check::new(
        "life-08",
        Functional,
        "plain",
        "The exit status of a payload that ends well is 0.",
        "wait(2)",
        |j| j.is("run.exit", 0),
    ),
];
