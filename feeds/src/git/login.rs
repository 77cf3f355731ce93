//! How to log in over https: a file with a user and a password, or git's own credential helpers; never shown.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Error;

/// Where a login comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// Nobody logs in.
    #[default]
    None,
    /// A file of two lines, user and password, that nobody but its owner reads.
    File(PathBuf),
    /// The credential helpers of git's configuration.
    Helper,
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password {
    pub(super) user: String,
    pub(super) password: String,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with a password", self.user)
    }
}

impl Login {
    /// Reads the file, where there is one.
    pub(super) fn read(&self) -> Result<Option<Password>, Error> {
        let Self::File(path) = self else {
            return Ok(None);
        };
        read(path).map(Some).map_err(|source| Error::Login { path: path.clone(), source })
    }
}

fn read(path: &Path) -> io::Result<Password> {
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it: chmod 600"));
    }
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines();
    match (lines.next(), lines.next(), lines.next()) {
        (Some(user), Some(password), None) if !user.is_empty() && !password.is_empty() => {
            Ok(Password { user: user.to_owned(), password: password.to_owned() })
        }
        _ => Err(io::Error::other("it is not two lines, user and password")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_two_lines_that_only_its_owner_reads_is_a_login() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login");
        let read = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Login::File(path.clone()).read()
        };
        let password = read("ada\nse cret\n", 0o600).unwrap().unwrap();
        assert_eq!((password.user.as_str(), password.password.as_str()), ("ada", "se cret"));
        assert!(!format!("{password:?}").contains("cret"));
        for (text, mode) in [("ada\nsecret\n", 0o640), ("ada\n", 0o600), ("a\nb\nc\n", 0o600)] {
            assert!(matches!(read(text, mode), Err(Error::Login { .. })));
        }
        assert_eq!(Login::None.read().unwrap(), None);
    }
}
