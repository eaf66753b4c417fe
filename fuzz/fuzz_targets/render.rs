//! Documents with faults, under any name: every form of every report can be made.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_xml::laws::rendered(data));
