//! Value types that several rows share.

use crate::value::{Pattern, Value};

/// `yes` or `no`.
pub(super) const YES_NO: Value = Value::Choice(&["yes", "no"]);
/// `on` or `off`.
pub(super) const ON_OFF: Value = Value::Choice(&["on", "off"]);
/// 32 bits.
pub(super) const U32: Value = Value::Unsigned(0, u32::MAX as u64);
/// 64 bits.
pub(super) const U64: Value = Value::Unsigned(0, u64::MAX);

/// A word of letters, digits, `_`, `+` and `-`.
pub(super) static GENERIC_NAME: Pattern =
    Pattern::new(r"[a-zA-Z0-9_\+\-]+", "a word of letters, digits, '_', '+' and '-'");
/// The name of an environment variable.
pub(super) static VARIABLE: Pattern =
    Pattern::new("[a-zA-Z_]+[a-zA-Z0-9_]*", "the name of an environment variable");
/// One line, not empty.
pub(super) static LINE: Pattern = Pattern::new(r"[^\n]+", "a single line");

/// Architectures that libvirt knows.
pub(super) const ARCHITECTURES: Value = Value::Choice(&[
    "aarch64",
    "alpha",
    "armv6l",
    "armv7l",
    "cris",
    "i686",
    "ia64",
    "lm32",
    "loongarch64",
    "m68k",
    "microblaze",
    "microblazeel",
    "mips",
    "mipsel",
    "mips64",
    "mips64el",
    "openrisc",
    "parisc",
    "parisc64",
    "ppc",
    "ppc64",
    "ppc64le",
    "ppcemb",
    "riscv32",
    "riscv64",
    "s390",
    "s390x",
    "sh4",
    "sh4eb",
    "sparc",
    "sparc64",
    "unicore32",
    "x86_64",
    "xtensa",
    "xtensaeb",
]);
