//! The page on which the child says how far it has come.

use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

use nix::errno::Errno;
use nix::libc;

use super::Result;

/// How many child steps one plan may have: the size of [`Progress::stamps`].
pub const STEPS_MAX: usize = 440;

/// What the child writes and the parent reads: one page, shared in every clone mode.
#[derive(Debug)]
#[repr(C)]
pub struct Progress {
    /// Index of the step being performed.
    pub step: AtomicU32,
    /// The errno with which that step failed; 0 while nothing failed.
    pub errno: AtomicI32,
    /// Time at which each step ended, CLOCK_MONOTONIC ns; 0 where not traced.
    pub stamps: [AtomicU64; STEPS_MAX],
}

/// A shared mapping that holds a [`Progress`].
#[derive(Debug)]
pub struct ProgressPage(*mut Progress);

// SAFETY: the page holds atomics only, and lives as long as this owner.
unsafe impl Sync for ProgressPage {}

impl ProgressPage {
    /// Maps a zeroed page.
    pub fn new() -> Result<Self> {
        // SAFETY: a new anonymous shared mapping at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Progress>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(Self(base.cast())) }
    }
}

impl std::ops::Deref for ProgressPage {
    type Target = Progress;
    fn deref(&self) -> &Progress {
        // SAFETY: the mapping is at least as large and as aligned as Progress, zeroed (a valid state of
        // atomics), and unmapped only when this owner is dropped.
        unsafe { &*self.0 }
    }
}

impl Drop for ProgressPage {
    fn drop(&mut self) {
        // SAFETY: address and length are those of the mapping made in `new`; no borrow outlives `self`.
        let ret = unsafe { libc::munmap(self.0.cast(), size_of::<Progress>()) };
        debug_assert_eq!(ret, 0);
    }
}
