//! The table of features says what is so: its tests exist, and nothing that the schema acts on is missing.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn rows() -> Vec<[String; 4]> {
    let table = fs::read_to_string(here("runtime/FEATURES.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).skip(1);
    rows.map(|row| {
        let cells: Vec<String> =
            row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        <[String; 4]>::try_from(cells).unwrap_or_else(|cells| panic!("four cells: {cells:?}"))
    })
    .collect()
}

#[test]
fn every_row_says_what_happens_and_every_named_test_exists() {
    let mut tests = BTreeSet::new();
    for directory in ["tests", "runtime/tests"] {
        for entry in fs::read_dir(here(directory)).unwrap() {
            let path = entry.unwrap().path();
            let text = if path.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
            let names = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split('(').next());
            tests.extend(names.map(str::to_owned));
        }
    }
    let rows = rows();
    assert!(rows.len() > 30, "{}", rows.len());
    for [what, theirs, ours, shown] in rows {
        assert!(!theirs.is_empty() && !ours.is_empty(), "{what}");
        assert!(!shown.is_empty() || ours.contains("not provided"), "{what}: which test shows it?");
        let missing: Vec<&str> = shown.split_whitespace().filter(|name| !tests.contains(*name)).collect();
        assert_eq!(missing, [""; 0], "{what}");
    }
}

#[test]
fn every_element_that_is_acted_on_is_in_the_table() {
    let output = support::browndog(&["schema", "--format", "json"]);
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut open = vec!["domain".to_owned()];
    let mut acted = BTreeSet::new();
    while let Some(name) = open.pop() {
        let element = &schema["elements"][&name];
        if element["support"] != "acted on" || !acted.insert(name) {
            continue;
        }
        let children = element["children"].as_array().into_iter().flatten();
        open.extend(children.filter_map(|child| Some(child["element"].as_str()?.to_owned())));
    }
    assert!(acted.len() > 80, "{acted:?}");
    let said: String = rows().concat().concat();
    // A second row of the schema with the same name has a number after it.
    let plain = |name: &String| name.split('.').next().unwrap_or_default().to_owned();
    let missing: Vec<String> =
        acted.iter().map(plain).filter(|name| !said.contains(&format!("<{name}>"))).collect();
    assert_eq!(missing, [""; 0]);
}

/// What the driver of libvirt has and this one does not is said, element by element.
#[test]
fn every_element_without_effect_is_warned_of() {
    let case = support::Case::new();
    let interface = "<interface type='network'><source network='br0'/><bandwidth><inbound average='9' floor='5'/></bandwidth>\
        <filterref filter='clean-traffic'/><vlan><tag id='42'/></vlan><virtualport type='openvswitch'/></interface>";
    let file = case.domain("<init>/bin/true</init>", interface);
    let said = support::text(&support::browndog(&["validate".as_ref(), file.as_os_str()]).stdout);
    assert!(said.contains("<virtualport> has no effect"), "{said}");
    // A container without these is not the one that was asked for: only a definition may hold them.
    for what in ["@floor", "<filterref>", "<vlan>"] {
        assert!(said.contains(&format!("{what} cannot be had")), "{what}: {said}");
    }
    let refused = support::text(&support::run(&file).stderr);
    for what in ["@floor", "<filterref>", "<vlan>"] {
        assert!(refused.contains(&format!("{what} cannot be had")), "{what}: {refused}");
    }
    let denied =
        support::browndog(&["validate".as_ref(), "--deny".as_ref(), "ignored".as_ref(), file.as_os_str()]);
    assert_eq!(denied.status.code(), Some(1));
    let file = case.domain("<init>/bin/true</init><cmdline>a</cmdline>", "");
    let said = support::text(&support::browndog(&["validate".as_ref(), file.as_os_str()]).stdout);
    assert!(said.contains("LIBVIRT_LXC_CMDLINE"), "{said}");
}
