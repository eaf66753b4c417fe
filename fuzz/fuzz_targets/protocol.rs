//! Any bytes as a packet at a monitor's socket, and as its answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_life::laws::packet(data));
