//! Documents grown from the tables, with sources that are there: their plans break no law, on any machine.
#![no_main]

use browndog_runtime::plan::laws;
use browndog_xml::generate::Generator;
use browndog_xml::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = Generator::new(data).of_host(&laws::THERE).acceptable();
    let Some(domain) = browndog_xml::read(&Source::new("fuzz.xml", text)).domain else { return };
    let broken = laws::broken_anywhere(&domain);
    assert!(broken.is_empty(), "{broken:#?}");
});
