//! Reports: as many errors as faults, and the forms that other tools read.

use std::path::{Path, PathBuf};
use std::process::Command;

use browndog_xml::report::{github, sarif};
use browndog_xml::source::Source;
use browndog_xml::{laws, read};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;

/// A document whose lines 2 to 6 each hold one of the faults; the rest is right.
fn with_faults(name: &str, lines: [&str; 4]) -> String {
    let [memory, os, features, device] = lines;
    format!(
        "<domain type='lxc'>\n{name}\n{memory}\n<os><type>exe</type>{os}</os>\n<features>{features}</features>\n<devices>{device}</devices>\n</domain>\n"
    )
}

#[rstest]
#[case::values("<name>a/b</name>", ["<memory>many</memory>", "<init>init</init>", "<capabilities policy='all'/>", "<console type='tty'/>"])]
#[case::unknown("<name>a</name><nam/>", ["<memory size='1'>65536</memory>", "<init>/i</init><inti/>", "<privnett/>", "<filesytem/>"])]
#[case::syntax(
    "<name>a</name><title>a & b</title>",
    ["<memory unit=KiB>65536</memory>", "<init>/i</init><initarg>a</initargs>", "<!-- a -- b --><privnet/>", "<console type='pty' type='pty'/>"]
)]
#[case::mixed(
    "<name>a</nam>",
    ["<memory unit='bits'>65536</memory>", "<init>/i</init><ini/>", "<privnet>text</privnet>", "<filesystem type='mount'><source dir='x'/><target dir='/y'/></filesystem>"]
)]
#[case::tags(
    "<name>a</name><description>b</descripton>",
    ["<memory>65536</memory></vcpu>", "<init>/i</init><initarg/>", "<capabilities policy='default'><chwn state='on'/></capabilities>", "<interface type='bridge'><source bridge='br0'/><mac address='1'/></interface>"]
)]
fn five_faults_are_five_errors(#[case] name: &str, #[case] lines: [&str; 4]) {
    let text = with_faults(name, lines);
    let source = Source::new("five.xml", text);
    let report = read(&source).report;
    let found: Vec<u32> = report.errors().map(|it| source.position(it.span.start).line).collect();
    assert_eq!(found, [2, 3, 4, 5, 6], "{}", report.render_human(&source, false));
    laws::any_bytes(source.text().as_bytes());
}

fn samples() -> Vec<Source> {
    vec![
        Source::new("a b/ü%.xml", "<domain type='lxc'><nam>x</nam>\n<name>é</name><name>b</name></domain>"),
        Source::new("empty.xml", ""),
        Source::new("cut.xml", "<domain type='lxc'>\n<devices><filesystem"),
    ]
}

/// The rules of the SARIF 2.1.0 standard that concern what is written here.
#[test]
fn sarif_keeps_the_rules_of_its_standard() {
    let documents: Vec<_> =
        samples().into_iter().map(|source| (source.clone(), read(&source).report)).collect();
    let all = sarif(&documents);
    assert_eq!(all["version"], "2.1.0");
    assert!(all["$schema"].as_str().is_some_and(|schema| schema.contains("sarif-2.1.0")));
    let run = &all["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules are listed");
    let mut ids: Vec<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids.len(), rules.len());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules.len(), "an id is given once");
    let results = run["results"].as_array().expect("results are listed");
    assert!(results.len() >= 4);
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(matches!(result["level"].as_str(), Some("error" | "warning")), "{result}");
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        let related = result["relatedLocations"].as_array().cloned().unwrap_or_default();
        for location in result["locations"].as_array().into_iter().flatten().chain(&related) {
            place(&location["physicalLocation"]);
        }
    }
}

/// The schema, which a crate carries that nothing here builds: `ci/install` fetches it.
fn schema_of_sarif() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("BROWNDOG_SARIF_SCHEMA") {
        return Ok(PathBuf::from(named));
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registry = home.unwrap_or_default().join("registry/src");
    let entries = |path: PathBuf| {
        std::fs::read_dir(path).into_iter().flatten().filter_map(|entry| entry.ok().map(|entry| entry.path()))
    };
    entries(registry)
        .flat_map(entries)
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("serde-sarif-"))
        })
        .map(|path| path.join("src/schema.json"))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            "no schema of SARIF (ci/install fetches it, BROWNDOG_SARIF_SCHEMA names one)".to_owned()
        })
}

/// Prints a line for each fault; fails where it was not asked a question it can answer.
const VALIDATE: &str = "import json, sys, jsonschema
schema, document = (json.load(open(path, encoding='utf-8')) for path in sys.argv[1:])
kind = jsonschema.validators.validator_for(schema)
kind.check_schema(schema)
for error in kind(schema).iter_errors(document):
    print('/'.join(map(str, error.absolute_path)), error.message[:200])
";

#[test]
fn sarif_is_valid_by_the_schema_of_its_standard() {
    let schema = match schema_of_sarif() {
        Ok(schema) => schema,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let has_jsonschema = Command::new("python3").args(["-c", "import jsonschema"]).output();
    if !has_jsonschema.is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no python3 with jsonschema (python3-jsonschema)");
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let faults = |value: &Value| {
        let path = directory.path().join("log.sarif");
        std::fs::write(&path, value.to_string()).expect("a temporary file can be written");
        let run = Command::new("python3").args(["-c", VALIDATE]).args([&schema, &path]).output();
        let output = run.expect("python3 runs");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut sources = samples();
    for directory in ["reject", "warn", "accept"] {
        for entry in std::fs::read_dir(tests.join(directory)).expect("the directory is readable") {
            let path = entry.expect("a directory lists its entries").path();
            let bytes = std::fs::read(&path).expect("a listed file is readable");
            sources.push(Source::from_bytes(path.display().to_string(), bytes));
        }
    }
    let documents: Vec<_> = sources.into_iter().map(|it| (it.clone(), read(&it).report)).collect();
    let mut all = sarif(&documents);
    assert!(all["runs"][0]["results"].as_array().is_some_and(|results| results.len() > 50));
    assert_eq!(faults(&all), "");
    assert_eq!(faults(&sarif(&[])), "");
    // The validator sees what is wrong.
    all["runs"][0]["results"][3]["level"] = "fatal".into();
    all["runs"][0]["results"][5]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0.into();
    assert_eq!(faults(&all).lines().count(), 2);
}

fn place(physical: &Value) {
    let uri = physical["artifactLocation"]["uri"].as_str().expect("a place has a file");
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%!$&'()*+,;=@:".contains(&byte);
    assert!(uri.bytes().all(legal) && !uri.contains("%%"), "{uri} is a reference");
    let number = |name: &str| physical["region"][name].as_u64().expect("a region has numbers");
    let (start, end) = (number("startLine"), number("endLine"));
    assert!(start >= 1 && end >= start);
    assert!(number("startColumn") >= 1 && number("endColumn") >= 1);
    assert!(end > start || number("endColumn") >= number("startColumn"));
}

/// A workflow command is one line; what would end it, or its properties, is escaped.
#[test]
fn a_name_cannot_break_out_of_an_annotation() {
    let source = Source::new("a,b::c\n::error::d%.xml", "<domain type='lxc'><nam>x</nam></domain>");
    let report = read(&source).report;
    let text = github(&source, &report);
    assert_eq!(text.lines().count(), report.diagnostics.len());
    for line in text.lines() {
        let (properties, _) =
            line.trim_start_matches("::").split_once("::").expect("a command ends its properties");
        assert!(properties.contains("a%2Cb%3A%3Ac%0A%3A%3Aerror%3A%3Ad%25.xml"), "{line}");
    }
}

const VALID: &str = "<domain type='lxc'>\n  <name>demo</name>\n  <memory unit='KiB'>65536</memory>\n  <os>\n    <type>exe</type>\n    <init>/sbin/init</init>\n  </os>\n  <features>\n    <privnet/>\n  </features>\n  <devices>\n    <filesystem type='mount'>\n      <source dir='/srv'/>\n      <target dir='/mnt'/>\n    </filesystem>\n    <console type='pty'/>\n  </devices>\n</domain>\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// A character that breaks a name or a value is an error on the line that it stands on.
    #[test]
    fn one_fault_in_a_valid_document_is_an_error_at_its_place(at in 0..VALID.len(), bad in prop_oneof![Just('\u{1}'), Just('&')]) {
        let mut text = VALID.to_owned();
        text.insert(at, bad);
        let source = Source::new("mutant.xml", text);
        let report = read(&source).report;
        let line = source.position(at as u32).line;
        let lines: Vec<u32> = report.errors().map(|it| source.position(it.span.start).line).collect();
        prop_assert!(lines.contains(&line), "line {line}, found {lines:?}\n{}", report.render_human(&source, false));
        laws::any_bytes(source.text().as_bytes());
    }

    /// Without one of its letters, the name of an element is unknown, and said to be so there.
    #[test]
    fn a_misspelt_name_is_found_where_it_stands(name in prop_oneof![
        Just("privnet"), Just("console"), Just("filesystem"), Just("features"), Just("devices"), Just("memory"),
    ], letter in 1_usize..5) {
        let mut wrong = name.to_owned();
        let _letter = wrong.remove(letter);
        let text = VALID.replace(&format!("<{name}"), &format!("<{wrong}")).replace(&format!("</{name}>"), &format!("</{wrong}>"));
        let at = text.find(&format!("<{wrong}")).expect("it was put there");
        let source = Source::new("mutant.xml", text);
        let report = read(&source).report;
        let first = report.errors().map(|it| it.span.start as usize).collect::<Vec<_>>();
        prop_assert!(first.iter().any(|&start| start == at || start == at + 1), "{at} {first:?}\n{}", report.render_human(&source, false));
    }
}
