//! Mutants that no observation can tell from the sound runtime, each with a reason a reader can check.

/// A mutant's word, and why it changes nothing.
const EQUIVALENT: [(&str, &str); 3] = [
    (
        "drop-flag:mount:/dev:MS_STRICTATIME",
        "it decides when access times of nodes are written, which separates nothing",
    ),
    (
        "skip:enable-controllers:/sys/fs/cgroup",
        "the guest's init, like every service manager, has handed the controllers down already; where none has, \
         the next step fails: it writes a limit to a file that is not there",
    ),
    (
        "weaken:limit-devices:make",
        "the rule is added by the plan itself where CAP_MKNOD is kept, and without it nobody makes a node \
         (mknod(2), EPERM)",
    ),
];

/// Why this mutant is equivalent, where it is.
pub(super) fn reason(word: &str) -> Option<&'static str> {
    EQUIVALENT.iter().find(|(whole, _)| word == *whole).map(|(_, why)| *why)
}
