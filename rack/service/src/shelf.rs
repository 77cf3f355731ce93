//! The book on its shelf: read when it changes, and the last good one kept when the new one makes no sense.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rack::Book;
use tokio::sync::Mutex;

use crate::lines;

/// How often the file is looked at: an edit is live in less than this, and a look costs microseconds.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a book cannot be used.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot read the book")]
    Read(#[source] std::io::Error),
    #[error("cannot understand the book {}", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// The book as it is now.
#[derive(Default)]
pub(crate) struct Shelf {
    book: RwLock<Option<Arc<Book>>>,
    seen: Mutex<Seen>,
}

/// By what a changed file is told: a renamed one has another inode, one written in place another time or size.
type Mark = (u64, i64, i64, u64);

/// What was found at the last look.
#[derive(Default)]
struct Seen {
    mark: Option<Mark>,
    complaint: String,
}

impl Shelf {
    /// The book, if there has been a good one.
    pub(crate) fn book(&self) -> Option<Arc<Book>> {
        self.book.read().ok()?.clone()
    }

    /// Looks at the file for ever.
    pub(crate) async fn watch(&self, path: &Path) {
        loop {
            self.look(path).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads the book where it has changed. An order of the operator's is about the book of this moment.
    pub(crate) async fn look(&self, path: &Path) {
        let mut seen = self.seen.lock().await;
        let mark = mark(path);
        if mark.is_some() && mark == seen.mark {
            return;
        }
        match read(path.to_owned()).await {
            Ok(book) => {
                // They stop only who chooses them; the site's operator is told before that.
                for mistake in book.mistakes() {
                    let (script, line) = (mistake.script, mistake.line);
                    tracing::warn!("{script}, line {line}: {}", mistake.problem);
                }
                self.lay(book);
                tracing::info!("the book is read");
                seen.complaint.clear();
            }
            Err(error) => {
                let told = lines::chain(&error);
                if told != seen.complaint {
                    tracing::warn!("{told}; what was read before stays");
                    seen.complaint = told;
                }
            }
        }
        seen.mark = mark;
    }

    fn lay(&self, book: Book) {
        if let Ok(mut place) = self.book.write() {
            *place = Some(Arc::new(book));
        }
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let found = fs_err::metadata(path).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
}

/// Reads it on another thread: a thousand machines are a megabyte, and nobody shall wait for it.
async fn read(path: PathBuf) -> Result<Book, Error> {
    let reading = tokio::task::spawn_blocking(move || {
        let text = fs_err::read(&path).map_err(Error::Read)?;
        serde_json::from_slice(&text).map_err(|source| Error::Parse { path, source })
    });
    reading.await.unwrap_or_else(|error| Err(Error::Read(std::io::Error::other(error))))
}
