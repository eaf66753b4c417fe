//! Images of file systems that are none.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "sources-01",
        Isolation,
        "sources",
        "A pipe in the place of an image is refused at once, with and without a writer, and nothing is read from it.",
        "fifo(7), open(2) O_NONBLOCK",
        |j| {
            starts(j);
            for name in ["empty_pipe", "full_pipe"] {
                j.note(&format!("sources.{name}.says"));
                j.is(&format!("sources.{name}.became"), "refused");
            }
            j.is("sources.full_pipe.unread", true);
        },
    ),
    Check::new(
        "sources-02",
        Isolation,
        "sources",
        "A file of sysfs or procfs in the place of an image is refused and not read: reading may do something.",
        "sysfs(5): zram-control/hot_add makes a device when it is read",
        |j| {
            starts(j);
            for name in ["sysfs", "procfs"] {
                let noticed = format!("sources.{name}.reading_is_noticed");
                j.note(&noticed);
                j.control(j.facts().get(&noticed) == Some(&true.into()), "reading it is noticed");
                j.is(&format!("sources.{name}.read"), false);
            }
        },
    ),
    Check::new(
        "sources-03",
        Functional,
        "sources",
        "A file of sysfs or procfs in the place of an image is no image: the start is refused.",
        "mount(2), loop(4)",
        |j| {
            starts(j);
            for name in ["sysfs", "procfs"] {
                j.is(&format!("sources.{name}.became"), "refused");
            }
        },
    ),
];

fn starts(j: &mut Judge<'_>) {
    j.note("sources.none.became");
    j.control(j.facts().text("sources.none.became") == Some("ran"), "without the image it starts");
}
