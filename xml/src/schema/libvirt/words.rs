//! Lists of words that rows share.

use crate::value::Value;

pub(super) const WORDS_DEV: Value = Value::Choice(&[
    "dev",
    "file",
    "pipe",
    "unix",
    "tcp",
    "udp",
    "null",
    "stdio",
    "vc",
    "pty",
    "spicevmc",
    "spiceport",
    "nmdm",
    "qemu-vdagent",
    "dbus",
]);
pub(super) const WORDS_RAW: Value = Value::Choice(&[
    "raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc", "vdi", "fat", "vhd", "ploop", "luks", "cow", "qcow",
    "qcow2", "qed", "vmdk",
]);
