//! Reads groups that no upstream would write.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| feeds::yum::fuzzing::comps(input));
