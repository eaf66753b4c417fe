//! Documents grown from the schema's tables, then hurt in a few places.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_xml::laws::generated(data));
