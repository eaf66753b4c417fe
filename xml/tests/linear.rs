//! What hostile documents cost, counted: memory in use at once, and allocations.
//!
//! Instructions are counted by `tests/hostile.rs` of the whole program.

#[path = "support/hostile_cases.rs"]
mod hostile_cases;

use allocation_counter::{AllocationInfo, measure};
use browndog_xml::limits;
use browndog_xml::read;
use browndog_xml::report::Code;
use browndog_xml::source::Source;
use hostile_cases::CASES;

/// Reads and shows a document that is in memory already.
fn cost(text: String) -> AllocationInfo {
    let source = Source::new("hostile.xml", text);
    measure(|| {
        let reading = read(&source);
        let shown = reading.report.render_human(&source, false);
        assert!(shown.len() < 4096 * (limits::DIAGNOSTICS + 1), "what is shown is bounded");
    })
}

#[test]
fn memory_and_allocations_grow_with_the_document_and_not_with_its_square() {
    // The tables that are made once are made.
    let _first = cost("<domain type='lxc'><x/></domain>".to_owned());
    let mut wrong = Vec::new();
    for (name, document) in CASES {
        let (small, large) = (cost(document(1000)), cost(document(4000)));
        // Four times as much, and what a vector has in reserve.
        let grows = |small: u64, large: u64| large > 9 * small + 20_000;
        if grows(small.bytes_max, large.bytes_max) || grows(small.count_total, large.count_total) {
            wrong.push(format!("{name}: {small:?} {large:?}"));
        }
        let (bytes, length) = (large.bytes_max, document(4000).len() as u64);
        // Reports and tables, and per byte what the shortest elements take.
        if bytes > 1_500_000 + 24 * length {
            wrong.push(format!("{name}: {bytes} bytes for {length}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The document of the benches: ever more file systems.
#[test]
fn a_large_domain_takes_little_more_than_its_document_twice() {
    let mount = |it| {
        format!(
            "    <filesystem type='mount'>\n      <source dir='/srv/shared/{it}'/>\n      <target dir='/mnt/{it}'/>\n      <readonly/>\n    </filesystem>\n"
        )
    };
    let devices: String = (0..40_000).map(mount).collect();
    let text = format!(
        "<domain type='lxc'><name>a</name><memory>65536</memory><os><type>exe</type><init>/i</init></os><devices>{devices}</devices></domain>"
    );
    let length = text.len() as u64;
    let source = Source::new("large.xml", text);
    let AllocationInfo { bytes_max, .. } = measure(|| assert!(read(&source).domain.is_some()));
    println!("{length} bytes of document, {bytes_max} beside it at most");
    // A vector that grows is counted twice, before and after; the system moves its pages instead, and
    // `benches/peers.py` shows less than three times the document.
    assert!(2 * bytes_max <= 5 * length, "{bytes_max} beside {length}");
}

#[test]
fn millions_are_stopped_at_a_bound_with_little_memory() {
    let head =
        "<domain type='lxc'><name>a</name><memory>65536</memory><os><type>exe</type><init>/i</init></os>";
    let levels = format!("{head}<metadata>{}", "<x>".repeat(1_000_000));
    let attributes: String = (0..1_000_000).map(|it| format!(" a{it}='1'")).collect();
    let attributes = format!("{head}<metadata><x{attributes}/></metadata></domain>");
    let value = format!("{head}<vcpu cpuset='{}'>1</vcpu></domain>", "x".repeat(100 << 20));
    let name = format!("{head}<{}/></domain>", "x".repeat(10 << 20));
    let nuls = format!("{head}<title>{}</title></domain>", "\0".repeat(1_000_000));
    for (what, text, code) in [
        ("levels", levels, Code::Limit),
        ("attributes", attributes, Code::Limit),
        ("value", value, Code::BadIdSet),
        ("name", name, Code::Limit),
        ("NULs", nuls, Code::IllegalCharacter),
    ] {
        let source = Source::new(what, text);
        let AllocationInfo { bytes_max, .. } = measure(|| {
            let report = read(&source).report;
            assert!(report.errors().any(|error| error.code == code), "{what}: {:?}", report.errors().next());
            let _shown = report.render_human(&source, false);
        });
        assert!(bytes_max < 1_500_000, "{what}: {bytes_max} bytes");
    }
    for bytes in [vec![0xFF_u8; 4 << 20], vec![0xFE; 4 << 20], b"<\0".repeat(2 << 20)] {
        let source = Source::from_bytes("bytes", bytes);
        let report = read(&source).report;
        assert_eq!(report.errors().map(|error| error.code).collect::<Vec<_>>(), [Code::NotUtf8]);
    }
}

/// An OCI bundle that names `count` of each thing, and has as many members that nobody knows.
fn bundle(count: usize) -> String {
    let list = |part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<Vec<_>>().join(",\n  ");
    format!(
        "{{\"ociVersion\":\"1.0.2\",\"root\":{{\"path\":\"/srv\"}},\"process\":{{\"args\":[\"/i\"],\"cwd\":\"/\",\"env\":[\n  {}]}},\n\
         \"mounts\":[\n  {}],\n\"linux\":{{\"sysctl\":{{{}}},\"devices\":[{}],\"resources\":{{\"devices\":[{}]}}}},\n\"annotations\":{{{}}}}}",
        list(&|it| format!("\"V{it}=x\"")),
        list(&|it| format!(
            "{{\"destination\":\"/m{it}\",\"type\":\"bind\",\"source\":\"/s{it}\",\"options\":[\"bind\",\"odd\"]}}"
        )),
        list(&|it| format!("\"net.ipv4.x{it}\":\"1\"")),
        list(&|it| format!("{{\"path\":\"/dev/d{it}\",\"type\":\"c\",\"major\":9,\"minor\":{it}}}")),
        list(&|it| format!("{{\"allow\":true,\"type\":\"c\",\"major\":9,\"minor\":{it},\"access\":\"rw\"}}")),
        list(&|it| format!("\"org.other.{it}\":\"x\"")),
    )
}

/// Who looks for a value's place from the start of the text each time passes, and allocates, all the keys before it.
#[test]
fn a_bundle_is_converted_in_memory_and_allocations_that_grow_with_it() {
    let cost = |count: usize| {
        let source = Source::new("config.json", bundle(count));
        measure(|| {
            let converted = browndog_xml::convert::from_oci(&source, "/bundle", Some("a"));
            let shown: usize = converted
                .reports
                .iter()
                .map(|(source, report)| report.render_human(source, false).len())
                .sum();
            assert!(shown > 0 && shown < 4096 * (limits::DIAGNOSTICS + 1), "{shown} bytes");
        })
    };
    let _first = cost(10);
    let (small, large) = (cost(1000), cost(4000));
    let grows = |small: u64, large: u64| large > 6 * small;
    assert!(
        !grows(small.bytes_total, large.bytes_total) && !grows(small.count_total, large.count_total),
        "{small:?} {large:?}"
    );
}
