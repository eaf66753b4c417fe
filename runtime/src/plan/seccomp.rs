//! The default system call filter (seccomp(2)).
//!
//! What a container has no business with answers EPERM; what this table does not know yet answers
//! ENOSYS, so that a C library falls back to the older call instead of giving up. A row that names a
//! capability is lifted where the domain keeps that capability. A whole system keeps many that its document
//! does not name: for it only the rows are lifted that such an init cannot do without.
//!
//! Families of sockets are an allow list: what others reach, as the host behind vsock or the kernel's ciphers
//! behind alg, no network namespace holds back. CAP_NET_RAW opens packet as well, which is one of the two things
//! that capabilities(7) has it for. In the 32-bit table socketcall(2) has the family in memory, where a filter
//! cannot look, so by it no socket can be made: ENOSYS, as of a kernel without it, rather than EAFNOSUPPORT, which
//! would say that the machine has no Internet.

mod compile;
mod lifted;

use std::borrow::Cow;

use browndog_xml::domain::Origin;
use browndog_xml::value::Capability;

use crate::sys::Instruction;
use compile::{
    AARCH64, ALLOW, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, DATA_ARCH, DATA_NR, Filter, JUMP_EQ, JUMP_SET, LOAD,
    NO_FAMILY, REFUSE, UNKNOWN, X86_64, op,
};
pub use lifted::Lifted;

/// Who asks for the filter where the document says nothing.
pub(super) const ORIGIN: Origin =
    Origin::Default("the default filter closes kernel interfaces that are not namespaced");

/// A call that is refused.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name.
    pub name: &'static str,
    /// Number in the 64-bit x86 table, if it is there.
    x86_64: Option<u32>,
    /// Number in the 32-bit x86 table, if it is there.
    i386: Option<u32>,
    /// Number in the generic table (aarch64), if it is there.
    generic: Option<u32>,
    /// The capability that lifts the row.
    pub unless: Option<u8>,
    /// Whether a whole system gets it without naming that capability.
    pub system: bool,
    /// Why it is refused.
    pub because: &'static str,
}

const fn number(value: i32) -> Option<u32> {
    if value < 0 { None } else { Some(value as u32) }
}

const fn row(name: &'static str, numbers: (i32, i32, i32), unless: Option<u8>, because: &'static str) -> Row {
    let (x86_64, i386, generic) = (number(numbers.0), number(numbers.1), number(numbers.2));
    Row { name, x86_64, i386, generic, unless, system: false, because }
}

/// The same for a call that no whole system can do without.
const fn system(
    name: &'static str,
    numbers: (i32, i32, i32),
    unless: Option<u8>,
    because: &'static str,
) -> Row {
    Row { system: true, ..row(name, numbers, unless, because) }
}

const DAC_READ_SEARCH: Option<u8> = Some(2);
const SYS_MODULE: Option<u8> = Some(16);
const SYS_RAWIO: Option<u8> = Some(17);
const SYS_PACCT: Option<u8> = Some(20);
const SYS_ADMIN: Option<u8> = Some(21);
const SYS_BOOT: Option<u8> = Some(22);
const SYS_TIME: Option<u8> = Some(25);
const SYS_TTY_CONFIG: Option<u8> = Some(26);
const SYSLOG: Option<u8> = Some(34);
const PERFMON: Option<u8> = Some(38);
const BPF: Option<u8> = Some(39);

const KEYS: &str = "keyrings are not namespaced";
const CLOCK: &str = "the clock is the machine's";
const MODULES: &str = "modules run in the machine's kernel";
const MOUNTS: &str = "the mounts are the runtime's";
const NAMESPACES: &str = "new namespaces open kernel code that only their root can reach";
const OLD: &str = "obsolete, kept for programs of the last century";
const URING: &str = "its operations pass by this filter";

/// The table.
pub const REFUSED: &[Row] = &[
    row("acct", (163, 51, 89), SYS_PACCT, "accounting is the machine's"),
    row("add_key", (248, 286, 217), None, KEYS),
    row("bpf", (321, 357, 280), BPF, "programs run in the machine's kernel"),
    row("clock_adjtime", (305, 343, 266), SYS_TIME, CLOCK),
    row("clock_adjtime64", (-1, 405, -1), SYS_TIME, CLOCK),
    row("clock_settime", (227, 264, 112), SYS_TIME, CLOCK),
    row("clock_settime64", (-1, 404, -1), SYS_TIME, CLOCK),
    row("create_module", (174, 127, -1), SYS_MODULE, MODULES),
    row("delete_module", (176, 129, 106), SYS_MODULE, MODULES),
    row("fanotify_init", (300, 338, 262), SYS_ADMIN, "watches whole file systems"),
    row("finit_module", (313, 350, 273), SYS_MODULE, MODULES),
    system("fsconfig", (431, 431, 431), SYS_ADMIN, MOUNTS),
    system("fsmount", (432, 432, 432), SYS_ADMIN, MOUNTS),
    system("fsopen", (430, 430, 430), SYS_ADMIN, MOUNTS),
    system("fspick", (433, 433, 433), SYS_ADMIN, MOUNTS),
    row("get_kernel_syms", (177, 130, -1), SYS_MODULE, OLD),
    row("init_module", (175, 128, 105), SYS_MODULE, MODULES),
    row("io_uring_enter", (426, 426, 426), None, URING),
    row("io_uring_register", (427, 427, 427), None, URING),
    row("io_uring_setup", (425, 425, 425), None, URING),
    row("ioperm", (173, 101, -1), SYS_RAWIO, "I/O ports are the machine's"),
    row("iopl", (172, 110, -1), SYS_RAWIO, "I/O ports are the machine's"),
    row("kcmp", (312, 349, 272), SYS_ADMIN, "tells kernel addresses apart"),
    row("kexec_file_load", (320, -1, 294), SYS_BOOT, "replaces the machine's kernel"),
    row("kexec_load", (246, 283, 104), SYS_BOOT, "replaces the machine's kernel"),
    row("keyctl", (250, 288, 219), None, KEYS),
    row("lookup_dcookie", (212, 253, 18), SYS_ADMIN, OLD),
    system("mount", (165, 21, 40), SYS_ADMIN, MOUNTS),
    system("mount_setattr", (442, 442, 442), SYS_ADMIN, MOUNTS),
    system("move_mount", (429, 429, 429), SYS_ADMIN, MOUNTS),
    row("nfsservctl", (180, 169, -1), None, OLD),
    row("open_by_handle_at", (304, 342, 265), DAC_READ_SEARCH, "reaches inodes outside the root"),
    system("open_tree", (428, 428, 428), SYS_ADMIN, MOUNTS),
    system("open_tree_attr", (467, 467, 467), SYS_ADMIN, MOUNTS),
    row("perf_event_open", (298, 336, 241), PERFMON, "measures the whole machine"),
    system("pivot_root", (155, 217, 41), SYS_ADMIN, MOUNTS),
    row("query_module", (178, 167, -1), SYS_MODULE, OLD),
    row("quotactl", (179, 131, 60), SYS_ADMIN, "quotas are the host's"),
    row("quotactl_fd", (443, 443, 443), SYS_ADMIN, "quotas are the host's"),
    system("reboot", (169, 88, 142), SYS_BOOT, "the container ends when its init does"),
    row("request_key", (249, 287, 218), None, KEYS),
    system("setns", (308, 346, 268), SYS_ADMIN, NAMESPACES),
    row("settimeofday", (164, 79, 170), SYS_TIME, CLOCK),
    row("stime", (-1, 25, -1), SYS_TIME, CLOCK),
    row("swapoff", (168, 115, 225), SYS_ADMIN, "swap is the machine's"),
    row("swapon", (167, 87, 224), SYS_ADMIN, "swap is the machine's"),
    row("sysfs", (139, 135, -1), None, OLD),
    row("_sysctl", (156, 149, -1), None, OLD),
    row("syslog", (103, 103, 116), SYSLOG, "the kernel's log is the machine's"),
    system("umount", (-1, 22, -1), SYS_ADMIN, MOUNTS),
    system("umount2", (166, 52, 39), SYS_ADMIN, MOUNTS),
    system("unshare", (272, 310, 97), SYS_ADMIN, NAMESPACES),
    row("uselib", (134, 86, -1), None, OLD),
    row("userfaultfd", (323, 374, 282), SYS_ADMIN, "lets a program stop the kernel in the middle of a copy"),
    row("ustat", (136, 62, -1), None, OLD),
    system("vhangup", (153, 111, 58), SYS_TTY_CONFIG, "hangs up the machine's terminal"),
    row("vm86", (-1, 166, -1), None, OLD),
    row("vm86old", (-1, 113, -1), None, OLD),
];

/// The last call that this table has an opinion on; Linux 6.17's `file_setattr`. Later ones: ENOSYS.
pub const LAST_KNOWN: u32 = 469;

/// The filter for a container for which this is lifted, on `machine` (uname(2)); `None` where there is no table for
/// it. Those that most containers have were made by the compiler: a start does not search.
pub(super) fn program(lifted: Lifted, machine: &str) -> Option<Cow<'static, [Instruction]>> {
    let (tables, ready): (_, &[(Lifted, &'static [Instruction])]) = match machine {
        "x86_64" => (X86_64, &READY_X86_64),
        "aarch64" => (AARCH64, &READY_AARCH64),
        _ => return None,
    };
    Some(match ready.iter().find(|(of, _)| *of == lifted) {
        Some((_, program)) => Cow::Borrowed(*program),
        None => Cow::Owned(Filter::new(lifted, tables).instructions().to_vec()),
    })
}

/// Of a domain that says nothing about capabilities.
const BY_DEFAULT: Lifted = Lifted::new(Capability::mask(&Capability::DEFAULT), false);
/// Of a whole system.
const SYSTEM: Lifted = Lifted::new(Capability::mask(&Capability::DEFAULT), true);
/// Of one that has every capability.
const ALLOWED: Lifted = Lifted::new(u64::MAX, false);

/// Filters made by the compiler: what each is for, and its instructions.
macro_rules! ready {
    ($tables:expr, $($lifted:expr),*) => {
        [$(($lifted, {
            const FILTER: Filter = Filter::new($lifted, $tables);
            static TRIMMED: [Instruction; FILTER.length()] = FILTER.trimmed();
            &TRIMMED
        })),*]
    };
}

static READY_X86_64: [(Lifted, &[Instruction]); 3] = ready!(X86_64, BY_DEFAULT, SYSTEM, ALLOWED);
static READY_AARCH64: [(Lifted, &[Instruction]); 3] = ready!(AARCH64, BY_DEFAULT, SYSTEM, ALLOWED);

/// The ways in which [`weaken`] makes a filter weaker.
pub(super) fn ways(lifted: Lifted) -> Vec<String> {
    let rows = REFUSED.iter().filter(|row| row.x86_64.is_some() && !lifted.lifts(row));
    let clone = (!lifted.holds(SYS_ADMIN)).then(|| "clone-flags".to_owned());
    let family = (!lifted.any_family()).then(|| "any-family".to_owned());
    let whole = ["unknown", "other-abi"].map(str::to_owned);
    whole
        .into_iter()
        .chain(clone)
        .chain(family)
        .chain(rows.map(|row| format!("allow-{}", row.name)))
        .collect()
}

/// Makes a filter weaker, for [`super::weaken`]: `allow-NAME` lets one call of the 64-bit table through,
/// `unknown` refuses what it does not know instead of denying that it exists, `other-abi` allows
/// everything to 32-bit programs, `clone-flags` allows every new namespace, `any-family` every socket.
pub(super) fn weaken(program: &mut Cow<'static, [Instruction]>, how: &str) -> bool {
    let program = program.to_mut();
    let is = |a: &Instruction, b: Instruction| a.code == b.code && a.k == b.k;
    match how {
        "unknown" => program.iter_mut().filter(|one| is(one, UNKNOWN)).for_each(|one| *one = REFUSE),
        "any-family" => {
            program.iter_mut().filter(|one| is(one, NO_FAMILY)).for_each(|one| *one = ALLOW);
        }
        "other-abi" => {
            let first = [op(LOAD, 0, 0, DATA_ARCH), op(JUMP_EQ, 0, 1, AUDIT_ARCH_I386), ALLOW];
            drop(program.splice(0..0, first));
        }
        "clone-flags" => program.iter_mut().filter(|one| one.code == JUMP_SET).for_each(|one| one.k = 0),
        _ => {
            let name = how.strip_prefix("allow-");
            let row = REFUSED.iter().find(|row| Some(row.name) == name).and_then(|row| row.x86_64);
            let Some(number) = row else { return false };
            let first = [
                op(LOAD, 0, 0, DATA_ARCH),
                op(JUMP_EQ, 0, 3, AUDIT_ARCH_X86_64),
                op(LOAD, 0, 0, DATA_NR),
                op(JUMP_EQ, 0, 1, number),
                ALLOW,
            ];
            drop(program.splice(0..0, first));
        }
    }
    true
}

#[cfg(test)]
mod tests;
