//! Documents grown from the tables, with sources that are there: their plans break no law, on any machine.
#![no_main]

use browndog_xml::generate::Generator;
use browndog_xml::source::Source;
use libfuzzer_sys::fuzz_target;

/// What the generator's made-up paths become.
const THERE: [&str; 4] = ["/usr", "/etc", "/etc/passwd", "/var"];

fuzz_target!(|data: &[u8]| {
    let text = Generator::new(data).document();
    let mut parts = text.split("/path/");
    let mut there = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        there.push_str(THERE[number % THERE.len()]);
        there.push_str(part.trim_start_matches(|character: char| character.is_ascii_digit()));
    }
    let Some(domain) = browndog_xml::read(&Source::new("fuzz.xml", there)).domain else { return };
    let broken = browndog_runtime::plan::laws::broken_anywhere(&domain);
    assert!(broken.is_empty(), "{broken:#?}");
});
