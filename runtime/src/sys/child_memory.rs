//! What a cloned child runs on: a stack, and above it where it says how far it has come.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

use nix::errno::Errno;
use nix::libc::{self, c_void};

use super::Result;
use super::identity::Identity;

/// How many child steps one plan may have: the size of [`Progress::stamps`].
pub const STEPS_MAX: usize = 8190;

/// How many programs that may not be read a start may meet, in PATH and behind first lines.
const UNREADABLE_MAX: usize = 16;

/// The child's stack: a path buffer of PATH_MAX and a few frames.
const STACK_BYTES: usize = 64 << 10;

/// What of [`Progress`] is on the stack's last page: one page fault less at each start. A stack begins at a
/// multiple of 16.
const SHARED_BYTES: usize = 64;

/// What the child writes and the parent reads. Pages that nobody writes cost nothing: without a trace, all
/// that is used of it is on the page on which the stack begins.
#[derive(Debug)]
#[repr(C)]
pub struct Progress {
    /// Index of the step being performed.
    pub step: AtomicU32,
    /// The errno with which that step failed; 0 while nothing failed.
    pub errno: AtomicI32,
    /// What the child has looked at last before it executes it: device, inode and mount.
    program: [AtomicU64; 3],
    /// How many of `unreadable` are noted.
    noted: AtomicU32,
    /// Programs that the user may not read, looked at while this process still could.
    unreadable: [[AtomicU64; 3]; UNREADABLE_MAX],
    /// Time at which each step ended, CLOCK_MONOTONIC ns; 0 where not traced.
    pub stamps: [AtomicU64; STEPS_MAX],
}

impl Progress {
    /// The child says what it is about to execute.
    pub fn will_execute(&self, program: Identity) {
        store(&self.program, program);
    }

    /// It may execute this without a further look. There is room for some; the others are looked at again.
    pub fn looked_at(&self, program: Identity) {
        let noted = self.noted.load(Ordering::Acquire);
        if let Some(place) = self.unreadable.get(noted as usize) {
            store(place, program);
            self.noted.store(noted + 1, Ordering::Release);
        }
    }

    /// Whether it has been noted so.
    pub fn was_looked_at(&self, program: Identity) -> bool {
        let noted = self.noted.load(Ordering::Acquire) as usize;
        self.unreadable.iter().take(noted).any(|place| load(place) == program)
    }

    /// What it has said.
    pub fn program(&self) -> Identity {
        load(&self.program)
    }
}

fn store(place: &[AtomicU64; 3], program: Identity) {
    let device = u64::from(program.device.0) << 32 | u64::from(program.device.1);
    for (place, number) in place.iter().zip([device, program.inode, program.mount]) {
        place.store(number, Ordering::Release);
    }
}

fn load(place: &[AtomicU64; 3]) -> Identity {
    let [device, inode, mount] = [0, 1, 2].map(|at: usize| place[at].load(Ordering::Acquire));
    Identity { device: ((device >> 32) as u32, device as u32), inode, mount }
}

/// The stack of one child, which grows down, and the [`Progress`] after its top.
#[derive(Debug)]
pub struct ChildMemory {
    base: *mut c_void,
    /// Whether it is a mapping of its own.
    mapped: bool,
}

/// That of the first child with which a process shares its memory, for most the only one: what the program has
/// is neither mapped nor unmapped.
#[repr(C, align(4096))]
struct First(UnsafeCell<[u8; ChildMemory::BYTES]>);

// SAFETY: only who has taken it, by `FIRST_TAKEN`, reaches the memory.
unsafe impl Sync for First {}

static FIRST: First = First(UnsafeCell::new([0; ChildMemory::BYTES]));
static FIRST_TAKEN: AtomicBool = AtomicBool::new(false);

// SAFETY: only the atomics of the progress can be reached through a shared reference; the mapping lives as
// long as this owner.
unsafe impl Sync for ChildMemory {}

impl ChildMemory {
    const TOP: usize = STACK_BYTES - SHARED_BYTES;
    const BYTES: usize = Self::TOP + size_of::<Progress>();

    /// For a child that borrows the parent's memory (CLONE_VM), or tells nothing by its progress.
    ///
    /// # Errors
    /// mmap(2).
    pub fn borrowed() -> Result<Self> {
        if !FIRST_TAKEN.swap(true, Ordering::AcqRel) {
            return Ok(Self { base: FIRST.0.get().cast(), mapped: false });
        }
        Self::map(libc::MAP_PRIVATE | libc::MAP_STACK | libc::MAP_NORESERVE)
    }

    /// For a child with a copy of the parent's memory: this part they have in common. Costs a file of
    /// the kernel's, 10 us.
    ///
    /// # Errors
    /// mmap(2).
    pub fn shared() -> Result<Self> {
        Self::map(libc::MAP_SHARED)
    }

    fn map(flags: libc::c_int) -> Result<Self> {
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory that
        // anything else uses.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                Self::BYTES,
                libc::PROT_READ | libc::PROT_WRITE,
                flags | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(Self { base, mapped: true }) }
    }

    /// Lowest address and length of the stack, as clone3(2) takes them.
    pub(super) fn stack(&self) -> (u64, u64) {
        (self.base as u64, Self::TOP as u64)
    }
}

impl std::ops::Deref for ChildMemory {
    type Target = Progress;
    fn deref(&self) -> &Progress {
        let progress: *const Progress = self.base.wrapping_byte_add(Self::TOP).cast();
        // SAFETY: the memory has room for a Progress at TOP, a multiple of its alignment, zeroed (a valid
        // state of atomics), outside of the stack, and unmapped only when this owner is dropped.
        unsafe { &*progress }
    }
}

impl Drop for ChildMemory {
    fn drop(&mut self) {
        if !self.mapped {
            return;
        }
        // SAFETY: address and length are those of the mapping made in `map`; no borrow outlives `self`,
        // and the child that ran on it has executed or ended (with CLONE_VM) or has its own mapping.
        let ret = unsafe { libc::munmap(self.base, Self::BYTES) };
        debug_assert_eq!(ret, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_known_and_nothing_else() {
        let memory = ChildMemory::shared().unwrap();
        let program = |inode| Identity { device: (8, 1), inode, mount: 7 };
        assert!(!memory.was_looked_at(Identity::default()));
        for inode in 1..=UNREADABLE_MAX as u64 + 1 {
            memory.looked_at(program(inode));
        }
        for inode in 1..=UNREADABLE_MAX as u64 {
            assert!(memory.was_looked_at(program(inode)));
            assert!(!memory.was_looked_at(Identity { mount: 8, ..program(inode) }));
        }
        assert!(!memory.was_looked_at(program(UNREADABLE_MAX as u64 + 1)));
    }

    #[test]
    fn the_progress_is_zeroed_and_beside_the_stack() {
        // The process has one, any further one is mapped.
        let borrowed = [ChildMemory::borrowed(), ChildMemory::borrowed()].map(Result::unwrap);
        assert!(borrowed[1].mapped);
        for memory in borrowed.into_iter().chain([ChildMemory::shared().unwrap()]) {
            let (base, len) = memory.stack();
            assert_eq!(len % 16, 0);
            assert_eq!(std::ptr::from_ref(&memory.step) as u64, base + len);
            assert_eq!(memory.errno.load(Ordering::Relaxed), 0);
            let last = &memory.stamps[STEPS_MAX - 1];
            last.store(7, Ordering::Relaxed);
            assert_eq!(last.load(Ordering::Relaxed), 7);
            // The errno is on the page of the stack's first frames.
            assert_eq!((base + len) / 4096, (base + len - 16) / 4096);
        }
    }
}
