//! The properties that the specification has, for who has written one nearly so.

use crate::nearest::nearest;

/// Of every object that a container on Linux can have.
const NAMES: [&str; 84] = [
    "ociVersion",
    "root",
    "process",
    "hostname",
    "domainname",
    "mounts",
    "hooks",
    "annotations",
    "linux",
    "path",
    "readonly",
    "terminal",
    "consoleSize",
    "height",
    "width",
    "user",
    "uid",
    "gid",
    "umask",
    "additionalGids",
    "username",
    "args",
    "env",
    "cwd",
    "capabilities",
    "bounding",
    "effective",
    "permitted",
    "inheritable",
    "ambient",
    "rlimits",
    "type",
    "soft",
    "hard",
    "noNewPrivileges",
    "apparmorProfile",
    "selinuxLabel",
    "oomScoreAdj",
    "scheduler",
    "ioPriority",
    "execCPUAffinity",
    "destination",
    "source",
    "options",
    "uidMappings",
    "gidMappings",
    "containerID",
    "hostID",
    "size",
    "sysctl",
    "resources",
    "cgroupsPath",
    "namespaces",
    "devices",
    "netDevices",
    "seccomp",
    "rootfsPropagation",
    "maskedPaths",
    "readonlyPaths",
    "mountLabel",
    "intelRdt",
    "personality",
    "timeOffsets",
    "memory",
    "limit",
    "reservation",
    "swap",
    "kernel",
    "swappiness",
    "cpu",
    "shares",
    "quota",
    "period",
    "cpus",
    "mems",
    "pids",
    "blockIO",
    "weight",
    "unified",
    "hugepageLimits",
    "network",
    "rdma",
    "major",
    "minor",
];

/// The property that was probably meant by the last part of this pointer, which is none.
pub(super) fn misspelt(pointer: &str) -> Option<&'static str> {
    let free = ["/annotations/", "/linux/sysctl/", "/linux/resources/unified/", "/linux/resources/rdma/"];
    let name = pointer.rsplit('/').next()?;
    let other = free.iter().any(|free| pointer.starts_with(free)) || name.parse::<usize>().is_ok();
    if other || OTHERS.contains(&name) || NAMES.contains(&name) {
        return None;
    }
    nearest(name, NAMES.iter().copied())
}

/// Known as well, and near to another.
const OTHERS: [&str; 6] = ["vm", "zos", "solaris", "windows", "freebsd", "memoryPolicy"];
