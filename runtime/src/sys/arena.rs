//! The memory that a process takes first: a piece of the program's own, handed out from its beginning to its end.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a start takes altogether before the clone, and half as much again: 38 KiB were counted. Pages that nobody
/// writes cost nothing.
const BYTES: usize = 56 << 10;

/// An allocator that gives what it has, and then what `A` has.
///
/// Nothing is searched or locked, which is a quarter of what a start does in user space with a general allocator.
/// What is freed is used again where it was given last; anything else of it is lost, `BYTES` at most.
#[derive(Debug)]
#[repr(C)]
pub struct Arena<A> {
    /// How much of the memory is given away. Beside its beginning, on the same page.
    given: AtomicUsize,
    memory: UnsafeCell<[u8; BYTES]>,
    then: A,
}

// SAFETY: each byte of `memory` is reached only by the owner of the allocation that it is part of; `given` passes
// them on.
unsafe impl<A: Sync> Sync for Arena<A> {}

impl<A> Arena<A> {
    /// Of which nothing is given away.
    pub const fn new(then: A) -> Self {
        Self { given: AtomicUsize::new(0), memory: UnsafeCell::new([0; BYTES]), then }
    }

    fn base(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// Where in the memory `ptr` points to.
    fn offset(&self, ptr: *mut u8) -> Option<usize> {
        let offset = ptr.addr().wrapping_sub(self.base().addr());
        (offset < BYTES).then_some(offset)
    }

    /// The next `layout` bytes.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let base = self.base().addr();
        let mut given = self.given.load(Ordering::Relaxed);
        loop {
            let start = (base + given).checked_next_multiple_of(layout.align())? - base;
            let end = start.checked_add(layout.size()).filter(|end| *end <= BYTES)?;
            match self.given.compare_exchange_weak(given, end, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(self.base().wrapping_byte_add(start)),
                Err(other) => given = other,
            }
        }
    }

    /// An allocation that ends at `from` ends at `to` now, if it was given last.
    fn moves_end(&self, from: usize, to: usize) -> bool {
        to <= BYTES && self.given.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

// SAFETY: a block is given by one successful exchange of `given`, which no other block's overlaps, aligned as asked
// and inside of `memory`, or by `then`, which keeps the contract itself. It stays its owner's until freed: only then,
// and only if it is the last, `given` goes back before it.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Arena<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `then` asks for.
        self.take(layout).unwrap_or_else(|| unsafe { self.then.alloc(layout) })
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        match self.offset(ptr) {
            Some(start) => {
                let _was_last: bool = self.moves_end(start + layout.size(), start);
            }
            // SAFETY: what does not point into `memory` is from `then`.
            None => unsafe { self.then.dealloc(ptr, layout) },
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(start) = self.offset(ptr) else {
            // SAFETY: as above.
            return unsafe { self.then.realloc(ptr, layout, size) };
        };
        let end = start.checked_add(size);
        if end.is_some_and(|end| self.moves_end(start + layout.size(), end)) || size <= layout.size() {
            return ptr;
        }
        // SAFETY: the caller has checked that `size` does not overflow with this alignment.
        let larger = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: it is not zero, as the caller has promised.
        let new = unsafe { self.alloc(larger) };
        if !new.is_null() {
            // SAFETY: two blocks that do not overlap, of at least this length: the new one is larger.
            unsafe { std::ptr::copy_nonoverlapping(ptr, new, layout.size()) };
            // SAFETY: the caller gives this block away.
            unsafe { self.dealloc(ptr, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use proptest::prelude::*;

    use super::*;

    /// A block with the byte that fills it.
    struct Block(*mut u8, Layout, u8);

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("a power of two")
    }

    impl Block {
        fn new(arena: &Arena<System>, layout: Layout, fill: u8) -> Self {
            // SAFETY: the size is not 0.
            let ptr = unsafe { arena.alloc(layout) };
            assert!(!ptr.is_null() && ptr.addr().is_multiple_of(layout.align()));
            let block = Self(ptr, layout, fill);
            block.fill();
            block
        }

        fn fill(&self) {
            // SAFETY: a live block of this size.
            unsafe { self.0.write_bytes(self.2, self.1.size()) };
        }

        fn holds(&self, first: usize) -> bool {
            // SAFETY: as above, and written.
            let bytes = unsafe { std::slice::from_raw_parts(self.0, self.1.size()) };
            bytes[..first].iter().all(|byte| *byte == self.2)
        }

        fn resize(&mut self, arena: &Arena<System>, size: usize) {
            let kept = self.1.size().min(size);
            // SAFETY: a live block of this arena with its layout, and a size that is not 0.
            self.0 = unsafe { arena.realloc(self.0, self.1, size) };
            self.1 = layout(size, self.1.align());
            assert!(!self.0.is_null() && self.0.addr().is_multiple_of(self.1.align()));
            assert!(self.holds(kept), "what was in it is in it");
            self.fill();
        }

        fn free(self, arena: &Arena<System>) {
            assert!(self.holds(self.1.size()), "nobody else wrote to it");
            // SAFETY: a live block of this arena with its layout.
            unsafe { arena.dealloc(self.0, self.1) };
        }
    }

    proptest! {
        #[test]
        fn blocks_are_their_owners(
            steps in prop::collection::vec((0_u8..4, any::<prop::sample::Index>(), 1_usize..6000, 0_u32..8), 1..200)
        ) {
            let arena = Arena::new(System);
            let mut blocks: Vec<Block> = Vec::new();
            for (at, (what, which, size, align)) in steps.into_iter().enumerate() {
                match what {
                    2 if !blocks.is_empty() => blocks.remove(which.index(blocks.len())).free(&arena),
                    3 if !blocks.is_empty() => {
                        let which = which.index(blocks.len());
                        blocks[which].resize(&arena, size);
                    }
                    _ => blocks.push(Block::new(&arena, layout(size, 1 << align), at as u8)),
                }
            }
            blocks.into_iter().for_each(|block| block.free(&arena));
        }
    }

    #[test]
    fn what_was_given_last_is_given_again_and_grows_where_it_is() {
        let arena = Arena::new(System);
        let first = Block::new(&arena, layout(24, 8), 1);
        let place = first.0;
        first.free(&arena);
        let mut again = Block::new(&arena, layout(40, 8), 2);
        assert_eq!(again.0, place);
        again.resize(&arena, 4000);
        assert_eq!(again.0, place);
        let behind = Block::new(&arena, layout(8, 8), 3);
        again.resize(&arena, 4001);
        assert_ne!(again.0, place, "somebody is behind it");
        behind.free(&arena);
        again.free(&arena);
    }

    #[test]
    fn what_it_has_not_is_the_others() {
        let arena = Arena::new(System);
        let large = Block::new(&arena, layout(BYTES + 1, 1), 1);
        assert_eq!(arena.offset(large.0), None);
        let rest = Block::new(&arena, layout(BYTES, 1), 2);
        assert_eq!(arena.offset(rest.0), Some(0));
        let more = Block::new(&arena, layout(1, 1), 3);
        assert_eq!(arena.offset(more.0), None);
        for block in [more, rest, large] {
            block.free(&arena);
        }
        assert_eq!(arena.given.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn threads_share_it() {
        let arena = Arena::new(System);
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let arena = &arena;
                let _joined_by_the_scope = scope.spawn(move || {
                    for round in 0..200 {
                        let block = Block::new(arena, layout(1 + round % 40, 8), thread);
                        std::thread::yield_now();
                        block.free(arena);
                    }
                });
            }
        });
    }
}
