//! From the table to a filter: a search tree over the numbers of calls, for each table of the machine.
//!
//! All of it can be done by the compiler: the filters that most containers have are constants.

use nix::libc;

use super::{LAST_KNOWN, REFUSED, Row, SYS_ADMIN};
use crate::sys::Instruction;

/// CLONE_NEW*: what clone(2) may not have in its flags without CAP_SYS_ADMIN.
const CLONE_NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

pub(super) const AUDIT_ARCH_X86_64: u32 = 0xC000_003E;
pub(super) const AUDIT_ARCH_I386: u32 = 0x4000_0003;
pub(super) const AUDIT_ARCH_AARCH64: u32 = 0xC000_00B7;

pub(super) const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
pub(super) const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
pub(super) const JUMP_EQ: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
pub(super) const JUMP_GE: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
pub(super) const JUMP_SET: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
pub(super) const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Offsets into `struct seccomp_data`.
pub(super) const DATA_NR: u32 = 0;
pub(super) const DATA_ARCH: u32 = 4;
pub(super) const DATA_ARG0: u32 = 16;

pub(super) const fn op(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

pub(super) const ALLOW: Instruction = op(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW);
pub(super) const REFUSE: Instruction = op(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
pub(super) const UNKNOWN: Instruction = op(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32);

/// A table of system calls: its architecture, its numbers, and that of clone(2).
pub(super) struct Table {
    arch: u32,
    column: Column,
    clone: u32,
}

#[derive(Clone, Copy)]
enum Column {
    X86_64,
    I386,
    Generic,
}

impl Column {
    const fn of(self, row: &Row) -> Option<u32> {
        match self {
            Self::X86_64 => row.x86_64,
            Self::I386 => row.i386,
            Self::Generic => row.generic,
        }
    }
}

/// What programs can call by on a machine.
pub(super) const X86_64: &[Table] = &[
    Table { arch: AUDIT_ARCH_X86_64, column: Column::X86_64, clone: 56 },
    Table { arch: AUDIT_ARCH_I386, column: Column::I386, clone: 120 },
];
pub(super) const AARCH64: &[Table] =
    &[Table { arch: AUDIT_ARCH_AARCH64, column: Column::Generic, clone: 220 }];

/// Same number in every table.
pub(super) const CLONE3: u32 = 435;

/// Calls with an answer of their own.
const MARKS_MAX: usize = REFUSED.len() + 2;
/// Where each of them is between others that are allowed.
const RANGES_MAX: usize = 2 * MARKS_MAX + 2;
/// Two tables: what chooses them, a load, a tree of as many jumps as it has ranges, and the answers.
const INSTRUCTIONS_MAX: usize = 2 + 2 * (3 + RANGES_MAX + ANSWERS.len());

/// A filter, in room for the longest.
pub(super) struct Filter {
    instructions: [Instruction; INSTRUCTIONS_MAX],
    length: usize,
}

impl Filter {
    /// For a container that keeps `capabilities`, on a machine with these tables.
    pub(super) const fn new(capabilities: u64, tables: &[Table]) -> Self {
        let mut filter = Self { instructions: [UNKNOWN; INSTRUCTIONS_MAX], length: 0 };
        filter.push(op(LOAD, 0, 0, DATA_ARCH));
        let mut at = 0;
        while at < tables.len() {
            // Not this table: over the next instruction, which jumps over the block; a block may be longer
            // than the 255 instructions that a conditional jump reaches.
            filter.push(op(JUMP_EQ, 1, 0, tables[at].arch));
            filter.push(op(JUMP, 0, 0, 0));
            let start = filter.length;
            filter.block(capabilities, &tables[at]);
            filter.instructions[start - 1].k = (filter.length - start) as u32;
            at += 1;
        }
        // An unknown table: no call of it is known.
        filter.push(UNKNOWN);
        filter
    }

    pub(super) const fn length(&self) -> usize {
        self.length
    }

    pub(super) fn instructions(&self) -> &[Instruction] {
        &self.instructions[..self.length]
    }

    /// The same without the room: a constant of a page of its own would cost a start that page.
    pub(super) const fn trimmed<const LENGTH: usize>(&self) -> [Instruction; LENGTH] {
        assert!(self.length == LENGTH);
        let (mut trimmed, mut at) = ([UNKNOWN; LENGTH], 0);
        while at < LENGTH {
            trimmed[at] = self.instructions[at];
            at += 1;
        }
        trimmed
    }

    const fn push(&mut self, instruction: Instruction) {
        self.instructions[self.length] = instruction;
        self.length += 1;
    }

    /// The checks for one table; every path through it ends in a return.
    const fn block(&mut self, capabilities: u64, table: &Table) {
        self.push(op(LOAD, 0, 0, DATA_NR));
        let start = self.length;
        let ranges = Ranges::new(&answers(capabilities, table));
        let _root = self.search(&ranges, 0, ranges.length, LAST_KNOWN + 1);
        let answers = self.length;
        // Jumps to an answer were noted as its place behind the tree.
        let mut at = start;
        while at < answers {
            let node = &mut self.instructions[at];
            let behind = (answers - at - 1) as u8;
            if node.jt >= LEAVES {
                node.jt = behind + (node.jt - LEAVES);
            }
            if node.jf >= LEAVES {
                node.jf = behind + (node.jf - LEAVES);
            }
            at += 1;
        }
        let mut at = 0;
        while at < ANSWERS.len() {
            self.push(ANSWERS[at]);
            at += 1;
        }
    }

    /// Finds the range of a call among `first` to `last` (without it), all below `end`; adds the tree and returns
    /// how it is jumped to: 0 for the tree that follows, else a leaf.
    ///
    /// When the filter is installed the kernel runs it once for each call it knows, to remember which ones
    /// are allowed without running it again: that, and the number of instructions, is what installing
    /// costs. So both halves hold about as many calls, not as many ranges.
    const fn search(&mut self, ranges: &Ranges, first: usize, last: usize, end: u32) -> u8 {
        if last - first == 1 {
            return LEAVES + ranges.all[first].1 as u8;
        }
        let middle = ranges.all[first].0.midpoint(end);
        let mut split = first + 1;
        while split < last - 1 && ranges.all[split].0 < middle {
            split += 1;
        }
        let pivot = ranges.all[split].0;
        let at = self.length;
        self.push(op(JUMP_GE, 0, 0, pivot));
        let low = self.search(ranges, first, split, pivot);
        let distance = self.length - at - 1;
        let high = self.search(ranges, split, last, end);
        self.instructions[at].jf = low;
        self.instructions[at].jt = if high == 0 { distance as u8 } else { high };
        0
    }
}

/// What becomes of a call; the value is the place of the answer behind the tree.
#[derive(Clone, Copy)]
enum Answer {
    Allow = 0,
    Refuse = 1,
    Unknown = 2,
    /// Its flags decide.
    Clone = 3,
}

/// The answers, in the order of [`Answer`].
const ANSWERS: [Instruction; 7] =
    [ALLOW, REFUSE, UNKNOWN, op(LOAD, 0, 0, DATA_ARG0), op(JUMP_SET, 0, 1, CLONE_NAMESPACES), REFUSE, ALLOW];

/// A jump to an answer, until it is known where the answers are. A tree of every row is shorter.
pub(super) const LEAVES: u8 = 252;

/// The calls that are known, and the first that is not.
const CALLS: usize = LAST_KNOWN as usize + 2;

const fn answers(capabilities: u64, table: &Table) -> [Answer; CALLS] {
    let mut answers = [Answer::Allow; CALLS];
    answers[CALLS - 1] = Answer::Unknown;
    let mut at = 0;
    while at < REFUSED.len() {
        let row = &REFUSED[at];
        if let Some(number) = table.column.of(row)
            && !held(capabilities, row.unless)
        {
            answers[number as usize] = Answer::Refuse;
        }
        at += 1;
    }
    if !held(capabilities, SYS_ADMIN) {
        // clone3 keeps its flags in memory, where a filter cannot look: ENOSYS makes callers use clone.
        answers[table.clone as usize] = Answer::Clone;
        answers[CLONE3 as usize] = Answer::Unknown;
    }
    answers
}

const fn held(capabilities: u64, capability: Option<u8>) -> bool {
    match capability {
        Some(bit) => capabilities & (1 << bit) != 0,
        None => false,
    }
}

/// Neighbours with the same answer, from 0 to the last number there is: where each range begins.
struct Ranges {
    all: [(u32, Answer); RANGES_MAX],
    length: usize,
}

impl Ranges {
    const fn new(answers: &[Answer; CALLS]) -> Self {
        let mut ranges = Self { all: [(0, answers[0]); RANGES_MAX], length: 1 };
        let mut number = 1;
        while number < CALLS {
            if answers[number] as u8 != answers[number - 1] as u8 {
                ranges.all[ranges.length] = (number as u32, answers[number]);
                ranges.length += 1;
            }
            number += 1;
        }
        ranges
    }
}
