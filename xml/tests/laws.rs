//! The laws over random input, over the repository's own documents, and over what fuzzing found.

use std::path::{Path, PathBuf};

use browndog_xml::schema::{Content, Element, lxc, rfc, walk};
use browndog_xml::value::Value;
use browndog_xml::{laws, read, source::Source};
use proptest::prelude::*;

fn files(directory: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(directory) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry.expect("a directory lists its entries").path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[test]
fn every_document_of_the_repository_and_every_fuzzing_find_keeps_the_laws() {
    let mut seen = 0;
    for directory in [
        "tests/accept",
        "tests/reject",
        "tests/data",
        "tests/convert",
        "../fuzz/seeds",
        "../fuzz/regressions",
    ] {
        for path in files(directory) {
            let bytes = std::fs::read(&path).expect("a listed file is readable");
            laws::any_bytes(&bytes);
            laws::generated(&bytes);
            laws::round_trip(&bytes);
            laws::rendered(&bytes);
            laws::lxc_conf(&bytes);
            laws::oci(&bytes);
            seen += 1;
        }
    }
    assert!(seen >= 3, "the repository has documents");
}

fn values(element: &'static Element, visit: &mut dyn FnMut(Value)) {
    match element.content {
        Content::Text(value) | Content::Either(value, _) => visit(value),
        _ => {}
    }
    for attribute in element.attributes {
        visit(attribute.value);
    }
}

#[test]
fn every_form_of_the_tables_has_an_example() {
    let mut missing: Vec<String> = Vec::new();
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        walk(root, &mut |element| {
            values(element, &mut |value| {
                if let Value::Pattern(pattern) = value {
                    let example = pattern.example(0);
                    if value.check(&example).is_err() {
                        missing.push(format!("<{}>: {}", element.name, pattern.expression));
                    }
                }
            });
        });
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_row_has_at_most_64_attributes_and_a_choice_has_words() {
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        walk(root, &mut |element| {
            assert!(element.attributes.len() <= 64, "<{}>", element.name);
            values(element, &mut |value| {
                if let Value::Choice(words) = value {
                    assert!(!words.is_empty(), "<{}>", element.name);
                }
            });
        });
    }
}

/// A generator whose documents rules refuse tests the rules, and nothing behind them.
#[test]
fn most_documents_of_the_generator_are_accepted() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let (mut whole, mut accepted, mut elements) = (0, 0, 0);
    let mut why = std::collections::BTreeMap::new();
    for number in 0..300_usize {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as u8
        })
        .take(100 + number * 5)
        .collect();
        let document = Source::new("whole.xml", browndog_xml::generate::Generator::new(&bytes).document());
        whole += usize::from(read(&document).domain.is_some());
        let text = browndog_xml::generate::Generator::new(&bytes).acceptable();
        elements += text.matches("</").count() + text.matches("/>").count();
        let source = Source::new("made.xml", text);
        let reading = read(&source);
        accepted += usize::from(reading.domain.is_some());
        for error in reading.report.errors() {
            *why.entry(format!("{} {}", error.code, error.path)).or_insert(0) += 1;
        }
    }
    println!("{whole} of 300 accepted as the tables make them, {accepted} repaired, {elements} elements");
    assert!(accepted >= 285, "{accepted} of 300: {why:#?}");
    assert!(elements > 300 * 15, "{elements}: what is accepted is not empty");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_read(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        laws::any_bytes(&data);
    }

    #[test]
    fn documents_of_the_tables_have_their_shape(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
        laws::generated(&data);
    }

    #[test]
    fn what_is_accepted_is_written_and_read_as_the_same(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
        laws::round_trip(&data);
    }

    #[test]
    fn every_report_can_be_shown(data in proptest::collection::vec(any::<u8>(), 0..1200)) {
        laws::rendered(&data);
    }

    #[test]
    fn markup_soup_is_read(pieces in proptest::collection::vec(prop_oneof![
        Just("<domain type='lxc'>"), Just("</domain>"), Just("<name>"), Just("</name>"), Just("a"), Just("<"), Just(">"),
        Just("&"), Just("&amp;"), Just("'"), Just("\""), Just("="), Just("<!--"), Just("-->"), Just("<![CDATA["),
        Just("]]>"), Just("<?x"), Just("?>"), Just("<!DOCTYPE"), Just("["), Just("]"), Just("<devices>"), Just("</"),
        Just("<filesystem type='mount'>"), Just("<source dir='/x'/>"), Just("\n"), Just(" "), Just("xmlns:a='b'"), Just("é"),
    ], 0..60)) {
        laws::any_bytes(pieces.concat().as_bytes());
    }
}

#[test]
fn an_error_that_takes_a_warnings_place_stands_where_it_belongs() {
    let swap =
        "<memtune><hard_limit>2000000</hard_limit><swap_hard_limit>1000000</swap_hard_limit></memtune>";
    let ignored = "<controller type='virtio-serial' index='0'/>".repeat(250);
    let text = format!(
        "<domain type='lxc'><name>a</name><memory>65536</memory>{swap}<os><type>exe</type><init>/i</init></os>\
         <devices>{ignored}</devices></domain>"
    );
    let source = Source::new("full.xml", text.clone());
    let reading = read(&source);
    assert!(reading.report.suppressed > 0 && reading.report.has_errors(), "{:?}", reading.report.suppressed);
    laws::any_bytes(text.as_bytes());
}

#[test]
fn a_fault_per_line_is_an_error_per_line() {
    let text = "<domain type='lxc'>\n\
        <name>five/faults</name>\n\
        <memory unit='bits'>65536</memory>\n\
        <os><type>exe</type><init>sbin/init</init></os>\n\
        <devices>\n\
        <filesytem type='mount'><source dir='/a'/><target dir='/b'/></filesytem>\n\
        <filesystem type='mount'><source dir=/a/><target dir='/b'/></filesystem>\n\
        </devices>\n\
        </domain>\n";
    let source = Source::new("five.xml", text);
    let report = read(&source).report;
    let lines: Vec<u32> = report.errors().map(|error| source.position(error.span.start).line).collect();
    assert_eq!(lines, [2, 3, 4, 6, 7], "{}", report.render_human(&source, false));
}

/// Where a finding ends one byte after it begins, that may be in the middle of a character.
#[test]
fn a_finding_ends_on_a_character_of_more_than_one_byte() {
    laws::any_bytes("</é\né".as_bytes());
    laws::any_bytes(format!("<{}/>", "é".repeat(600)).as_bytes());
}
