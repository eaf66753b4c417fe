//! Which devices a container may open: its own nodes and the declared ones, nothing else.
//!
//! A node in a tree of the container's, or one that it makes itself, opens only what stands here.
//! Version 1 has a list for it (devices.rst), version 2 a program that this file writes.

/// A line of the policy: `c 1:3 rwm`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// A block device, or a character device.
    pub block: bool,
    /// Major number; any without.
    pub major: Option<u32>,
    /// Minor number; any without.
    pub minor: Option<u32>,
    /// Of `rwm`: read, write, make the node.
    pub access: &'static str,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.block { "b " } else { "c " })?;
        for (number, end) in [(self.major, ":"), (self.minor, " ")] {
            match number {
                Some(number) => number.fmt(f)?,
                None => f.write_str("*")?,
            }
            f.write_str(end)?;
        }
        f.write_str(self.access)
    }
}

/// Device nodes every container gets: name and number (null(4), full(4), random(4), tty(4)).
pub const NODES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Major number of the pseudo-terminals' slaves, and number of `/dev/ptmx` (devices.txt).
const PTS: u32 = 136;
const PTMX: (u32, u32) = (5, 2);

/// The rules that every container has.
pub(crate) fn common() -> impl Iterator<Item = Rule> {
    let numbers = NODES.iter().map(|(_, major, minor)| (*major, Some(*minor)));
    let terminals = [(PTMX.0, Some(PTMX.1)), (PTS, None)];
    numbers.chain(terminals).map(|(major, minor)| Rule {
        block: false,
        major: Some(major),
        minor,
        access: "rwm",
    })
}

/// The program of most containers, which declare no device and make no node: what the base holds ready.
pub fn common_program() -> Vec<u64> {
    program(&common().collect::<Vec<_>>())
}

/// One instruction of BPF: code, destination and source register, offset, constant.
const fn op(code: u8, dst: u8, src: u8, offset: i16, constant: u32) -> u64 {
    code as u64
        | (dst as u64) << 8
        | (src as u64) << 12
        | (offset as u16 as u64) << 16
        | (constant as u64) << 32
}

const LOAD_WORD: u8 = 0x61;
const MOVE: u8 = 0xbf;
const MOVE_CONSTANT: u8 = 0xb7;
const SUBTRACT: u8 = 0x17;
const MULTIPLY: u8 = 0x27;
const AND: u8 = 0x57;
const OR: u8 = 0x4f;
const XOR: u8 = 0xa7;
const SHIFT_LEFT: u8 = 0x67;
const SHIFT_RIGHT: u8 = 0x77;
const SHIFT_RIGHT_BY: u8 = 0x7f;
const JUMP_EQUAL: u8 = 0x15;
const JUMP_NOT_EQUAL: u8 = 0x55;
const EXIT: u8 = 0x95;

/// What `struct bpf_cgroup_dev_ctx` calls a character device.
const CHARACTER: u32 = 2;

/// Minor numbers that one word tells apart, and how many bits of a number these are.
const BITS: u32 = 1 << BITS_LOG2;
const BITS_LOG2: u32 = 5;

/// The rules as a program (`struct bpf_cgroup_dev_ctx`: access and type in one word, major, minor).
///
/// The kernel follows every path through it before it takes it, at each start, and copies all it knows where
/// two part: so the usual rules, which give everything to a character device, are a word of bits for each
/// major number, or for two of them, and looked up without a branch, and only the others are compared one by one.
pub fn program(rules: &[Rule]) -> Vec<u64> {
    let (usual, others): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| is_usual(rule));
    let mut program = vec![op(LOAD_WORD, 3, 1, 0, 0), op(LOAD_WORD, 4, 1, 4, 0), op(LOAD_WORD, 5, 1, 8, 0)];
    if !others.is_empty() {
        program.extend([op(MOVE, 2, 3, 0, 0), op(SHIFT_RIGHT, 2, 0, 0, 16)]);
    }
    program.push(op(AND, 3, 0, 0, 0xffff));
    by_bits(&mut program, &usual, others.is_empty());
    for rule in others {
        program.push(op(JUMP_EQUAL, 0, 0, 1, 0));
        program.push(op(EXIT, 0, 0, 0, 0));
        one_by_one(&mut program, rule);
    }
    program.push(op(EXIT, 0, 0, 0, 0));
    program
}

/// A character device's every access, for one minor number that fits into the bits or for all.
fn is_usual(rule: &Rule) -> bool {
    !rule.block && rule.major.is_some() && rule.access == "rwm" && rule.minor.is_none_or(|minor| minor < BITS)
}

/// Register 0: whether the usual rules allow it. Takes 1, 6 and 7 too, and 4 and 5 where `alone`: nobody looks at
/// the numbers afterwards.
fn by_bits(program: &mut Vec<u64>, rules: &[&Rule], alone: bool) {
    let mut words = std::collections::BTreeMap::<u32, Option<u32>>::new();
    for rule in rules {
        let Some(major) = rule.major else { continue };
        let word = words.entry(major).or_insert(Some(0));
        // None: all minor numbers.
        *word = rule.minor.and_then(|minor| word.map(|bits| bits | 1 << minor));
    }
    // Register 1 is 0 for a character device.
    program.extend([op(MOVE, 1, 3, 0, 0), op(XOR, 1, 0, 0, CHARACTER)]);
    let mut whole = words.iter().filter(|(_, word)| word.is_none()).map(|(major, _)| *major);
    match whole.next() {
        Some(major) => is_major(program, 0, major),
        None => program.push(op(MOVE_CONSTANT, 0, 0, 0, 0)),
    }
    for major in whole {
        is_major(program, 6, major);
        program.push(op(OR, 0, 6, 0, 0));
    }
    let words: Vec<(u32, u32)> = words.iter().filter_map(|(major, word)| Some((*major, (*word)?))).collect();
    match words.as_slice() {
        [(low, first), (high, second)]
            if alone && (low ^ high).is_power_of_two() && first | second < 1 << HALF =>
        {
            in_one_word(program, *low, low ^ high, first | second << HALF);
        }
        words => word_by_word(program, words),
    }
    // Kernels before 6.10 know nothing of what two registers make together, and want an answer of 0 or 1.
    program.push(op(AND, 0, 0, 0, 1));
}

/// Adds to register 0 whether the word of its major number has the minor number's bit.
fn word_by_word(program: &mut Vec<u64>, words: &[(u32, u32)]) {
    // From here on only if it has a minor number that the words have.
    program.extend([op(MOVE, 6, 5, 0, 0), op(SHIFT_RIGHT, 6, 0, 0, BITS_LOG2), op(OR, 1, 6, 0, 0)]);
    program.push(op(MOVE_CONSTANT, 7, 0, 0, 0));
    for (major, word) in words {
        is_major(program, 6, *major);
        program.extend([op(MULTIPLY, 6, 0, 0, *word), op(OR, 7, 6, 0, 0)]);
    }
    program.extend([op(SHIFT_RIGHT_BY, 7, 5, 0, 0), op(OR, 0, 7, 0, 0)]);
}

/// Minor numbers of each half of a word.
const HALF: u32 = 1 << HALF_LOG2;
const HALF_LOG2: u32 = 4;

/// The same for two major numbers of which the second has one `bit` more, as the default rules have them: that bit
/// says which half of `word` is the major number's.
fn in_one_word(program: &mut Vec<u64>, major: u32, bit: u32, word: u32) {
    program.extend([op(MOVE, 6, 4, 0, 0), op(AND, 6, 0, 0, bit)]);
    let place = bit.trailing_zeros();
    if place < HALF_LOG2 {
        program.push(op(SHIFT_LEFT, 6, 0, 0, HALF_LOG2 - place));
    } else {
        program.push(op(SHIFT_RIGHT, 6, 0, 0, place - HALF_LOG2));
    }
    program.push(op(OR, 6, 5, 0, 0));
    program.extend([op(AND, 4, 0, 0, !bit), op(XOR, 4, 0, 0, major), op(OR, 1, 4, 0, 0)]);
    program.extend([op(SHIFT_RIGHT, 5, 0, 0, HALF_LOG2), op(OR, 1, 5, 0, 0)]);
    program.extend([op(SUBTRACT, 1, 0, 0, 1), op(SHIFT_RIGHT, 1, 0, 0, 63), op(MULTIPLY, 1, 0, 0, word)]);
    program.extend([op(SHIFT_RIGHT_BY, 1, 6, 0, 0), op(OR, 0, 1, 0, 0)]);
}

/// Register `into`: 1 if the major number is this one and register 1 is 0, else 0. Both together have 32 bits, so
/// that only 0 less one has the 64th.
fn is_major(program: &mut Vec<u64>, into: u8, major: u32) {
    program.extend([op(MOVE, into, 4, 0, 0), op(XOR, into, 0, 0, major), op(OR, into, 1, 0, 0)]);
    program.extend([op(SUBTRACT, into, 0, 0, 1), op(SHIFT_RIGHT, into, 0, 0, 63)]);
}

/// Register 0: whether one rule allows it.
fn one_by_one(program: &mut Vec<u64>, rule: &Rule) {
    let letters = rule.access.bytes().fold(0, |bits, letter| {
        bits | match letter {
            b'm' => 1,
            b'r' => 2,
            _ => 4,
        }
    });
    // Register 6: what is asked for beyond the rule.
    let mut checks = vec![(3, if rule.block { 1 } else { CHARACTER }), (6, 0)];
    checks.extend(rule.major.map(|major| (4, major)));
    checks.extend(rule.minor.map(|minor| (5, minor)));
    program.extend([op(MOVE, 6, 2, 0, 0), op(AND, 6, 0, 0, 7 & !letters)]);
    for (index, (register, value)) in checks.iter().enumerate() {
        program.push(op(JUMP_NOT_EQUAL, *register, 0, (checks.len() - index) as i16, *value));
    }
    program.push(op(MOVE_CONSTANT, 0, 0, 0, 1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs a program as the kernel would.
    fn run(program: &[u64], block: bool, access: u32, major: u32, minor: u32) -> u64 {
        let context = [(access << 16) | if block { 1 } else { 2 }, major, minor];
        let mut registers = [0_u64; 8];
        // Constants are of 32 bits, with a sign where the calculation is of 64.
        let signed = |constant: u64| constant as u32 as i32 as i64 as u64;
        let mut at = 0;
        loop {
            let word = program[at];
            let (dst, src) = ((word >> 8 & 15) as usize, (word >> 12 & 15) as usize);
            let (offset, constant) = ((word >> 16) as i16, word >> 32);
            at += 1;
            match word as u8 {
                LOAD_WORD => registers[dst] = context[offset as usize / 4].into(),
                MOVE => registers[dst] = registers[src],
                MOVE_CONSTANT => registers[dst] = constant,
                SUBTRACT => registers[dst] = registers[dst].wrapping_sub(signed(constant)),
                MULTIPLY => registers[dst] = registers[dst].wrapping_mul(signed(constant)),
                AND => registers[dst] &= signed(constant),
                OR => registers[dst] |= registers[src],
                XOR => registers[dst] ^= signed(constant),
                SHIFT_LEFT => registers[dst] <<= constant,
                SHIFT_RIGHT => registers[dst] >>= constant,
                SHIFT_RIGHT_BY => registers[dst] >>= registers[src] & 63,
                JUMP_EQUAL if registers[dst] == signed(constant) => at += offset as usize,
                JUMP_EQUAL => {}
                JUMP_NOT_EQUAL if registers[dst] != signed(constant) => at += offset as usize,
                JUMP_NOT_EQUAL => {}
                EXIT => return registers[0],
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    fn letters(access: &str) -> u32 {
        [('m', 1), ('r', 2), ('w', 4)].iter().filter(|(c, _)| access.contains(*c)).map(|(_, bit)| bit).sum()
    }

    fn rules() -> impl Strategy<Value = Vec<Rule>> {
        let number = || prop::option::of(0_u32..4);
        // Also such minor numbers as no word of bits has.
        let minor = || prop::option::of(prop::sample::select(vec![0_u32, 1, 2, 30, 31, 32, 33, 300]));
        let access = prop::sample::select(vec!["r", "w", "m", "rw", "rwm", "rwm", "rwm", "rm"]);
        let rule = (any::<bool>(), number(), minor(), access)
            .prop_map(|(block, major, minor, access)| Rule { block, major, minor, access });
        prop::collection::vec(rule, 0..8)
    }

    proptest! {
        #[test]
        fn the_program_says_what_the_list_says(
            rules in rules(), block: bool, access in 1_u32..8, major in 0_u32..5,
            minor in prop::sample::select(vec![0_u32, 1, 2, 3, 30, 31, 32, 33, 300]),
        ) {
            let fits = |rule: &Rule| {
                rule.block == block
                    && access & !letters(rule.access) == 0
                    && rule.major.is_none_or(|have| have == major)
                    && rule.minor.is_none_or(|have| have == minor)
            };
            let allowed = u64::from(rules.iter().any(fits));
            prop_assert_eq!(run(&program(&rules), block, access, major, minor), allowed);
        }
    }

    /// Two major numbers share a word where one has a bit more, whatever bit that is.
    #[rstest::rstest]
    #[case::default(1, 5, true)]
    #[case::shifted_down(1, 65, true)]
    #[case::in_place(3, 19, true)]
    #[case::two_bits(1, 6, false)]
    fn two_major_numbers_in_one_word(#[case] low: u32, #[case] high: u32, #[case] shares: bool) {
        let rule =
            |major, minor| Rule { block: false, major: Some(major), minor: Some(minor), access: "rwm" };
        let rules = [rule(low, 3), rule(low, 15), rule(high, 0), rule(high, 15)];
        let program = program(&rules);
        assert_eq!(program.iter().any(|word| *word as u8 == AND && (word >> 8 & 15) == 4), shares);
        for block in [false, true] {
            for major in 0..130 {
                for minor in (0..70).chain([255, 256, u32::MAX]) {
                    let listed = !block && rules.contains(&rule(major, minor));
                    assert_eq!(run(&program, block, 7, major, minor), u64::from(listed), "{major}:{minor}");
                }
            }
        }
    }

    #[test]
    fn the_default_policy_is_short_and_has_one_path() {
        let program = common_program();
        assert!(program.len() <= 27, "{} instructions", program.len());
        let jumps = program.iter().filter(|word| matches!(**word as u8, JUMP_EQUAL | JUMP_NOT_EQUAL)).count();
        assert_eq!(jumps, 0);
        assert!(program.ends_with(&[op(AND, 0, 0, 0, 1), op(EXIT, 0, 0, 0, 0)]));
    }
}
