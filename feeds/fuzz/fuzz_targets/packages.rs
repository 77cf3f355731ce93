//! Reads `Packages` and `Sources` indexes that no upstream would write.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| feeds::apt::fuzzing::packages(input));
