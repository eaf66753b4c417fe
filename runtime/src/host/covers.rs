//! Which of the kernel's interfaces there are to be covered, in as few looks as it takes.

use browndog_xml::covers::{COVERS, Cover};

use super::Kernel;

/// What every kernel has: a start covers it without looking for it. The first of them is looked for nevertheless,
/// since a procfs can show processes alone (subset=pid, proc(5)).
const ALWAYS: [&str; 9] = [
    "/proc/interrupts",
    "/proc/timer_list",
    "/proc/vmallocinfo",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/softirqs",
    "/proc/sys",
    "/sys/firmware",
];

/// What no kernel has since this version: timer_stats was removed, sched_debug went to debugfs.
const GONE: [(&str, (u32, u32)); 2] = [("/proc/timer_stats", (4, 11)), ("/proc/sched_debug", (5, 13))];

/// What there is to be covered; nothing where /proc does not tell.
pub(super) fn of(kernel: Kernel, exists: impl Fn(&str) -> bool) -> Vec<(&'static str, Cover)> {
    if !exists(ALWAYS[0]) {
        return Vec::new();
    }
    let gone = |path: &str| {
        GONE.iter()
            .any(|(name, (major, minor))| *name == path && kernel >= Kernel { major: *major, minor: *minor })
    };
    let is_there = |path: &str| ALWAYS.contains(&path) || (!gone(path) && exists(path));
    COVERS.iter().filter(|(path, _)| is_there(path)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Kernel = Kernel { major: 5, minor: 10 };
    const NEW: Kernel = Kernel { major: 6, minor: 1 };

    #[test]
    fn this_kernel_has_what_is_not_looked_for_and_nothing_of_what_is_gone() {
        let exists = |path: &str| std::path::Path::new(path).exists();
        let there: Vec<_> = COVERS.into_iter().filter(|(path, _)| exists(path)).collect();
        assert_eq!(of(Kernel::running(), exists), there);
    }

    #[rstest::rstest]
    #[case::all_of_it(OLD, 29, 21)]
    #[case::scheduler_no_more(NEW, 28, 20)]
    fn few_are_looked_for(#[case] kernel: Kernel, #[case] count: usize, #[case] looks: usize) {
        let looked = std::cell::Cell::new(0);
        let exists = |_: &str| {
            looked.set(looked.get() + 1);
            true
        };
        assert_eq!((of(kernel, exists).len(), looked.get()), (count, looks));
    }

    #[test]
    fn a_proc_with_processes_alone_tells_nothing() {
        assert_eq!(of(NEW, |path| path.starts_with("/sys/")), []);
        assert_eq!(of(NEW, |path| path == "/proc/interrupts").len(), ALWAYS.len());
    }
}
