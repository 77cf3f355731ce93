//! What a feed moved goes on to the outer forges as what people push does: a note in gito's queue asks its own script to.
//!
//! The note is written before references move, under a name that the script does not look for, and takes its own once
//! they have moved. A run that is killed between leaves it; the next one hands it in, and at worst a push finds nothing new.

use std::io::{self, Write as _};
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Timestamp;

use super::remote::masked;
use super::{Error, Target};

/// A note that the script takes, and one that it does not yet see.
const READY: &str = "fed";
const BEFORE: &str = "moving";
/// Stands for the `/` of a repository's name, which never has it.
const SLASH: &str = "%";

/// The note of one repository.
pub(super) struct Onward<'a> {
    repository: &'a str,
    target: &'a Target,
}

impl<'a> Onward<'a> {
    pub(super) fn of(repository: &'a str, target: &'a Target) -> Self {
        Self { repository, target }
    }

    /// Writes down that the repository is about to move, where it is pushed on.
    pub(super) fn announce(&self) -> Result<(), Error> {
        let (Some(queue), Some(to)) = (&self.target.queue, &self.target.card.push_mirror) else {
            return Ok(());
        };
        let write = || -> io::Result<()> {
            if !queue.is_dir() {
                fs::create_dir_all(queue)?;
                self.hand_over(queue)?;
            }
            let path = self.path(queue, BEFORE);
            let mut file = fs::File::create(&path)?;
            file.write_all(self.text(to).as_bytes())?;
            file.sync_all()?;
            self.hand_over(&path)
        };
        write().map_err(|source| Error::Write { path: queue.clone(), source })
    }

    /// Hands in what was written down, by this run or by one that was killed.
    pub(super) fn queue(&self) -> Result<(), Error> {
        let Some(queue) = &self.target.queue else {
            return Ok(());
        };
        match fs::rename(self.path(queue, BEFORE), self.path(queue, READY)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::Write { path: queue.clone(), source })
            }
            _ => Ok(()),
        }
    }

    fn path(&self, queue: &Path, ending: &str) -> PathBuf {
        queue.join(format!("{}.{ending}", self.repository.replace('/', SLASH)))
    }

    /// As the script writes what waits, so that both are shown alike.
    fn text(&self, to: &str) -> String {
        let to: Vec<_> = to.split_whitespace().map(masked).collect();
        format!(
            "repository={}\ntarget={}\nsince={}\nattempts=0\nwhy=fed, and not pushed on yet\n",
            self.repository,
            to.join(" "),
            Timestamp::now().as_second()
        )
    }

    fn hand_over(&self, path: &Path) -> io::Result<()> {
        match self.target.owner {
            Some((user, group)) => lchown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}
