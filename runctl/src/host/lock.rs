//! One run at a time: advisory locks that the kernel lets go when their holder dies.

use std::fs::TryLockError;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use fs_err::File;

use crate::failure::{Class, Classify as _, Failure, Outcome};

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock of this name, waiting up to `patience` for another run to end.
pub async fn take(folder: &Path, name: &str, purpose: &str, patience: Duration) -> Outcome<Lock> {
    let path = folder.join(format!("{name}.lock"));
    let tried = || format!("cannot lock {}", path.display());
    fs_err::create_dir_all(folder).or_fail(Class::Missing, tried)?;
    let mut options = fs_err::OpenOptions::new();
    let options = options.create(true).truncate(false).read(true).write(true);
    let mut file = options.open(&path).or_fail(Class::Missing, tried)?;
    let deadline = Instant::now() + patience;
    loop {
        match file.file().try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(TryLockError::WouldBlock) => return Err(held_by_another(&mut file, &path)),
            Err(TryLockError::Error(error)) => {
                return Err(Failure::new(
                    Class::Missing,
                    anyhow::Error::new(error).context(tried()),
                ));
            }
        }
    }
    let note = format!("runctl {purpose}, process {}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(note.as_bytes()))
        .or_fail(Class::Missing, tried)?;
    Ok(Lock { _file: file })
}

fn held_by_another(file: &mut File, path: &Path) -> Failure {
    let mut holder = String::new();
    let known = file.rewind().and_then(|()| file.read_to_string(&mut holder)).is_ok();
    let holder = if known && !holder.trim().is_empty() { holder.trim() } else { "another run" };
    Failure::say(Class::Locked, format!("{holder} holds {}", path.display()))
        .hint("wait for it to end, then run this again")
}
