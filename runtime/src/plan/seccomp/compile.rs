//! From the table to a filter: a search tree over the numbers of calls, for each table of the machine.
//!
//! All of it can be done by the compiler: the filters that most containers have are constants.

use nix::libc;

use super::{LAST_KNOWN, Lifted, REFUSED, Row, SYS_ADMIN};
use crate::sys::Instruction;

/// CLONE_NEW*: what clone(2) may not have in its flags without CAP_SYS_ADMIN. A whole system makes namespaces,
/// but none in which each of its users is root.
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
pub(super) const NO_FAMILY: Instruction =
    op(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EAFNOSUPPORT as u32);

/// A table of system calls: its architecture, its numbers, and those of the calls that are let through or not
/// by their first argument.
pub(super) struct Table {
    arch: u32,
    column: Column,
    clone: u32,
    unshare: u32,
    /// socket(2) and socketpair(2): the family.
    sockets: [u32; 2],
    /// socketcall(2): which call it stands for.
    pub(super) socketcall: Option<u32>,
}

/// Calls of socketcall(2) that make a socket, of a family that is in memory, where a filter cannot look.
pub(super) const SOCKETCALL_MAKES: [u32; 2] = [1, 8];

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
    Table {
        arch: AUDIT_ARCH_X86_64,
        column: Column::X86_64,
        clone: 56,
        unshare: 272,
        sockets: [41, 53],
        socketcall: None,
    },
    Table {
        arch: AUDIT_ARCH_I386,
        column: Column::I386,
        clone: 120,
        unshare: 310,
        sockets: [359, 360],
        socketcall: Some(102),
    },
];
pub(super) const AARCH64: &[Table] = &[Table {
    arch: AUDIT_ARCH_AARCH64,
    column: Column::Generic,
    clone: 220,
    unshare: 97,
    sockets: [198, 199],
    socketcall: None,
}];

/// Same number in every table.
pub(super) const CLONE3: u32 = 435;

/// Calls with an answer of their own.
const MARKS_MAX: usize = REFUSED.len() + 5;
/// Where each of them is between others that are allowed.
const RANGES_MAX: usize = 2 * MARKS_MAX + 2;
/// Two tables, each chosen, loaded and searched with fewer jumps than it has ranges, and the answers.
const INSTRUCTIONS_MAX: usize = 1 + 2 * (2 + RANGES_MAX) + ANSWERS_MAX;
/// The tests of first arguments, one for each family at most, and what is returned.
const ANSWERS_MAX: usize = 2 + (1 + 64) + 3 + 4;

/// A filter, in room for the longest.
pub(super) struct Filter {
    instructions: [Instruction; INSTRUCTIONS_MAX],
    length: usize,
}

impl Filter {
    /// For a container for which this is lifted, on a machine with these tables: each is a test and a tree, and
    /// behind the last of them are the answers, which all jump to.
    pub(super) const fn new(lifted: Lifted, tables: &[Table]) -> Self {
        let mut filter = Self { instructions: [UNKNOWN; INSTRUCTIONS_MAX], length: 0 };
        filter.push(op(LOAD, 0, 0, DATA_ARCH));
        let mut at = 0;
        while at < tables.len() {
            let test = filter.length;
            filter.push(op(JUMP_EQ, 0, 0, tables[at].arch));
            filter.push(op(LOAD, 0, 0, DATA_NR));
            let ranges = Ranges::new(&answers(lifted, &tables[at]));
            let _root = filter.search(&ranges, 0, ranges.length);
            at += 1;
            // No call of an unknown table is known.
            filter.instructions[test].jf =
                if at < tables.len() { (filter.length - test - 1) as u8 } else { Answer::Unknown.leaf() };
        }
        filter.answer(lifted);
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

    /// Adds the answers: those that look at the first argument, then those that return, since jumps lead forward.
    /// Jumps to one were noted as a leaf.
    const fn answer(&mut self, lifted: Lifted) {
        let mut places = [0; ANSWERS];
        places[Answer::Clone as usize] = self.length;
        let namespaces = if lifted.system() { libc::CLONE_NEWUSER as u32 } else { CLONE_NAMESPACES };
        self.push(op(LOAD, 0, 0, DATA_ARG0));
        self.push(op(JUMP_SET, Answer::Refuse.leaf(), Answer::Allow.leaf(), namespaces));
        places[Answer::Family as usize] = self.length;
        self.push(op(LOAD, 0, 0, DATA_ARG0));
        self.families(lifted.families());
        places[Answer::Socketcall as usize] = self.length;
        self.push(op(LOAD, 0, 0, DATA_ARG0));
        self.push(op(JUMP_EQ, Answer::Unknown.leaf(), 0, SOCKETCALL_MAKES[0]));
        self.push(op(JUMP_EQ, Answer::Unknown.leaf(), Answer::Allow.leaf(), SOCKETCALL_MAKES[1]));
        let returns = [
            (Answer::Allow, ALLOW),
            (Answer::Refuse, REFUSE),
            (Answer::Unknown, UNKNOWN),
            (Answer::NoFamily, NO_FAMILY),
        ];
        let mut at = 0;
        while at < returns.len() {
            places[returns[at].0 as usize] = self.length;
            self.push(returns[at].1);
            at += 1;
        }
        assert!(self.length <= LEAVES as usize, "a jump would be too far, or be taken for a leaf");
        let mut at = 0;
        while at < self.length {
            let node = &mut self.instructions[at];
            if node.jt >= LEAVES {
                node.jt = (places[(node.jt - LEAVES) as usize] - at - 1) as u8;
            }
            if node.jf >= LEAVES {
                node.jf = (places[(node.jf - LEAVES) as usize] - at - 1) as u8;
            }
            at += 1;
        }
    }

    /// A test for each family of the mask; any other is not there.
    const fn families(&mut self, mask: u64) {
        let mut number = 0;
        while number < 64 && mask >> number != 0 {
            if mask & (1 << number) != 0 {
                let last = mask >> number == 1;
                let otherwise = if last { Answer::NoFamily.leaf() } else { 0 };
                self.push(op(JUMP_EQ, Answer::Allow.leaf(), otherwise, number));
            }
            number += 1;
        }
    }

    /// Finds the range of a call among `first` to `last` (without it); adds the tree and returns how it is jumped
    /// to: 0 for the tree that follows, else a leaf.
    ///
    /// When the filter is installed the kernel runs it once for each call it knows, to remember which ones
    /// are allowed without running it again: that, and the number of instructions, is what installing
    /// costs. So both halves hold about as many calls, not as many ranges, and are parted where fewer
    /// single numbers lose a neighbour: one between two of the same answer takes one instruction, not two.
    const fn search(&mut self, ranges: &Ranges, first: usize, last: usize) -> u8 {
        if last - first == 1 {
            return ranges.all[first].1.leaf();
        }
        if let Some(singles) = ranges.singles(first, last) {
            let mut at = 0;
            while at < singles {
                let (number, answer) = ranges.all[first + 2 * at + 1];
                at += 1;
                let otherwise = if at < singles { 0 } else { ranges.all[first].1.leaf() };
                self.push(op(JUMP_EQ, answer.leaf(), otherwise, number));
            }
            return 0;
        }
        let split = ranges.split(first, last);
        let at = self.length;
        self.push(op(JUMP_GE, 0, 0, ranges.all[split].0));
        let low = self.search(ranges, first, split);
        let distance = self.length - at - 1;
        let high = self.search(ranges, split, last);
        self.instructions[at].jf = low;
        self.instructions[at].jt = if high == 0 { distance as u8 } else { high };
        0
    }
}

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Answer {
    Allow,
    Refuse,
    Unknown,
    NoFamily,
    /// Its flags decide.
    Clone,
    /// The family decides.
    Family,
    /// The call that it stands for decides.
    Socketcall,
}

/// How many there are.
const ANSWERS: usize = 7;

impl Answer {
    const fn leaf(self) -> u8 {
        LEAVES + self as u8
    }
}

/// A jump to an answer, until it is known where the answers are. The whole filter is shorter.
const LEAVES: u8 = 248;

/// The calls that are known, and the first that is not.
const CALLS: usize = LAST_KNOWN as usize + 2;

const fn answers(lifted: Lifted, table: &Table) -> [Answer; CALLS] {
    let mut answers = [Answer::Allow; CALLS];
    answers[CALLS - 1] = Answer::Unknown;
    let mut at = 0;
    while at < REFUSED.len() {
        let row = &REFUSED[at];
        if let Some(number) = table.column.of(row)
            && !lifted.lifts(row)
        {
            answers[number as usize] = Answer::Refuse;
        }
        at += 1;
    }
    if !lifted.holds(SYS_ADMIN) {
        // clone3 keeps its flags in memory, where a filter cannot look: ENOSYS makes callers use clone.
        answers[table.clone as usize] = Answer::Clone;
        answers[CLONE3 as usize] = Answer::Unknown;
        if lifted.system() {
            answers[table.unshare as usize] = Answer::Clone;
        }
    }
    if !lifted.any_family() {
        answers[table.sockets[0] as usize] = Answer::Family;
        answers[table.sockets[1] as usize] = Answer::Family;
        if let Some(socketcall) = table.socketcall {
            answers[socketcall as usize] = Answer::Socketcall;
        }
    }
    answers
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

    /// Where the range begins that follows.
    const fn end(&self, range: usize) -> u32 {
        if range + 1 < self.length { self.all[range + 1].0 } else { CALLS as u32 }
    }

    /// How many single numbers there are from `first` to `last`, where one or two of them interrupt calls with
    /// one answer.
    const fn singles(&self, first: usize, last: usize) -> Option<usize> {
        if last - first != 3 && last - first != 5 {
            return None;
        }
        let mut at = first + 1;
        while at < last {
            let same = self.all[at + 1].1 as u8 == self.all[first].1 as u8;
            if !same || self.end(at) - self.all[at].0 != 1 {
                return None;
            }
            at += 2;
        }
        Some((last - first) / 2)
    }

    /// The first range of the upper half, by calls.
    const fn middle(&self, first: usize, last: usize) -> usize {
        let middle = self.all[first].0.midpoint(self.end(last - 1));
        let mut split = first + 1;
        while split < last - 1 && self.all[split].0 < middle {
            split += 1;
        }
        split
    }

    /// The same, or one beside it that makes a shorter tree.
    const fn split(&self, first: usize, last: usize) -> usize {
        const BESIDE: usize = 3;
        let middle = self.middle(first, last);
        let (mut best, mut least) = (middle, self.size(first, middle) + self.size(middle, last));
        let mut at = if middle > first + BESIDE { middle - BESIDE } else { first + 1 };
        while at < last && at <= middle + BESIDE {
            let size = self.size(first, at) + self.size(at, last);
            if size < least || (size == least && at.abs_diff(middle) < best.abs_diff(middle)) {
                (best, least) = (at, size);
            }
            at += 1;
        }
        best
    }

    /// The instructions of a tree that is split in the middle throughout.
    const fn size(&self, first: usize, last: usize) -> usize {
        if last - first == 1 {
            return 0;
        }
        match self.singles(first, last) {
            Some(singles) => singles,
            None => {
                let split = self.middle(first, last);
                1 + self.size(first, split) + self.size(split, last)
            }
        }
    }
}
