//! Any bytes as an OCI config.json; what comes of it makes the same bundle again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_xml::laws::oci(data));
