//! What the service remembers: one `SQLite` database, one thread that speaks to it.
//!
//! Work comes as closures through a bounded queue. Whatever waits there is done in one transaction, so that a thousand
//! machines that ask at once cost a few syncs; nobody is answered before what was done for him is on the disk.

pub(crate) mod asking;
pub(crate) mod installs;
mod record;
pub(crate) mod reports;
mod schema;
pub(crate) mod sightings;
mod stages;
pub(crate) mod telling;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

/// Works that wait; whoever comes when so many do waits outside.
const QUEUE: usize = 1024;
/// Works in one transaction.
const TOGETHER: usize = 256;

/// Why something is not remembered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file of the database cannot be made.
    #[error("cannot make the database")]
    Make(#[source] std::io::Error),
    /// The database cannot be opened or brought up to date.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer rack has written it.
    #[error("the database {} has version {found}, and this program knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is known.
        known: u32,
    },
    /// Reading or writing failed.
    #[error("the database does not do its work")]
    Work(#[source] rusqlite::Error),
    /// The work was done and could not be kept.
    #[error("the database does not keep what is written")]
    Commit,
    /// The thread is gone.
    #[error("the database has stopped")]
    Stopped,
}

/// Hands work to the database.
#[derive(Clone)]
pub(crate) struct Memory {
    queue: mpsc::Sender<Work>,
}

/// Works, and gives what is to be done when it is known whether that is kept.
type Work = Box<dyn FnOnce(&Connection) -> Conclude + Send>;
type Conclude = Box<dyn FnOnce(bool) + Send>;

impl Memory {
    /// Opens the database in this folder, and brings it up to date.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let database = schema::open(&folder.join("rack.db"))?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("memory".into())
            .spawn(move || run(&database, waiting))
            .map_err(Error::Make)?;
        Ok(Self { queue })
    }

    /// Does a piece of work: all of it or nothing, and on the disk before this returns.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, told) = oneshot::channel();
        let work: Work = Box::new(move |database| {
            let outcome = whole(database, work).map_err(Error::Work);
            Box::new(move |kept| {
                let outcome = if kept { outcome } else { outcome.and(Err(Error::Commit)) };
                // Whoever asked may have gone.
                drop(tell.send(outcome));
            })
        });
        self.queue.send(work).await.map_err(|_| Error::Stopped)?;
        told.await.map_err(|_| Error::Stopped)?
    }

    /// Whether it can write.
    pub(crate) async fn beat(&self, now: u64) -> Result<(), Error> {
        self.work(move |database| database.execute("UPDATE beat SET at = ?1", [now]).map(drop))
            .await
    }
}

/// Does all or nothing of one piece of work within the transaction of several.
fn whole<T>(
    database: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    database.execute_batch("SAVEPOINT work")?;
    let outcome = work(database);
    let end = if outcome.is_ok() { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" };
    database.execute_batch(end)?;
    outcome
}

fn run(database: &Connection, mut waiting: mpsc::Receiver<Work>) {
    while let Some(first) = waiting.blocking_recv() {
        let begun = database.execute_batch("BEGIN").is_ok();
        let mut done = vec![first(database)];
        while done.len() < TOGETHER
            && let Ok(work) = waiting.try_recv()
        {
            done.push(work(database));
        }
        let kept = begun && database.execute_batch("COMMIT").is_ok();
        if !kept {
            // A transaction that could not be committed must not stay open.
            drop(database.execute_batch("ROLLBACK"));
        }
        for conclude in done {
            conclude(kept);
        }
    }
}

/// A column that holds a text which means something.
fn parsed<T: std::str::FromStr>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| rusqlite::Error::InvalidColumnType(column, text, rusqlite::types::Type::Text))
}
