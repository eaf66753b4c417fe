//! Laws that hold for every input: shared by the fuzz targets and the tests that replay them.
//!
//! A law panics where it is broken; that is what a fuzzer looks for.

use crate::convert::Converted;
use crate::domain::{Dialect, InterfaceKind, SeclabelKind};
use crate::generate::Generator;
use crate::report::{Code, Report, Severity};
use crate::source::Source;
use crate::{Reading, read};

/// Any bytes are read without a panic, twice the same, and every report can be shown.
pub fn any_bytes(data: &[u8]) {
    let source = Source::from_bytes("fuzz.xml", data.to_vec());
    let reading = read(&source);
    sound(&source, &reading);
    let again = read(&source);
    assert_eq!(reading.report.diagnostics, again.report.diagnostics, "the same answer twice");
    assert_eq!(reading.domain, again.domain, "the same domain twice");
    renders(&source, &reading.report);
    canonical(data);
    written(&source);
}

/// Documents grown from the tables: whole they are free of shape faults, hurt they are still read.
pub fn generated(data: &[u8]) {
    let mut generator = Generator::new(data);
    let text = generator.document();
    let source = Source::new("fuzz.xml", text);
    let reading = read(&source);
    sound(&source, &reading);
    // Inside <container> and beside it: each is right, both together are not.
    let rfc = reading.report.dialect == Some(Dialect::LinuxContainer);
    for error in reading.report.errors() {
        // The tables made it, so what is wrong can only be a rule, or something refused by its row.
        assert!(
            error.code.number() >= 208 || (rfc && error.code == Code::DuplicateElement),
            "a document made from the tables has the shape they ask for: {} {}\n{}",
            error.code,
            error.message,
            source.text()
        );
    }
    canonical(source.text().as_bytes());
    written(&source);
    let hurt = Source::new("fuzz.xml", generator.hurt(source.text()));
    let reading = read(&hurt);
    sound(&hurt, &reading);
    renders(&hurt, &reading.report);
}

/// Documents that are accepted: written and read they are the same, in the canonical form, through
/// the writer and through a bundle.
pub fn round_trip(data: &[u8]) {
    let text = Generator::new(data).acceptable();
    let source = Source::new("fuzz.xml", text);
    sound(&source, &read(&source));
    canonical(source.text().as_bytes());
    written(&source);
}

/// Documents with faults of any kind, under any name: every form of every report can be made, and
/// every place is where a plain count has it.
pub fn rendered(data: &[u8]) {
    let (name, rest) = data.split_at(data.len().min(16));
    let mut generator = Generator::new(rest);
    let mut text = generator.document();
    for _ in 0..4 {
        text = generator.hurt(&text);
    }
    let source = Source::new(String::from_utf8_lossy(name), text);
    let mut reading = read(&source);
    sound(&source, &reading);
    renders(&source, &reading.report);
    for diagnostic in &reading.report.diagnostics {
        let before = &source.text()[..diagnostic.span.start as usize];
        let (line, column) = before
            .rsplit_once('\n')
            .map_or((0, before), |(lines, line)| (lines.matches('\n').count() + 1, line));
        let place = source.position(diagnostic.span.start);
        let counted = (line as u32 + 1, column.chars().count() as u32 + 1);
        assert_eq!((place.line, place.column), counted, "a place is counted from the start");
    }
    reading.report.deny_ignored();
    renders(&source, &reading.report);
}

/// The canonical form of a valid document is the same domain, and its own canonical form.
pub fn canonical(data: &[u8]) {
    let source = Source::from_bytes("fuzz.xml", data.to_vec());
    let Some(mut domain) = read(&source).domain else { return };
    // The form says of a container of this machine's architecture that it is.
    let own = crate::domain::Sourced::default(std::env::consts::ARCH.to_owned(), "the machine's");
    if domain.dialect == Dialect::Lxc {
        let _arch = domain.arch.get_or_insert(own);
    }
    let text = match crate::fmt::format(&source) {
        Ok(text) => text,
        Err(report) => panic!("a valid document has a form:\n{}", report.render_human(&source, false)),
    };
    let written = Source::new("written.xml", text);
    let reading = read(&written);
    let Some(again) = reading.domain else {
        panic!("the form is valid:\n{}", reading.report.render_human(&written, false))
    };
    assert_eq!(domain, again, "the form says the same:\n{}", written.text());
    let twice = crate::fmt::format(&written).unwrap_or_default();
    assert_eq!(twice, written.text(), "the form of the form is the form");
}

/// A domain that is written and read is the same domain, except for what the writer has named.
pub fn written(source: &Source) {
    let Some(mut domain) = read(source).domain else { return };
    let converted = crate::convert::from_xml(source);
    let Some(again) = &converted.domain else {
        let (source, report) = &converted.reports[0];
        panic!("what is written is valid:\n{}", report.render_human(source, false))
    };
    converted_is_sound(&converted);
    if converted.is_lossy() {
        return;
    }
    domain.dialect = Dialect::Lxc;
    // What no start acts on is not in a domain, so it cannot be written.
    domain.unsupported.clear();
    // Twice no label is no label.
    let mut unlabelled = false;
    domain
        .seclabels
        .retain(|label| label.kind != SeclabelKind::None || !std::mem::replace(&mut unlabelled, true));
    for interface in &mut domain.interfaces {
        if interface.kind == InterfaceKind::Rfc {
            let (host_addresses, host_routes) = (Vec::new(), Vec::new());
            interface.kind = InterfaceKind::Ethernet { host_addresses, host_routes };
        }
    }
    bundle(source);
    assert_eq!(&domain, again, "the same domain:\n{}", converted.text.as_deref().unwrap_or_default());
}

/// Any bytes are taken for an lxc.container.conf without a panic; what comes out is valid.
pub fn lxc_conf(data: &[u8]) {
    let source = Source::from_bytes("config", data.to_vec());
    // A file that includes itself, and a mount table that is the file itself.
    let include = |path: &str| match path.len() % 3 {
        0 => Err("no such file".to_owned()),
        _ => Ok(vec![source.clone()]),
    };
    let name = source.text().len().is_multiple_of(2).then_some("demo");
    converted_is_sound(&crate::convert::from_lxc_conf(&source, name, &include));
}

/// Any bytes are taken for an OCI `config.json`, and any valid document becomes one.
pub fn oci(data: &[u8]) {
    let source = Source::from_bytes("config.json", data.to_vec());
    let converted = crate::convert::from_oci(&source, "/bundle", None);
    converted_is_sound(&converted);
    if let Some(text) = converted.text {
        bundle(&Source::new("converted.xml", text));
    }
}

/// What becomes of a bundle's document is one that makes the same bundle again.
fn bundle(document: &Source) {
    let bundle = crate::convert::to_oci(document);
    converted_is_sound(&bundle);
    let Some(config) = bundle.text else { return };
    let again = crate::convert::from_oci(&Source::new("config.json", config.clone()), "/bundle", None);
    converted_is_sound(&again);
    let Some(text) = again.text else {
        let (source, report) = &again.reports[0];
        panic!("what is written is valid:\n{}", report.render_human(source, false))
    };
    let twice = crate::convert::to_oci(&Source::new("again.xml", text)).text.unwrap_or_default();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    assert_eq!(stable(value(&twice)), stable(value(&config)), "the same bundle again");
}

/// A `config.json` without what a second conversion says in other words: the environment, which
/// then is the document's own, and the group, which stands below a partition.
fn stable(mut config: serde_json::Value) -> serde_json::Value {
    if let Some(env) = config.pointer_mut("/process/env").and_then(serde_json::Value::as_array_mut) {
        let has = |it: &serde_json::Value| {
            it.as_str().is_some_and(|it| !it.ends_with('=') && !it.starts_with("LIBVIRT_LXC_NAME="))
        };
        env.retain(has);
        env.sort_by_key(ToString::to_string);
    }
    if let Some(linux) = config.get_mut("linux").and_then(serde_json::Value::as_object_mut) {
        drop(linux.remove("cgroupsPath"));
    }
    config
}

/// A document, or an error; findings in order, inside their texts.
fn converted_is_sound(converted: &Converted) {
    assert_eq!(converted.text.is_none(), converted.has_errors(), "a document, or an error");
    for (source, report) in &converted.reports {
        placed(source, report);
        renders(source, report);
    }
}

/// What every report keeps to.
pub fn sound(source: &Source, reading: &Reading) {
    let report = &reading.report;
    assert_eq!(reading.domain.is_none(), report.has_errors(), "a domain, or an error");
    placed(source, report);
}

fn placed(source: &Source, report: &Report) {
    let mut last = 0;
    for diagnostic in &report.diagnostics {
        assert!(diagnostic.span.start >= last, "findings are in the order of the document");
        last = diagnostic.span.start;
        let spans = diagnostic.labels.iter().map(|(span, _)| *span).chain([diagnostic.span]);
        for span in spans {
            let (start, end) = (span.start as usize, span.end as usize);
            assert!(start <= end && end <= source.text().len(), "{} is inside the text", diagnostic.code);
            assert!(source.text().is_char_boundary(start), "{} begins on a character", diagnostic.code);
            assert!(source.text().is_char_boundary(end), "{} ends on a character", diagnostic.code);
        }
        assert!(!diagnostic.path.is_empty(), "{} has a path", diagnostic.code);
        assert!(
            diagnostic.severity == Severity::Error || !diagnostic.message.is_empty(),
            "a warning says what it is"
        );
    }
}

/// Every form of the report can be made.
pub fn renders(source: &Source, report: &Report) {
    let text = report.render_human(source, false);
    let control = |character: char| character.is_control() && character != '\n';
    assert!(!text.contains(control), "no control character reaches a terminal");
    let coloured = report.render_human(source, true);
    assert!(coloured.len() >= text.len(), "colours add");
    let json = report.to_json(source).to_string();
    assert!(json.starts_with('{'), "an object");
    let lines = crate::report::github(source, report);
    assert_eq!(lines.lines().count(), report.diagnostics.len(), "a line for each finding");
    let sarif = crate::report::sarif(&[(source.clone(), report.clone())]);
    assert_eq!(
        sarif["runs"][0]["results"].as_array().map(Vec::len),
        Some(report.diagnostics.len()),
        "a result for each"
    );
}
