//! Any bytes in the place of a record, of the notes of what was attached, and of a lock; the first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| browndog_life::laws::state(data));
