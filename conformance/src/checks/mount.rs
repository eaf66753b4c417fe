//! Root file system, mounts and propagation.

use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

/// Where a default container may have mounts; deeper ones are covers.
const PLACES: [&str; 6] = ["/", "/proc", "/sys", "/dev", "/run", "/tmp"];

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "mount-01",
        Isolation,
        "plain",
        "The container has its own mount namespace and its root is the configured tree.",
        "mount_namespaces(7)",
        |j| {
            j.differ("host.ns.mnt.init", "host.ns.mnt.own");
            j.same("mount.root_inode", "host.root_inode");
            j.same("host.init.root_inode", "host.root_inode");
        },
    ),
    Check::new(
        "mount-02",
        Isolation,
        "plain",
        "No mount of the host remains in the container.",
        "pivot_root(2)",
        |j| {
            let Some(list) = j.fact("mount.targets").and_then(serde_json::Value::as_array).cloned() else {
                return;
            };
            let under = |target: &str| {
                PLACES.iter().any(|p| *p == target || *p != "/" && target.starts_with(&format!("{p}/")))
            };
            for target in list.iter().filter_map(serde_json::Value::as_str).filter(|t| !under(t)) {
                j.expect(false, format!("{target} is a mount that nobody declared"));
            }
            j.expect(list.first().is_some_and(|t| t == "/"), "the first mount is the root");
        },
    ),
    Check::new(
        "mount-02b",
        Isolation,
        "plain",
        "No mount shows a directory of the host other than the root that was configured.",
        "proc_pid_mountinfo(5), field 4",
        |j| {
            let Some(list) = j.fact("host.init.mounts").and_then(serde_json::Value::as_array).cloned() else {
                return;
            };
            for line in list.iter().filter_map(serde_json::Value::as_str) {
                let words: Vec<&str> = line.split(' ').collect();
                let [target, kind, root] = words.as_slice() else { continue };
                let own =
                    ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs", "rootfs"];
                j.expect(
                    *target == "/" || own.contains(kind) || root.contains("browndog-conformance"),
                    format!("{target} shows {root} of a {kind} file system"),
                );
            }
        },
    ),
    Check::new(
        "mount-02c",
        Isolation,
        "plain",
        "No file of the host can be reached by its path.",
        "pivot_root(2)",
        |j| {
            j.refused("proc.host_path");
            j.refused("proc.host_path_through_root");
        },
    ),
    Check::new(
        "mount-03",
        Isolation,
        "plain",
        "Mounting is refused, and nothing of it appears on the host.",
        "mount(2); mount_namespaces(7)",
        |j| {
            for kind in ["tmpfs", "bind", "move", "proc", "sysfs"] {
                j.refused(&format!("mount.try.{kind}"));
            }
            j.none("leak.mounts");
        },
    ),
    Check::new("mount-03b", Isolation, "plain", "pivot_root is refused.", "pivot_root(2)", |j| {
        j.denied("mount.try.pivot_root")
    }),
    Check::new(
        "mount-04",
        Isolation,
        "volumes",
        "A mount made on the host below a volume after start does not appear inside.",
        "mount_namespaces(7)",
        |j| {
            j.works("host.mount_below_volume");
            j.none("host.init.mounts_after_host");
            j.none("host.init.mounts_shared_with_host");
        },
    ),
    Check::new(
        "mount-05",
        Isolation,
        "plain",
        "No mount of the container is shared with a peer group of the host.",
        "mount_namespaces(7)",
        |j| {
            j.note("mount.shared");
            j.none("host.init.mounts_shared_with_host");
        },
    ),
    Check::new(
        "mount-05b",
        Isolation,
        "plain",
        "Sharing cannot be switched on from inside.",
        "mount(2), MS_SHARED",
        |j| {
            j.refused("mount.try.make_shared");
        },
    ),
    Check::new(
        "mount-06",
        Leak,
        "plain",
        "A start and stop does not change the propagation of host mounts.",
        "mount_namespaces(7)",
        |j| {
            j.none("leak.propagation");
        },
    ),
    Check::new(
        "mount-07",
        Isolation,
        "readonly",
        "A read-only root takes no new name.",
        "mount(2), MS_RDONLY",
        |j| {
            for kind in ["create", "create_nested", "mkdir", "link", "symlink", "rename", "unlink", "mkfifo"]
            {
                j.is(&format!("root.{kind}"), "EROFS");
            }
        },
    ),
    Check::new(
        "mount-07b",
        Isolation,
        "readonly",
        "A read-only root takes no change of content or attributes.",
        "mount(2), MS_RDONLY",
        |j| {
            for kind in ["append", "truncate", "chmod", "chown", "utimens"] {
                j.is(&format!("root.{kind}"), "EROFS");
            }
            j.refused("root.setxattr");
        },
    ),
    Check::new(
        "mount-07c",
        Isolation,
        "readonly",
        "The tree behind a read-only root is unchanged afterwards.",
        "mount(2)",
        |j| {
            let Some(list) = j.fact("host.root_changes").and_then(serde_json::Value::as_array).cloned()
            else {
                return;
            };
            for line in list.iter().filter_map(serde_json::Value::as_str) {
                j.expect(
                    !line.contains("made-inside") && !line.contains("renamed"),
                    format!("{line} is new"),
                );
            }
        },
    ),
    Check::new(
        "mount-08",
        Isolation,
        "plain",
        "What covers parts of /proc and /sys cannot be unmounted, remounted or covered again from inside.",
        "mount(2); umount(2)",
        |j| {
            j.note("mount.covers");
            j.none("mount.covers_lifted");
        },
    ),
    Check::new(
        "mount-08b",
        Isolation,
        "plain",
        "The root, /sys and /proc cannot be remounted.",
        "mount(2), MS_REMOUNT",
        |j| {
            for what in ["remount_root_rw", "remount_sys_rw", "remount_proc"] {
                j.refused(&format!("mount.try.{what}"));
            }
        },
    ),
    Check::new(
        "mount-09",
        Isolation,
        "volumes",
        "A device node on a volume cannot be opened.",
        "mount(2), MS_NODEV; cgroup device control",
        |j| {
            super::life::started(j, "volume.read", "ok");
            let some = |v: &serde_json::Value| v.as_str().is_some_and(|n| !n.is_empty());
            j.there("host.node", some, "none of the devices that are tried can be opened outside either");
            j.refused_with("volume.device_open", &["EACCES", "EPERM"]);
        },
    ),
    Check::new("mount-09b", Isolation, "volumes", "Volumes have no devices.", "mount(2), MS_NODEV", |j| {
        for target in ["/ro", "/rw"] {
            super::options::at(j, target, &["nodev"]);
        }
    }),
    Check::new(
        "mount-09d",
        Isolation,
        "volumes",
        "A memory file system has no devices, and nothing on it gives privilege.",
        "mount(2), MS_NOSUID, MS_NODEV; tmpfs(5)",
        |j| super::options::at(j, "/ram", &["nosuid", "nodev"]),
    ),
    Check::new(
        "mount-10",
        Isolation,
        "volumes",
        "A read-only volume is read-only below its top as well.",
        "mount_setattr(2), AT_RECURSIVE",
        |j| {
            j.is("volume.ro_nested_write", "EROFS");
        },
    ),
    Check::new(
        "mount-11",
        Isolation,
        "volumes",
        "A read-only volume is read-only, and the host's files behind it are untouched.",
        "mount(2), MS_RDONLY",
        |j| {
            j.is("volume.ro_write", "EROFS");
            j.is("volume.ro_unlink", "EROFS");
            j.is("host.readonly_volume_untouched", true);
        },
    ),
    Check::new(
        "mount-11b",
        Isolation,
        "volumes",
        "A read-only volume can be neither remounted nor unmounted from inside.",
        "mount(2)",
        |j| {
            super::life::started(j, "volume.read", "ok");
            j.denied("volume.ro_remount");
            j.denied("volume.ro_unmount");
        },
    ),
    Check::new(
        "mount-11c",
        Functional,
        "volumes",
        "A volume shows the host's files, and a writable one passes writes on.",
        "mount(2), MS_BIND",
        |j| {
            j.works("volume.read");
            j.works("volume.rw_write");
            j.is("host.volume_file", true);
        },
    ),
    Check::new(
        "mount-12",
        Functional,
        "volumes",
        "A memory file system holds its declared size and not more.",
        "tmpfs(5), size",
        |j| {
            j.within("ram.written", f64::from(4 << 20) - 65_536.0, f64::from(4 << 20));
            j.is("ram.end", "ENOSPC");
        },
    ),
    Check::new(
        "mount-16",
        Isolation,
        "plain",
        "procfs is mounted nosuid, nodev and noexec.",
        "proc(5)",
        |j| {
            for option in ["nosuid", "nodev", "noexec"] {
                j.holds("mount./proc.options", option);
            }
        },
    ),
    Check::new(
        "mount-16b",
        Isolation,
        "plain",
        "sysfs is mounted read-only, nosuid, nodev and noexec.",
        "sysfs(5)",
        |j| {
            super::options::at(j, "/sys", &["ro", "nosuid", "nodev", "noexec"]);
        },
    ),
    Check::new(
        "mount-17",
        Isolation,
        "plain",
        "fsopen and fspick give no more than mount(2).",
        "fsopen(2); CVE-2022-0185",
        |j| {
            j.refused_with("mount.try.fsopen", &["EPERM", "ENOSYS"]);
            j.refused_with("mount.try.fspick", &["EPERM", "ENOSYS"]);
        },
    ),
    Check::new("mount-17b", Isolation, "plain", "open_tree cannot clone a tree.", "open_tree(2)", |j| {
        j.refused_with("mount.try.open_tree_clone", &["EPERM", "ENOSYS"]);
    }),
    Check::new(
        "mount-17c",
        Isolation,
        "plain",
        "mount_setattr cannot take read-only away.",
        "mount_setattr(2)",
        |j| {
            j.refused_with("mount.try.mount_setattr", &["EPERM", "ENOSYS", "EINVAL"]);
        },
    ),
    Check::new("mount-17d", Isolation, "plain", "move_mount cannot move a mount.", "move_mount(2)", |j| {
        j.refused_with("mount.try.move_mount", &["EPERM", "ENOSYS"]);
    }),
    Check::new(
        "mount-18",
        Isolation,
        "plain",
        "statmount tells nothing about other mount namespaces.",
        "statmount(2)",
        |j| {
            if !j.filtered("mount.statmount_foreign") {
                j.none("mount.statmount_foreign");
            }
        },
    ),
    Check::new(
        "mount-18b",
        Isolation,
        "plain",
        "listmount tells nothing about other mount namespaces.",
        "listmount(2)",
        |j| {
            if !j.filtered("mount.listmount_foreign") {
                j.none("mount.listmount_foreign");
            }
        },
    ),
    Check::new(
        "mount-18c",
        Isolation,
        "plain",
        "The next mount namespace cannot be had by ioctl.",
        "ioctl_nsfs(2), NS_MNT_GET_NEXT",
        |j| {
            j.refused("mount.next_namespace");
        },
    ),
];
