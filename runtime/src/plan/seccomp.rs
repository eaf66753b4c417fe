//! The default system call filter (seccomp(2)).
//!
//! What a container has no business with answers EPERM; what this table does not know yet answers
//! ENOSYS, so that a C library falls back to the older call instead of giving up. A row that names a
//! capability is lifted where the domain keeps that capability.

mod compile;

use std::borrow::Cow;

use browndog_xml::domain::Origin;
use browndog_xml::value::Capability;

use crate::sys::Instruction;
use compile::{
    AARCH64, ALLOW, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, DATA_ARCH, DATA_NR, Filter, JUMP_EQ, JUMP_SET, LOAD,
    REFUSE, UNKNOWN, X86_64, op,
};

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
    /// Why it is refused.
    pub because: &'static str,
}

const fn number(value: i32) -> Option<u32> {
    if value < 0 { None } else { Some(value as u32) }
}

const fn row(name: &'static str, numbers: (i32, i32, i32), unless: Option<u8>, because: &'static str) -> Row {
    let (x86_64, i386, generic) = (number(numbers.0), number(numbers.1), number(numbers.2));
    Row { name, x86_64, i386, generic, unless, because }
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
    row("fsconfig", (431, 431, 431), SYS_ADMIN, MOUNTS),
    row("fsmount", (432, 432, 432), SYS_ADMIN, MOUNTS),
    row("fsopen", (430, 430, 430), SYS_ADMIN, MOUNTS),
    row("fspick", (433, 433, 433), SYS_ADMIN, MOUNTS),
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
    row("mount", (165, 21, 40), SYS_ADMIN, MOUNTS),
    row("mount_setattr", (442, 442, 442), SYS_ADMIN, MOUNTS),
    row("move_mount", (429, 429, 429), SYS_ADMIN, MOUNTS),
    row("nfsservctl", (180, 169, -1), None, OLD),
    row("open_by_handle_at", (304, 342, 265), DAC_READ_SEARCH, "reaches inodes outside the root"),
    row("open_tree", (428, 428, 428), SYS_ADMIN, MOUNTS),
    row("open_tree_attr", (467, 467, 467), SYS_ADMIN, MOUNTS),
    row("perf_event_open", (298, 336, 241), PERFMON, "measures the whole machine"),
    row("pivot_root", (155, 217, 41), SYS_ADMIN, MOUNTS),
    row("query_module", (178, 167, -1), SYS_MODULE, OLD),
    row("quotactl", (179, 131, 60), SYS_ADMIN, "quotas are the host's"),
    row("quotactl_fd", (443, 443, 443), SYS_ADMIN, "quotas are the host's"),
    row("reboot", (169, 88, 142), SYS_BOOT, "the container ends when its init does"),
    row("request_key", (249, 287, 218), None, KEYS),
    row("setns", (308, 346, 268), SYS_ADMIN, NAMESPACES),
    row("settimeofday", (164, 79, 170), SYS_TIME, CLOCK),
    row("stime", (-1, 25, -1), SYS_TIME, CLOCK),
    row("swapoff", (168, 115, 225), SYS_ADMIN, "swap is the machine's"),
    row("swapon", (167, 87, 224), SYS_ADMIN, "swap is the machine's"),
    row("sysfs", (139, 135, -1), None, OLD),
    row("_sysctl", (156, 149, -1), None, OLD),
    row("syslog", (103, 103, 116), SYSLOG, "the kernel's log is the machine's"),
    row("umount", (-1, 22, -1), SYS_ADMIN, MOUNTS),
    row("umount2", (166, 52, 39), SYS_ADMIN, MOUNTS),
    row("unshare", (272, 310, 97), SYS_ADMIN, NAMESPACES),
    row("uselib", (134, 86, -1), None, OLD),
    row("userfaultfd", (323, 374, 282), SYS_ADMIN, "lets a program stop the kernel in the middle of a copy"),
    row("ustat", (136, 62, -1), None, OLD),
    row("vhangup", (153, 111, 58), SYS_TTY_CONFIG, "hangs up the machine's terminal"),
    row("vm86", (-1, 166, -1), None, OLD),
    row("vm86old", (-1, 113, -1), None, OLD),
];

/// The last call that this table has an opinion on; Linux 6.17's `file_setattr`. Later ones: ENOSYS.
pub const LAST_KNOWN: u32 = 469;

/// The filter for a container that keeps `capabilities`, on `machine` (uname(2)); `None` where there is
/// no table for it. Those that most containers have were made by the compiler: a start does not search.
pub(super) fn program(capabilities: u64, machine: &str) -> Option<Cow<'static, [Instruction]>> {
    let (tables, ready): (_, &[(u64, &'static [Instruction])]) = match machine {
        "x86_64" => (X86_64, &READY_X86_64),
        "aarch64" => (AARCH64, &READY_AARCH64),
        _ => return None,
    };
    let lifting = capabilities & LIFTING;
    Some(match ready.iter().find(|(lifted, _)| *lifted == lifting) {
        Some((_, program)) => Cow::Borrowed(*program),
        None => Cow::Owned(Filter::new(lifting, tables).instructions().to_vec()),
    })
}

/// The capabilities that change a filter.
const LIFTING: u64 = {
    let (mut mask, mut at) = (0, 0);
    while at < REFUSED.len() {
        if let Some(bit) = REFUSED[at].unless {
            mask |= 1 << bit;
        }
        at += 1;
    }
    mask
};

/// Of [`LIFTING`], what a domain keeps that says nothing about capabilities.
const BY_DEFAULT: u64 = LIFTING & Capability::mask(&Capability::DEFAULT);
/// Likewise with an id map.
const NAMESPACED: u64 = LIFTING & !Capability::mask(&Capability::NEVER_NAMESPACED);

/// Filters made by the compiler: what each is for, and its instructions.
macro_rules! ready {
    ($tables:expr, $($lifting:expr),*) => {
        [$(($lifting, {
            const FILTER: Filter = Filter::new($lifting, $tables);
            static TRIMMED: [Instruction; FILTER.length()] = FILTER.trimmed();
            &TRIMMED
        })),*]
    };
}

static READY_X86_64: [(u64, &[Instruction]); 3] = ready!(X86_64, BY_DEFAULT, NAMESPACED, LIFTING);
static READY_AARCH64: [(u64, &[Instruction]); 3] = ready!(AARCH64, BY_DEFAULT, NAMESPACED, LIFTING);

/// The ways in which [`weaken`] makes the filter of a container that keeps `capabilities` weaker.
pub(super) fn ways(capabilities: u64) -> Vec<String> {
    let held = |row: &&Row| row.unless.is_some_and(|bit| capabilities & (1 << bit) != 0);
    let rows = REFUSED.iter().filter(|row| row.x86_64.is_some() && !held(row));
    let clone = (capabilities & (1 << 21) == 0).then(|| "clone-flags".to_owned());
    let whole = ["unknown", "other-abi"].map(str::to_owned);
    whole.into_iter().chain(clone).chain(rows.map(|row| format!("allow-{}", row.name))).collect()
}

/// Makes a filter weaker, for [`super::weaken`]: `allow-NAME` lets one call of the 64-bit table through,
/// `unknown` refuses what it does not know instead of denying that it exists, `other-abi` allows
/// everything to 32-bit programs, `clone-flags` allows every new namespace.
pub(super) fn weaken(program: &mut Cow<'static, [Instruction]>, how: &str) -> bool {
    let program = program.to_mut();
    let is = |a: &Instruction, b: Instruction| a.code == b.code && a.k == b.k;
    match how {
        "unknown" => program.iter_mut().filter(|one| is(one, UNKNOWN)).for_each(|one| *one = REFUSE),
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
mod tests {
    use super::compile::{AUDIT_ARCH_AARCH64, CLONE3, DATA_ARG0, JUMP_GE, RETURN};
    use super::*;
    use nix::libc;
    use rstest::rstest;

    /// Runs a filter as the kernel would (BPF with loads, jumps and returns).
    fn run(program: &[Instruction], arch: u32, number: u32, arg0: u32) -> u32 {
        let (mut at, mut acc) = (0, 0);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let jump = |taken: bool| usize::from(if taken { jt } else { jf });
            match code {
                LOAD => {
                    acc = [(DATA_NR, number), (DATA_ARCH, arch), (DATA_ARG0, arg0)]
                        .iter()
                        .find(|(offset, _)| *offset == k)
                        .map_or(0, |(_, value)| *value)
                }
                JUMP_EQ => at += jump(acc == k),
                JUMP_GE => at += jump(acc >= k),
                JUMP_SET => at += jump(acc & k != 0),
                RETURN => return k,
                other => panic!("unknown instruction {other}"),
            }
        }
    }

    #[rstest]
    #[case::read(AUDIT_ARCH_X86_64, 0, 0, ALLOW.k)]
    #[case::mount(AUDIT_ARCH_X86_64, 165, 0, REFUSE.k)]
    #[case::mount_of_i386(AUDIT_ARCH_I386, 21, 0, REFUSE.k)]
    #[case::getpid_of_i386(AUDIT_ARCH_I386, 20, 0, ALLOW.k)]
    #[case::newer_than_the_table(AUDIT_ARCH_X86_64, LAST_KNOWN + 1, 0, UNKNOWN.k)]
    #[case::x32(AUDIT_ARCH_X86_64, 0x4000_0000, 0, UNKNOWN.k)]
    #[case::fork(AUDIT_ARCH_X86_64, 56, 17, ALLOW.k)]
    #[case::clone_newuser(AUDIT_ARCH_X86_64, 56, libc::CLONE_NEWUSER as u32 | 17, REFUSE.k)]
    #[case::clone3(AUDIT_ARCH_X86_64, CLONE3, 0, UNKNOWN.k)]
    #[case::other_architecture(AUDIT_ARCH_AARCH64, 0, 0, UNKNOWN.k)]
    fn without_capabilities(#[case] arch: u32, #[case] number: u32, #[case] arg0: u32, #[case] verdict: u32) {
        assert_eq!(run(&program(0, "x86_64").unwrap(), arch, number, arg0), verdict);
    }

    /// `runtime/seccomp.md` is this table, for people; BLESS=1 writes it anew.
    #[test]
    fn the_table_is_documented() {
        let mut text =
            "# The default system call filter\n\nWritten by a test from the table in `src/plan/seccomp.rs`. \
            What is listed answers EPERM; a number above "
                .to_owned();
        text += &format!(
            "{LAST_KNOWN} answers ENOSYS, and so does every call of another ABI than the machine's 64-bit\n"
        );
        text += "and 32-bit one (x32 too). Everything else is allowed. A capability in the last column lifts its row.\n\
            Without `sys_admin`, clone(2) with a namespace flag answers EPERM, and clone3(2), whose flags a filter\n\
            cannot see, ENOSYS, so that callers use clone(2). `<browndog:seccomp profile='none'/>` turns it off.\n\n\
            | call | why it is refused | unless |\n|---|---|---|\n";
        for row in REFUSED {
            let lifts =
                |number| browndog_xml::value::Capability::ALL.iter().find(|cap| cap.number() == number);
            let unless = row.unless.and_then(lifts).map_or("", |capability| capability.name());
            text += &format!("| {} | {} | {unless} |\n", row.name, row.because);
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/seccomp.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "BLESS=1 writes it anew");
    }

    #[test]
    fn every_row_is_refused_and_lifted_by_its_capability() {
        let strict = program(0, "x86_64").unwrap();
        for row in REFUSED {
            let Some(number) = row.x86_64 else { continue };
            assert_eq!(run(&strict, AUDIT_ARCH_X86_64, number, 0), REFUSE.k, "{}", row.name);
            if let Some(capability) = row.unless {
                let lifted = program(1 << capability, "x86_64").unwrap();
                assert_eq!(run(&lifted, AUDIT_ARCH_X86_64, number, 0), ALLOW.k, "{}", row.name);
            }
        }
    }

    /// What installing costs is the number of its instructions, a third of a microsecond each.
    #[rstest]
    #[case::strict(0, 110)]
    #[case::default(0x8004_25FB, 110)]
    #[case::privileged(u64::MAX, 80)]
    fn a_filter_is_short(#[case] capabilities: u64, #[case] most: usize) {
        let length = program(capabilities, "x86_64").unwrap().len();
        assert!(length <= most, "{length} instructions");
    }

    /// A filter is refused when it is made, not by the kernel, where a jump would be too far.
    #[test]
    fn every_set_of_capabilities_has_a_filter_whose_jumps_reach() {
        let mut lifted = 0_u64;
        loop {
            for machine in ["x86_64", "aarch64"] {
                let program = program(lifted, machine).unwrap();
                for (at, one) in program.iter().enumerate() {
                    let farthest = if one.code == RETURN { 0 } else { 1 + usize::from(one.jt.max(one.jf)) };
                    assert!(at + farthest < program.len(), "{lifted:#x}: {at} jumps out of the filter");
                }
            }
            if lifted == LIFTING {
                break;
            }
            // The next subset.
            lifted = (lifted | !LIFTING).wrapping_add(1) & LIFTING;
        }
    }

    /// Whose filter no start has to search for.
    #[rstest]
    #[case::default(Capability::mask(&Capability::DEFAULT))]
    #[case::namespaced(Capability::mask(&Capability::ALL) & !Capability::mask(&Capability::NEVER_NAMESPACED))]
    #[case::namespaced_by_a_later_kernel(((1 << 50) - 1) & !Capability::mask(&Capability::NEVER_NAMESPACED))]
    #[case::allowed(Capability::mask(&Capability::ALL))]
    #[case::denied(0)]
    fn the_filters_of_most_containers_were_made_by_the_compiler(#[case] capabilities: u64) {
        for (machine, tables) in [("x86_64", X86_64), ("aarch64", AARCH64)] {
            let ready = program(capabilities, machine).unwrap();
            assert!(matches!(ready, Cow::Borrowed(_)), "{machine}");
            let made = Filter::new(capabilities, tables);
            let plain = |one: &Instruction| (one.code, one.jt, one.jf, one.k);
            assert!(ready.iter().map(plain).eq(made.instructions().iter().map(plain)), "{machine}");
        }
        let own = program(capabilities ^ (1 << 22), "x86_64").unwrap();
        assert!(matches!(own, Cow::Owned(_)));
    }

    #[test]
    fn every_known_call_outside_the_table_is_allowed() {
        let strict = program(0, "x86_64").unwrap();
        for number in 0..=LAST_KNOWN {
            let listed = number == CLONE3 || REFUSED.iter().any(|row| row.x86_64 == Some(number));
            assert_eq!(run(&strict, AUDIT_ARCH_X86_64, number, 0) == ALLOW.k, !listed, "{number}");
            let listed = number == CLONE3 || REFUSED.iter().any(|row| row.i386 == Some(number));
            assert_eq!(run(&strict, AUDIT_ARCH_I386, number, 0) == ALLOW.k, !listed, "{number} of i386");
        }
    }
}
