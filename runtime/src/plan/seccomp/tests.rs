//! The filters, run as the kernel would run them, against the table.

use nix::libc;
use rstest::rstest;

use super::compile::{AUDIT_ARCH_AARCH64, CLONE3, DATA_ARG0, JUMP_GE, RETURN, SOCKETCALL_MAKES, Table};
use super::lifted::LIFTING;
use super::*;

/// Runs a filter (BPF with loads, jumps and returns).
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

const NONE: Lifted = Lifted::new(0, false);

fn filter(lifted: Lifted) -> Cow<'static, [Instruction]> {
    program(lifted, "x86_64").expect("there is a table")
}

const NEWUSER: u32 = libc::CLONE_NEWUSER as u32;
const NEWNS: u32 = libc::CLONE_NEWNS as u32;

#[rstest]
#[case::read(AUDIT_ARCH_X86_64, 0, 0, ALLOW.k)]
#[case::mount(AUDIT_ARCH_X86_64, 165, 0, REFUSE.k)]
#[case::mount_of_i386(AUDIT_ARCH_I386, 21, 0, REFUSE.k)]
#[case::getpid_of_i386(AUDIT_ARCH_I386, 20, 0, ALLOW.k)]
#[case::newer_than_the_table(AUDIT_ARCH_X86_64, LAST_KNOWN + 1, 0, UNKNOWN.k)]
#[case::x32(AUDIT_ARCH_X86_64, 0x4000_0000, 0, UNKNOWN.k)]
#[case::socket_of_x32(AUDIT_ARCH_X86_64, 0x4000_0029, 1, UNKNOWN.k)]
#[case::fork(AUDIT_ARCH_X86_64, 56, 17, ALLOW.k)]
#[case::clone_newuser(AUDIT_ARCH_X86_64, 56, NEWUSER | 17, REFUSE.k)]
#[case::unshare(AUDIT_ARCH_X86_64, 272, 0, REFUSE.k)]
#[case::clone3(AUDIT_ARCH_X86_64, CLONE3, 0, UNKNOWN.k)]
#[case::other_architecture(AUDIT_ARCH_AARCH64, 0, 0, UNKNOWN.k)]
#[case::socketcall_socket(AUDIT_ARCH_I386, 102, 1, UNKNOWN.k)]
#[case::socketcall_socketpair(AUDIT_ARCH_I386, 102, 8, UNKNOWN.k)]
#[case::socketcall_connect(AUDIT_ARCH_I386, 102, 3, ALLOW.k)]
fn without_capabilities(#[case] arch: u32, #[case] number: u32, #[case] arg0: u32, #[case] verdict: u32) {
    assert_eq!(run(&filter(NONE), arch, number, arg0), verdict);
}

#[rstest]
#[case::mount(AUDIT_ARCH_X86_64, 165, 0, ALLOW.k)]
#[case::umount_of_i386(AUDIT_ARCH_I386, 52, 0, ALLOW.k)]
#[case::reboot(AUDIT_ARCH_X86_64, 169, 0, ALLOW.k)]
#[case::setns(AUDIT_ARCH_X86_64, 308, 0, ALLOW.k)]
#[case::unshare_mounts(AUDIT_ARCH_X86_64, 272, NEWNS, ALLOW.k)]
#[case::unshare_users(AUDIT_ARCH_X86_64, 272, NEWNS | NEWUSER, REFUSE.k)]
#[case::unshare_users_of_i386(AUDIT_ARCH_I386, 310, NEWUSER, REFUSE.k)]
#[case::clone_mounts(AUDIT_ARCH_X86_64, 56, NEWNS | 17, ALLOW.k)]
#[case::clone_users(AUDIT_ARCH_X86_64, 56, NEWUSER | 17, REFUSE.k)]
#[case::clone_users_of_i386(AUDIT_ARCH_I386, 120, NEWUSER | 17, REFUSE.k)]
#[case::clone3(AUDIT_ARCH_X86_64, CLONE3, 0, UNKNOWN.k)]
#[case::bpf(AUDIT_ARCH_X86_64, 321, 0, REFUSE.k)]
#[case::perf_event_open(AUDIT_ARCH_X86_64, 298, 0, REFUSE.k)]
#[case::userfaultfd(AUDIT_ARCH_X86_64, 323, 0, REFUSE.k)]
#[case::open_by_handle_at(AUDIT_ARCH_X86_64, 304, 0, REFUSE.k)]
#[case::kcmp(AUDIT_ARCH_X86_64, 312, 0, REFUSE.k)]
#[case::fsopen(AUDIT_ARCH_X86_64, 430, 0, ALLOW.k)]
#[case::quotactl(AUDIT_ARCH_X86_64, 179, 0, REFUSE.k)]
#[case::io_uring_setup(AUDIT_ARCH_X86_64, 425, 0, REFUSE.k)]
fn for_a_whole_system(#[case] arch: u32, #[case] number: u32, #[case] arg0: u32, #[case] verdict: u32) {
    assert_eq!(run(&filter(SYSTEM), arch, number, arg0), verdict);
}

#[test]
fn what_a_whole_system_names_it_gets() {
    let named = Lifted::new(1 << 21 | 1 << 39, true);
    for (number, arg0) in [(321, 0), (323, 0), (272, NEWUSER), (56, NEWUSER), (CLONE3, 0)] {
        assert_eq!(run(&filter(named), AUDIT_ARCH_X86_64, number, arg0), ALLOW.k, "{number}");
    }
    assert_eq!(run(&filter(named), AUDIT_ARCH_X86_64, 304, 0), REFUSE.k);
}

/// Every way to make a socket: architecture and number.
const SOCKETS: [(u32, u32); 4] =
    [(AUDIT_ARCH_X86_64, 41), (AUDIT_ARCH_X86_64, 53), (AUDIT_ARCH_I386, 359), (AUDIT_ARCH_I386, 360)];

/// The families of this filter among all that there may be, and whether by socketcall(2) any can be made.
fn families(lifted: Lifted) -> (Vec<u32>, bool) {
    let program = filter(lifted);
    let allowed = |(arch, number)| -> Vec<u32> {
        (0..300).filter(|family| run(&program, arch, number, *family) == ALLOW.k).collect()
    };
    let first = allowed(SOCKETS[0]);
    for at in SOCKETS {
        assert_eq!(allowed(at), first, "every way takes the same");
        for family in (0..300).chain([u32::MAX]).filter(|family| !first.contains(family)) {
            assert!(family == u32::MAX || run(&program, at.0, at.1, family) == NO_FAMILY.k, "{family}");
        }
    }
    let by_call = |call: &u32| run(&program, AUDIT_ARCH_I386, 102, *call) == ALLOW.k;
    (first, SOCKETCALL_MAKES.iter().all(by_call))
}

#[rstest]
#[case::default(BY_DEFAULT, &[1, 2, 10, 16])]
#[case::net_raw(Lifted::new(1 << 13, false), &[1, 2, 10, 16, 17])]
#[case::whole_system(SYSTEM, &[1, 2, 10, 16, 17])]
#[case::named(NONE.with_families([40, 38].into_iter()), &[1, 2, 10, 16, 38, 40])]
fn families_of_sockets_are_an_allow_list(#[case] lifted: Lifted, #[case] wanted: &[u32]) {
    assert_eq!(families(lifted), (wanted.to_vec(), false));
}

#[test]
fn every_family_and_socketcall_where_any_is_named() {
    let (families, by_socketcall) = families(NONE.with_families([0].into_iter()));
    assert_eq!(families.len(), 300);
    assert!(by_socketcall);
}

/// `runtime/seccomp.md` is this table, for people; BROWNDOG_RENEW=1 writes it anew.
#[test]
fn the_table_is_documented() {
    let mut text =
        "# The default system call filter\n\nWritten by a test from the table in `src/plan/seccomp.rs`. \
        What is listed answers EPERM; a number above "
            .to_owned();
    text += &format!(
        "{LAST_KNOWN} answers ENOSYS, and so does every call of another ABI than the machine's 64-bit\n"
    );
    text += "and 32-bit one (x32 too). Everything else is allowed. A capability in the last column lifts its row;\n\
        `system` is a whole system (an `<idmap>` and an init of that kind, or `<browndog:system/>`), which gets of\n\
        its other capabilities none that it does not name.\n\
        Without `sys_admin`, clone(2) with a namespace flag answers EPERM, for a whole system only with\n\
        CLONE_NEWUSER, and so does its unshare(2); clone3(2), whose flags a filter cannot see, answers ENOSYS, so that\n\
        callers use clone(2). `<browndog:seccomp profile='none'/>` turns the filter off.\n\n\
        Sockets are of the families unix, inet, inet6 and netlink, with `net_raw` and for a whole system also of\n\
        packet, and of those that `<browndog:socket family='vsock'/>` names; socket(2) and socketpair(2) of any other\n\
        answer EAFNOSUPPORT. In the 32-bit table socketcall(2) makes none and answers ENOSYS for it: the family is in\n\
        memory, where a filter cannot look. 32-bit programs have had socket(2) itself since Linux 4.3; for older\n\
        ones, and C libraries built for older kernels, `family='any'` opens every family and socketcall(2).\n\n\
        | call | why it is refused | unless |\n|---|---|---|\n";
    for row in REFUSED {
        let lifts = |number| Capability::ALL.iter().find(|cap| cap.number() == number);
        let unless = row.unless.and_then(lifts).map_or("", |capability| capability.name());
        let system = if row.system { ", system" } else { "" };
        text += &format!("| {} | {} | {unless}{system} |\n", row.name, row.because);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/seccomp.md");
    if std::env::var_os("BROWNDOG_RENEW").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "BROWNDOG_RENEW=1 writes it anew");
}

#[test]
fn every_row_is_refused_and_lifted_by_its_capability() {
    let strict = filter(NONE);
    for row in REFUSED {
        let Some(number) = row.x86_64 else { continue };
        assert_eq!(run(&strict, AUDIT_ARCH_X86_64, number, 0), REFUSE.k, "{}", row.name);
        let of_system = if row.system { ALLOW.k } else { REFUSE.k };
        assert_eq!(run(&filter(SYSTEM), AUDIT_ARCH_X86_64, number, 0), of_system, "{}", row.name);
        if let Some(capability) = row.unless {
            let lifted = filter(Lifted::new(1 << capability, false));
            assert_eq!(run(&lifted, AUDIT_ARCH_X86_64, number, 0), ALLOW.k, "{}", row.name);
        }
    }
}

/// What installing costs is the number of its instructions, a third of a microsecond each.
#[rstest]
#[case::strict(NONE, 130)]
#[case::default(BY_DEFAULT, 130)]
#[case::system(SYSTEM, 130)]
#[case::privileged(ALLOWED, 100)]
fn a_filter_is_short(#[case] lifted: Lifted, #[case] most: usize) {
    let length = filter(lifted).len();
    assert!(length <= most, "{length} instructions");
}

/// A filter is refused when it is made, not by the kernel, where a jump would be too far.
#[test]
fn every_set_of_capabilities_has_a_filter_whose_jumps_reach() {
    let all: Vec<u8> = (1..64).collect();
    let mut capabilities = 0_u64;
    loop {
        for system in [false, true] {
            let lifted = Lifted::new(capabilities, system);
            // With as many families as there can be: the longest filters.
            let long = lifted.with_families(all.iter().copied());
            for (machine, lifted) in [("x86_64", lifted), ("x86_64", long), ("aarch64", long)] {
                let program = program(lifted, machine).expect("there is a table");
                for (at, one) in program.iter().enumerate() {
                    let farthest = if one.code == RETURN { 0 } else { 1 + usize::from(one.jt.max(one.jf)) };
                    assert!(at + farthest < program.len(), "{lifted:?}: {at} jumps out of the filter");
                }
            }
        }
        if capabilities == LIFTING {
            break;
        }
        // The next subset.
        capabilities = (capabilities | !LIFTING).wrapping_add(1) & LIFTING;
    }
}

/// Whose filter no start has to search for.
#[rstest]
#[case::default(Lifted::new(Capability::mask(&Capability::DEFAULT), false))]
#[case::whole_system(Lifted::new(Capability::mask(&Capability::DEFAULT), true))]
#[case::allowed(Lifted::new(Capability::mask(&Capability::ALL), false))]
#[case::allowed_by_a_later_kernel(Lifted::new((1 << 50) - 1, false))]
#[case::denied(NONE)]
fn the_filters_of_most_containers_were_made_by_the_compiler(#[case] lifted: Lifted) {
    for (machine, tables) in [("x86_64", X86_64), ("aarch64", AARCH64)] {
        let ready = program(lifted, machine).expect("there is a table");
        assert!(matches!(ready, Cow::Borrowed(_)), "{machine}");
        let made = Filter::new(lifted, tables);
        let plain = |one: &Instruction| (one.code, one.jt, one.jf, one.k);
        assert!(ready.iter().map(plain).eq(made.instructions().iter().map(plain)), "{machine}");
    }
    let own = filter(lifted.with_families([40].into_iter()));
    assert!(matches!(own, Cow::Owned(_)));
}

#[test]
fn every_known_call_outside_the_table_is_allowed() {
    let strict = filter(NONE);
    let sockets = |arch| SOCKETS.iter().filter(move |(of, _)| *of == arch).map(|(_, number)| *number);
    for number in 0..=LAST_KNOWN {
        let listed = number == CLONE3
            || sockets(AUDIT_ARCH_X86_64).any(|socket| socket == number)
            || REFUSED.iter().any(|row| row.x86_64 == Some(number));
        assert_eq!(run(&strict, AUDIT_ARCH_X86_64, number, 0) == ALLOW.k, !listed, "{number}");
        let listed = number == CLONE3
            || sockets(AUDIT_ARCH_I386).any(|socket| socket == number)
            || REFUSED.iter().any(|row| row.i386 == Some(number));
        assert_eq!(run(&strict, AUDIT_ARCH_I386, number, 0) == ALLOW.k, !listed, "{number} of i386");
    }
}

/// Calls that are judged by their first argument are in no row of the table.
#[test]
fn the_tables_agree_on_who_makes_sockets() {
    let of = |tables: &[Table]| tables.iter().filter_map(|table| table.socketcall).collect::<Vec<_>>();
    assert_eq!((of(X86_64), of(AARCH64)), (vec![102], vec![]));
}
