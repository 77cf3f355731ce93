//! Starts the runtime and leaves: everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    runctl::main()
}
