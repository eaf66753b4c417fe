//! Any bytes as an lxc.container.conf: a valid document or an error, findings in their places.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_xml::laws::lxc_conf(data));
