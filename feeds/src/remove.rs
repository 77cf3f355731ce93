//! Removing what may be gone already.

use std::io;
use std::path::Path;

/// Removes a file; that there is none is as good.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
