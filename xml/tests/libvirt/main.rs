//! The tables beside libvirt's own grammar: no element, attribute or value of its that no row has.
//!
//! `BROWNDOG_LIBVIRT` names grammars to compare with: `9.0=/…/domain.rng`, separated by blanks; ci/schema
//! sets it. Without it the grammar that is installed is looked at for names, where there is one.

mod compare;
mod grammar;

use std::path::Path;

use browndog_xml::schema::Version;
use compare::{Comparison, compare};
use grammar::Grammar;

/// Where libvirt's packages put their grammars.
const INSTALLED: &str = "/usr/share/libvirt/schemas/domain.rng";

fn named() -> Vec<(Option<Version>, String)> {
    let Ok(list) = std::env::var("BROWNDOG_LIBVIRT") else {
        let there = Path::new(INSTALLED).exists();
        return there.then(|| (None, INSTALLED.to_owned())).into_iter().collect();
    };
    list.split_whitespace()
        .map(|entry| match entry.split_once('=') {
            Some((version, path)) => {
                (Some(version.parse().expect("a version is written 9.0")), path.to_owned())
            }
            None => (None, entry.to_owned()),
        })
        .collect()
}

/// Rows whose `since` the grammar of this version contradicts.
fn misdated(comparison: &Comparison, version: Version) -> Vec<String> {
    let wrong = comparison.rows.values().filter_map(|row| {
        let newer = row.since.is_some_and(|since| since > version);
        match (row.known, newer) {
            (true, true) => Some(format!("{}: libvirt {version} has it, the row says later", row.place)),
            (false, false) if !BEYOND.iter().any(|(place, _)| row.place.contains(place)) => {
                Some(format!("{}: libvirt {version} lacks it, the row says it is there", row.place))
            }
            _ => None,
        }
    });
    wrong.collect()
}

/// What rows have and a grammar has not, though it is not newer; and why.
const BEYOND: &[(&str, &str)] = &[
    ("/domain/@type", "which driver it is for is settled before the comparison"),
    ("/features/capabilities/", "the kernel has capabilities that libvirt's schema has no name for"),
    ("/features/virtualization/@state", "libvirt writes it, its grammar forgot it"),
    ("/privateData", "libvirt writes it into its own status files"),
    ("/commandline/env", "libvirt's parser for bhyve takes it"),
    (
        "/interface(bridge)/driver(kvm)/",
        "later grammars have no such attributes of a card that is handed over",
    ),
    ("/graphics(desktop)/@fullscreen", "later grammars have no such attribute of VirtualBox's window"),
];

#[test]
fn no_name_of_libvirts_is_unknown() {
    let named = named();
    if named.is_empty() {
        eprintln!("skipped: libvirt's grammar is not installed (libvirt0, libvirt-common)");
    }
    let mut faults = Vec::new();
    for (version, path) in named {
        let comparison = compare(&Grammar::read(Path::new(&path)));
        let shown = version.map_or_else(|| path.clone(), |version| format!("libvirt {version}"));
        let rows = comparison.rows.values();
        let (known, newer) =
            (rows.clone().filter(|it| it.known).count(), rows.filter(|it| !it.known).count());
        let wrong = version.map_or_else(Vec::new, |version| misdated(&comparison, version));
        println!(
            "{shown}: names unknown: {}, rows and words that it has: {known}, that it lacks: {newer}, misdated: {}",
            comparison.unknown.len(),
            wrong.len()
        );
        faults.extend(comparison.unknown.iter().map(|name| format!("{shown}: unknown: {name}")));
        faults.extend(wrong.into_iter().map(|it| format!("{shown}: {it}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A grammar of a container with what stands in `<domain>`.
fn small(inside: &str) -> Grammar {
    Grammar::parse(&format!(
        "<grammar xmlns='http://relaxng.org/ns/structure/1.0'><start><ref name='domain'/></start>\
         <define name='domain'><element name='domain'><choice>\
         <group><attribute name='type'><value>lxc</value></attribute>{inside}</group>\
         <group><attribute name='type'><value>vz</value></attribute><element name='other'><text/></element></group>\
         </choice></element></define>\
         <define name='onOff'><choice><value>on</value><value>off</value></choice></define></grammar>"
    ))
}

#[test]
fn what_a_grammar_has_and_no_row_is_found() {
    let cases = [
        ("<element name='name'><text/></element>", vec![]),
        ("<optional><element name='flux'><empty/></element></optional>", vec!["/domain/flux"]),
        ("<optional><attribute name='flux'/></optional>", vec!["/domain/@flux"]),
        (
            "<element name='on_crash'><choice><value>destroy</value><value>explode</value></choice></element>",
            vec!["/domain/on_crash='explode'"],
        ),
        (
            "<element name='memory'><attribute name='dumpCore'><choice><ref name='onOff'/><value>auto</value></choice>\
             </attribute><text/></element>",
            vec!["/domain/memory/@dumpCore='auto'"],
        ),
        // What an attribute decides is looked at under each of its words.
        (
            "<element name='devices'><element name='filesystem'><choice>\
             <group><attribute name='type'><value>ram</value></attribute><element name='binary'/></group>\
             <group><attribute name='type'><value>mount</value></attribute><element name='binary'/></group>\
             <group><attribute name='type'><value>orbit</value></attribute></group></choice></element></element>",
            vec!["/domain/devices/filesystem(ram)/binary", "/domain/devices/filesystem/@type='orbit'"],
        ),
        (
            "<element name='features'><interleave><element name='kvm'><interleave><element name='hidden'>\
             <attribute name='state'><ref name='onOff'/></attribute></element><element name='seen'/></interleave>\
             </element></interleave></element>",
            vec!["/domain/features/kvm/seen"],
        ),
    ];
    for (inside, expected) in cases {
        let comparison = compare(&small(inside));
        let unknown: Vec<&str> = comparison.unknown.iter().map(String::as_str).collect();
        assert_eq!(unknown, expected, "{inside}");
    }
}

#[test]
fn a_row_that_is_dated_wrongly_is_found() {
    let has = compare(&small("<element name='hwuuid'><text/></element>"));
    let dated = |version| misdated(&has, version).into_iter().filter(|it| it.contains("/hwuuid")).count();
    assert_eq!(dated(Version(9, 0)), 1, "the row says that it came after 9.0");
    assert_eq!(dated(Version(11, 7)), 0);
    let lacks = compare(&small("<element name='name'><text/></element>"));
    let dated = |version| misdated(&lacks, version).into_iter().filter(|it| it.contains("/hwuuid")).count();
    assert_eq!(dated(Version(9, 0)), 0);
    assert_eq!(dated(Version(12, 8)), 1, "the row says that 12.8 has it");
}
