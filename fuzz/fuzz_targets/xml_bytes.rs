//! Any bytes: read, without a panic, the same answer twice, every span inside the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_xml::laws::any_bytes(data));
