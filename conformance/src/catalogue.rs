//! The catalogue for people: what is checked, and what is not, with the reason.

use crate::checks;

/// Properties of the catalogue that no check holds: ids, what they are about, and why there is none.
pub const LEFT_OUT: &[(&str, &str, &str)] = &[
    (
        "pid-05 pid-06 pid-09 life-01 life-02 life-04 life-15 life-17 cgroup-14 cgroup-15 cgroup-16 cgroup-21 user-06",
        "states, stopping, entering, freezing and changing limits of a container that runs in the background",
        "of the verbs on a container in the background only running a program, freezing, and attaching devices are driven, \
         against a hostile container (entered, attached). browndog's own are held by its tests of life, exec and tune",
    ),
    (
        "life-03 life-05 life-14 life-16 fault-06 fault-11 fault-14",
        "names, definitions and the state on disk",
        "each runtime keeps state of another kind, and bubblewrap none: there is no common fact. browndog's own is held by \
         its tests of life and kills",
    ),
    (
        "race-01 race-03 race-04 race-05 race-06 race-07 race-08 race-09 race-10",
        "two commands at once on one container",
        "as for the other verbs; of races only parallel starts are played",
    ),
    (
        "life-12 leak-06 fault-13",
        "a daemon that is restarted, stopped or grows",
        "of the runtimes here none needs a daemon",
    ),
    (
        "pid-12 esc-01",
        "the parent of a namespace by ioctl, the running program opened for writing",
        "the kernel refuses both to everybody, root of the machine included (EPERM of NS_GET_PARENT, ETXTBSY): a check \
         of it could fail nowhere. What the second is about is played by astray-02 and entered-01",
    ),
    ("life-13", "hooks", "the domain documents of containers have none"),
    (
        "reboot-01 reboot-02 reboot-05",
        "reboot and halt asked for by a payload that may, or from the host",
        "the plain profile keeps CAP_SYS_BOOT away, and that is checked; a profile that grants it is not played",
    ),
    (
        "pid-07 pid-08 cgroup-18",
        "trees of stopped, traced and nested processes and groups at the end",
        "the probe has no command that builds such trees; a killed init takes its children along, which is checked",
    ),
    (
        "mount-15 mount-19 user-09 user-10 user-11 ipc-06 uts-02",
        "id-mapped volumes, throw-away roots, joined and shared namespaces, ranges handed out",
        "the recipe has no words for them, since too few runtimes do",
    ),
    (
        "dev-04 dev-06 dev-09 dev-12 net-11 net-12 cgroup-09 cgroup-13 cgroup-19",
        "devices, links, filters, swap and I/O limits that a document declares",
        "the recipe declares none; nodes of the image and undeclared numbers are tried for every device of the machine (dev-05)",
    ),
    (
        "console-03 console-04 console-07",
        "a console of the container's own",
        "only browndog and LXC give one to a caller without a terminal; browndog's is held by its tests of consoles",
    ),
    ("fd-05", "descriptors handed on by declaration", "the recipe has no words for it"),
    (
        "caps-07 proc-14",
        "names that do not exist, writes of the runtime to procfs",
        "seen in a trace of the runtime, not from inside",
    ),
    (
        "seccomp-06",
        "filters that kill or ask",
        "the recipe asks for the usual kind, which answers with an errno",
    ),
    (
        "lsm-01 lsm-02",
        "labels of AppArmor and SELinux",
        "neither the guests nor the hosts tried so far have a policy loaded",
    ),
    (
        "fault-02 fault-03 fault-04 fault-05 fault-08 fault-09 fault-10 fault-12",
        "system calls of the start that fail or do nothing",
        "that is injected into browndog's plan step by step by its own fault tests and by the mutants, not into other runtimes",
    ),
    (
        "race-11",
        "paths swapped while a start walks them",
        "the catalogue's row is about every path of a start; exchange-01 and exchange-02 play the exchange of /proc and of \
         names elsewhere beside a hundred starts, and the links themselves are tried (mount-13, dev-08, twofold)",
    ),
    (
        "esc-02 esc-03 esc-04 esc-05 esc-08",
        "programs, libraries and files of the image that a runtime's own process touches",
        "images with loaders and libraries are not played; links in the way of programs are (astray, entered), and for mounts \
         and nodes",
    ),
    (
        "peer-02 peer-03",
        "tables of the whole machine that a container fills",
        "a host that others use must not be filled up; limits of processes and memory are run into",
    ),
    (
        "vm-01 vm-02 vm-03 vm-04 vm-05",
        "what the suite says of itself across machines",
        "no property of a runtime: held by the suite's own tests and by the matrix of kernels",
    ),
    (
        "lat-03 lat-04 lat-05 lat-06 lat-07 lat-08 lat-09 lat-10 lat-11 lat-12",
        "what each mechanism costs, scale, memory, drift",
        "measured by `browndog bench`, which has a floor and interleaved rounds for it; here only starts are, beside their floor",
    ),
];

/// All of it as one document.
pub fn markdown() -> String {
    let all = checks::all();
    let mut areas: Vec<&str> = Vec::new();
    for check in &all {
        if !areas.contains(&check.area()) {
            areas.push(check.area());
        }
    }
    let mut out = format!(
        "# Catalogue\n\nMade by `browndog conformance list --format md`, and a test holds it to the code. {} checks in {} \
         areas;\n`browndog conformance explain ID` says more of one. What is left out stands at the end, with the reason.\n",
        all.len(),
        areas.len()
    );
    let mut line = |text: String| out.push_str(&(text + "\n"));
    for area in areas {
        line(format!("\n## {area}\n"));
        line("| id | severity | scene | requirement | source |".into());
        line("| --- | --- | --- | --- | --- |".into());
        for check in all.iter().filter(|c| c.area() == area) {
            let cell = |text: &str| text.replace('|', "\\|");
            let (requirement, source) = (cell(check.requirement), cell(check.source));
            line(format!(
                "| {} | {} | {} | {requirement} | {source} |",
                check.id,
                check.severity.short(),
                check.scene
            ));
        }
    }
    line("\n## Left out\n".into());
    line("| ids | about | why |".into());
    line("| --- | --- | --- |".into());
    for (ids, about, why) in LEFT_OUT {
        line(format!("| {ids} | {about} | {why} |"));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn left_out() -> BTreeSet<&'static str> {
        LEFT_OUT.iter().flat_map(|(ids, ..)| ids.split(' ')).collect()
    }

    /// A check that was split off another, such as mount-16b, is of the same property.
    fn property(id: &str) -> &str {
        id.trim_end_matches(|c: char| c.is_ascii_lowercase())
    }

    #[test]
    fn the_document_is_what_the_code_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("CATALOGUE.md");
        if std::env::var_os("BROWNDOG_RENEW").is_some() {
            std::fs::write(&path, markdown()).expect("it can be written");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == markdown(), "BROWNDOG_RENEW=1 cargo test catalogue writes {} anew", path.display());
    }

    #[test]
    fn nothing_is_both_checked_and_left_out() {
        let left = left_out();
        for check in checks::all() {
            assert!(!left.contains(property(check.id)), "{}", check.id);
        }
    }

    #[test]
    fn every_property_of_the_catalogue_is_checked_or_left_out_with_a_reason() {
        let file =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance-catalogue.md");
        let Ok(text) = std::fs::read_to_string(file) else {
            eprintln!("skipped: the catalogue that the checks come from is not on this machine");
            return;
        };
        let rows = text.lines().filter_map(|l| l.strip_prefix("| ")?.split(" | ").next());
        let known: BTreeSet<&str> = rows
            .filter(|id| {
                id.split_once('-').is_some_and(|(_, n)| n.len() == 2 && n.bytes().all(|b| b.is_ascii_digit()))
            })
            .collect();
        assert!(known.len() > 200, "{}", known.len());
        let checked: BTreeSet<&str> = checks::all().iter().map(|c| property(c.id)).collect();
        let left = left_out();
        let silent: Vec<_> =
            known.iter().filter(|id| !checked.contains(*id) && !left.contains(*id)).collect();
        assert!(silent.is_empty(), "neither checked nor left out with a reason: {silent:?}");
        let unknown: Vec<_> = left.iter().filter(|id| !known.contains(*id)).collect();
        assert!(unknown.is_empty(), "left out, but not of the catalogue: {unknown:?}");
    }
}
