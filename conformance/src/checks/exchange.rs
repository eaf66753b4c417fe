//! Starts beside somebody who exchanges names of the root.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "exchange-01",
        Isolation,
        "exchange",
        "Beside somebody who exchanges /proc of the root with a decoy no container is less covered than without.",
        "the class of CVE-2019-19921, as a race; renameat2(2) RENAME_EXCHANGE",
        |j| {
            beside(j, "decoy");
            j.none("exchange.decoy.weaker");
            j.none("exchange.decoy.odd");
        },
    ),
    Check::new(
        "exchange-02",
        Functional,
        "exchange",
        "Renames elsewhere on the file system make no start fail.",
        "openat2(2), EAGAIN; path_resolution(7)",
        |j| {
            j.note("exchange.elsewhere.alone");
            if j.facts().text("exchange.elsewhere.alone") == Some("refused") {
                return j
                    .not_applicable("it takes no target that leads through a link, whoever renames what");
            }
            beside(j, "elsewhere");
            j.note("exchange.elsewhere.refusals");
            j.none("exchange.elsewhere.odd");
            j.same("exchange.elsewhere.ran", "exchange.elsewhere.starts");
        },
    ),
    Check::new(
        "exchange-03",
        Leak,
        "exchange",
        "Starts beside renames in the root leave nothing behind on the host.",
        "umount(2)",
        |j| super::life::nothing_left_after(j, "exchange.decoy.alone", "ran"),
    ),
];

/// Without anybody it starts, and there were more exchanges than starts.
fn beside(j: &mut Judge<'_>, name: &str) {
    let fact = |what: &str| format!("exchange.{name}.{what}");
    j.note(&fact("alone"));
    j.control(j.facts().text(&fact("alone")) == Some("ran"), "the same root starts where nobody renames");
    j.note(&fact("times"));
    j.note(&fact("starts"));
    let enough = j.facts().number(&fact("times")).zip(j.facts().number(&fact("starts")));
    j.control(
        enough.is_some_and(|(times, starts)| starts > 0 && times > 10 * starts),
        "names were exchanged",
    );
}
