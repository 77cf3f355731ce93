//! Reads `Release` files that no upstream would write.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| feeds::apt::fuzzing::release(input));
