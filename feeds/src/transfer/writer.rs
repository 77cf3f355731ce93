//! Writes and hashes off the runtime's thread, one batch at a time, while the next one comes in.

use std::io;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::partial::Partial;

/// Large enough that a task switch does not show, small enough for many files at once.
const BATCH: usize = 256 * 1024;

pub(super) struct Writer {
    state: State,
    batch: Vec<Bytes>,
    bytes: usize,
}

enum State {
    Idle(Box<Partial>),
    Busy(JoinHandle<io::Result<Box<Partial>>>),
    /// Only between two states, or after an error.
    Gone,
}

impl Writer {
    pub(super) fn new(partial: Box<Partial>) -> Self {
        Self { state: State::Idle(partial), batch: Vec::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        self.batch.push(chunk);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BATCH
    }

    /// Waits for the batch before this one, then lets this one go.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let mut partial = self.rest().await?;
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        self.state = State::Busy(tokio::task::spawn_blocking(move || {
            partial.append(&batch)?;
            Ok(partial)
        }));
        Ok(())
    }

    /// Writes what is left and hands the partial back.
    pub(super) async fn finish(mut self) -> io::Result<Box<Partial>> {
        if !self.batch.is_empty() {
            self.flush().await?;
        }
        self.rest().await
    }

    async fn rest(&mut self) -> io::Result<Box<Partial>> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Idle(partial) => Ok(partial),
            State::Busy(task) => task.await.map_err(io::Error::other)?,
            State::Gone => Err(io::Error::other("an earlier batch could not be written")),
        }
    }
}
