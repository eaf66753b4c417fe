//! Which devices a container may open: its own nodes and the declared ones, nothing else.
//!
//! A node in a tree of the container's, or one that it makes itself, opens only what stands here.
//! Version 1 has a list for it (devices.rst), version 2 a program that this file writes.

use browndog_xml::domain::Origin;
use nix::libc;

use super::build::Builder;
use super::confine;
use crate::survey::{Kind, NODES, Purpose, devices};

/// A line of the policy: `c 1:3 rwm`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let number = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
        let kind = if self.block { 'b' } else { 'c' };
        write!(f, "{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

pub(super) const DEFAULT: Origin =
    Origin::Default("a container opens its own device nodes and those that its document declares, no others");

/// Major number of the pseudo-terminals' slaves, and number of `/dev/ptmx` (devices.txt).
const PTS: u32 = 136;
const PTMX: (u32, u32) = (5, 2);

/// CAP_MKNOD (linux/capability.h).
const CAP_MKNOD: u64 = 1 << 27;

/// Every rule with who asked for it.
pub(super) fn rules(b: &Builder<'_>) -> Vec<(Rule, Origin)> {
    let rule = |block, major, minor, access| Rule { block, major, minor, access };
    let mut rules: Vec<(Rule, Origin)> = NODES
        .iter()
        .map(|(_, major, minor)| (rule(false, Some(*major), Some(*minor), "rwm"), DEFAULT))
        .collect();
    rules.push((rule(false, Some(PTMX.0), Some(PTMX.1), "rwm"), DEFAULT));
    rules.push((rule(false, Some(PTS), None, "rwm"), DEFAULT));
    for (index, device) in devices::declared(b.domain).iter().enumerate() {
        let (block, number) = match b.survey.get(Purpose::Device(index)).map(|found| found.kind) {
            Some(Ok(Kind::Block(number))) => (true, number),
            Some(Ok(Kind::Char(number))) => (false, number),
            _ => continue,
        };
        let (major, minor) = (libc::major(number), libc::minor(number));
        rules.push((rule(block, Some(major), Some(minor), device.access), device.origin));
    }
    if !b.user_namespace && confine::kept(b) & CAP_MKNOD != 0 {
        // As libvirt has it: a node may be made, and opens nothing by that.
        let origin = b.domain.capabilities.policy.origin;
        rules.extend([false, true].map(|block| (rule(block, None, None, "m"), origin)));
    }
    let mut seen = std::collections::HashSet::new();
    rules.retain(|(rule, _)| seen.insert(rule.to_string()));
    rules
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
const AND: u8 = 0x57;
const SHIFT_RIGHT: u8 = 0x77;
const JUMP_NOT_EQUAL: u8 = 0x55;
const EXIT: u8 = 0x95;

/// The rules as a program (`struct bpf_cgroup_dev_ctx`: access and type in one word, major, minor).
pub fn program(rules: &[Rule]) -> Vec<u64> {
    let mut program = vec![
        op(LOAD_WORD, 2, 1, 0, 0),
        op(LOAD_WORD, 4, 1, 4, 0),
        op(LOAD_WORD, 5, 1, 8, 0),
        op(MOVE, 3, 2, 0, 0),
        op(AND, 3, 0, 0, 0xffff),
        op(SHIFT_RIGHT, 2, 0, 0, 16),
    ];
    for rule in rules {
        let letters = rule.access.bytes().fold(0, |bits, letter| {
            bits | match letter {
                b'm' => 1,
                b'r' => 2,
                _ => 4,
            }
        });
        // Register 0: what is asked for beyond the rule.
        let mut checks = vec![(3, if rule.block { 1 } else { 2 }), (0, 0)];
        checks.extend(rule.major.map(|major| (4, major)));
        checks.extend(rule.minor.map(|minor| (5, minor)));
        let last = checks.len() + 2;
        program.extend([op(MOVE, 0, 2, 0, 0), op(AND, 0, 0, 0, 7 & !letters)]);
        for (index, (register, value)) in checks.iter().enumerate() {
            program.push(op(JUMP_NOT_EQUAL, *register, 0, (last - index - 1) as i16, *value));
        }
        program.extend([op(MOVE_CONSTANT, 0, 0, 0, 1), op(EXIT, 0, 0, 0, 0)]);
    }
    program.extend([op(MOVE_CONSTANT, 0, 0, 0, 0), op(EXIT, 0, 0, 0, 0)]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs a program as the kernel would.
    fn run(program: &[u64], block: bool, access: u32, major: u32, minor: u32) -> u64 {
        let context = [(access << 16) | if block { 1 } else { 2 }, major, minor];
        let mut registers = [0_u64; 8];
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
                AND => registers[dst] &= constant,
                SHIFT_RIGHT => registers[dst] >>= constant,
                JUMP_NOT_EQUAL if registers[dst] != constant => at += offset as usize,
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
        let access = prop::sample::select(vec!["r", "w", "m", "rw", "rwm", "rm"]);
        let rule = (any::<bool>(), number(), number(), access)
            .prop_map(|(block, major, minor, access)| Rule { block, major, minor, access });
        prop::collection::vec(rule, 0..8)
    }

    proptest! {
        #[test]
        fn the_program_says_what_the_list_says(
            rules in rules(), block: bool, access in 1_u32..8, major in 0_u32..5, minor in 0_u32..5,
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
}
