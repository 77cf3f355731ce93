//! Every test that needs more than one crate: one binary, one subject per file.

#![expect(
    clippy::tests_outside_test_module,
    reason = "the whole binary is tests"
)]

mod house;
mod install;
mod units;
