//! The one way in which a test may not run: said aloud, with its reason.

use std::io::Write as _;

/// Notes that something cannot be tested on this machine; `tests/run` counts and prints the notes.
pub fn skip(what: &str, reason: &str) {
    let note = format!("{what}: {reason}\n");
    eprint!("skipped: {note}");
    if let Some(path) = std::env::var_os("SUITE_SKIPS") {
        let mut notes = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(std::path::PathBuf::from(path))
            .expect("the file of skips opens");
        notes.write_all(note.as_bytes()).expect("the file of skips takes a line");
    }
}
