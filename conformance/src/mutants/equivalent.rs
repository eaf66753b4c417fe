//! Mutants that no observation can tell from the sound runtime, each with a reason a reader can check.

/// A mutant's word, and why it changes nothing.
const EQUIVALENT: [(&str, &str); 13] = [
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
        "weaken:make-cgroup:v2:stays",
        "it makes the group as a partition is made, which is removed by whoever is last: since a removal waits for \
         starts beside it, ten containers at once leave none behind either (race-02b)",
    ),
    (
        "skip:clear-ambient",
        "the step after it empties the inheritable set, and with it the kernel lowers every ambient capability \
         (capabilities(7): none is ambient that is not both permitted and inheritable)",
    ),
    (
        "skip:verify:/",
        "the step only looks whether the root is read-only, and changes nothing; that it is, mount-07 tries",
    ),
    (
        "skip:verify:/ro",
        "the step only looks whether the volume is read-only, and changes nothing; that it is, mount-11 tries",
    ),
    (
        "skip:leave-stage",
        "the launcher leaves the stage in any case when it drops it (impl Drop for Stage), before the payload runs; the \
         one step in between writes to a pipe. That it is left, leak-12 looks",
    ),
    (
        "skip:make-slave",
        "the kernel itself makes every shared mount a slave in a mount namespace whose owner is another user namespace \
         (mount_namespaces(7), restrictions on mount namespaces)",
    ),
    (
        "skip:sever-locked",
        "what comes back locked is a slave of mounts of the stage alone, which is gone before the payload runs; with it \
         goes the only place from which anything could come. That nothing of the host comes, mount-02f and mount-05c look",
    ),
    (
        "drop-flag:restrict:/data:MS_PRIVATE",
        "with an id map the tree is shown in a stage of the launcher's own, and the child clones it from there after it \
         has made all that it sees private (the step make-private), by which the clone is as well",
    ),
    (
        "skip:await-go",
        "a race that the launcher wins, or the start is refused: a child that is first becomes root of a namespace without \
         maps (the step become-root, setresuid(2), EINVAL), or finds no tree on the stage",
    ),
    (
        "weaken:make-leaf:stays",
        "a group that may be shared is removed as well once nothing else is in it, and nothing else is in this one",
    ),
    (
        "weaken:limit-devices:make",
        "the rule is added by the plan itself where CAP_MKNOD is kept, and without it nobody makes a node \
         (mknod(2), EPERM)",
    ),
];

/// Flags that a clone has already, and why dropping them from one changes nothing.
const INHERITED: (&str, [&str; 3], &str) = (
    "drop-flag:restrict-cover:/proc/",
    [":MOUNT_ATTR_NOSUID", ":MOUNT_ATTR_NODEV", ":MOUNT_ATTR_NOEXEC"],
    "what covers the directory is a clone of it, and a clone has the flags of the mount it is cloned from: \
     the step mount:/proc gives it this one (open_tree(2), OPEN_TREE_CLONE)",
);

/// Why this mutant is equivalent, where it is.
pub(super) fn reason(word: &str) -> Option<&'static str> {
    let (begin, flags, why) = INHERITED;
    if word.starts_with(begin) && flags.iter().any(|flag| word.ends_with(flag)) {
        return Some(why);
    }
    EQUIVALENT.iter().find(|(whole, _)| word == *whole).map(|(_, why)| *why)
}
