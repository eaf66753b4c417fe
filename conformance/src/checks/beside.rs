//! Containers beside others, the state of the runtime, and a reboot asked for inside.

use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "beside-01",
        Isolation,
        "beside",
        "Removing a container leaves another one alone whose name begins with the first one's.",
        "cgroups(7): groups are named after containers",
        |j| {
            for what in ["longer", "dotted"] {
                super::life::started(j, &format!("beside.{what}.before"), 7);
                j.is(&format!("beside.{what}.after"), 7);
            }
        },
    ),
    Check::new(
        "beside-02",
        Functional,
        "beside",
        "A container that makes new processes all the time can be frozen, stands still, and goes on.",
        "cgroups(7), freezer; fork(2)",
        |j| {
            super::life::started(j, "beside.storm.before", true);
            j.is("beside.storm.pause", "done");
            j.is("beside.storm.stands", true);
            j.is("beside.storm.resume", "done");
            j.is("beside.storm.goes_on", true);
        },
    ),
    Check::new(
        "beside-03",
        Isolation,
        "beside",
        "Files of the runtime's state can be written by nobody else, whatever the caller's umask.",
        "umask(2), open(2)",
        |j| {
            let some = |v: &serde_json::Value| v.as_u64().is_some_and(|n| n > 0);
            j.there("beside.state.files", some, "the runtime keeps no state in files");
            j.none("beside.state.writable");
        },
    ),
    Check::new(
        "beside-04",
        Isolation,
        "beside",
        "No file of the runtime's state is written through a link that stands in its place.",
        "open(2), O_NOFOLLOW",
        |j| {
            let some = |v: &serde_json::Value| v.as_u64().is_some_and(|n| n > 0);
            j.there("beside.state.links", some, "no file of the runtime's state goes with the container");
            j.note("beside.state.again");
            j.none("beside.state.followed");
        },
    ),
    Check::new(
        "beside-05",
        Leak,
        "beside",
        "Containers that were frozen, and that stood beside others, leave nothing behind.",
        "cgroups(7), umount(2)",
        |j| super::life::nothing_left_after(j, "beside.storm.before", true),
    ),
    Check::new(
        "reboot-06",
        Isolation,
        "reboot",
        "A process of a container that is not PID 1 is refused a reboot.",
        "reboot(2), CAP_SYS_BOOT",
        |j| {
            j.refused_with("reboot.plain.said", &["EPERM", "ENOSYS"]);
            j.is("reboot.plain.status", 9);
        },
    ),
    Check::new(
        "reboot-07",
        Isolation,
        "reboot",
        "Where it has the capability its reboot ends the container, or starts it anew, and nothing else.",
        "reboot(2), behavior inside PID namespaces",
        |j| {
            super::life::started(j, "reboot.may.asked", true);
            j.is("reboot.may.said", "nothing");
            j.is_not("reboot.may.status", 9);
            j.is("canary.process_alive", true);
        },
    ),
];
