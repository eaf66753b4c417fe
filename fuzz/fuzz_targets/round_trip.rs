//! Documents that are accepted: written and read they are the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_xml::laws::round_trip(data));
