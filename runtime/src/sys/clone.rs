//! clone3(2), with a child that runs a function of ours and never returns.

use nix::errno::Errno;
use nix::libc;

use super::{ChildMemory, Result};

/// `struct clone_args` of clone(2), the 88-byte version of Linux 5.7 (CLONE_INTO_CGROUP).
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneArgs {
    /// CLONE_* flags.
    pub flags: u64,
    /// Where to store the pidfd.
    pub pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    /// Signal sent to the parent at exit.
    pub exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    /// Descriptor of a cgroup v2 directory, with CLONE_INTO_CGROUP.
    pub cgroup: u64,
}

/// `clone3(args)`; the child runs `entry(context)` on the stack of `memory` and must never return.
///
/// Returns the child's pid. With CLONE_VM | CLONE_VFORK the call returns after the child has executed
/// or ended, so `context` may borrow from the caller's frame.
pub fn clone3<C: Sync>(
    args: &mut CloneArgs,
    memory: &ChildMemory,
    entry: extern "C" fn(&C) -> !,
    context: &C,
) -> Result<i32> {
    (args.stack, args.stack_size) = memory.stack();
    let args: *const CloneArgs = args;
    let size = size_of::<CloneArgs>();
    let context: *const C = context;
    let ret: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: `args` points to a live clone_args of `size` bytes. The parent continues at label 2 with
    // only rax, rcx and r11 changed, as the syscall ABI says. The child starts on the stack of `memory`, of
    // which nothing is in use, 16-byte aligned, and calls `entry` with a pointer that is
    // valid in its address space (shared with CLONE_VM, copied without); `entry` never returns.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 as isize => ret,
            in("rdi") args,
            in("rsi") size,
            in("r12") entry,
            in("r13") context,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above, with the registers of that ABI.
    unsafe {
        std::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x21",
            "blr x20",
            "brk #1",
            "2:",
            inlateout("x0") args => ret,
            in("x1") size,
            in("x8") libc::SYS_clone3,
            in("x20") entry,
            in("x21") context,
            lateout("x30") _,
        );
    }
    if ret < 0 { Err(Errno::from_raw(-ret as i32)) } else { Ok(ret as i32) }
}
