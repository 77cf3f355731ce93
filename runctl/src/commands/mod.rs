//! One file per verb: arguments in, report out.

pub mod build;
pub mod check;
pub mod config;
pub mod down;
pub mod enter;
pub mod feed;
pub mod gc;
pub mod generations;
pub mod gito;
pub mod live;
pub mod logs;
pub mod machine;
mod people;
pub mod regi;
pub mod rehearse;
pub mod restart;
pub mod rollback;
pub mod run;
pub mod scrub;
pub mod services;
pub mod status;
mod trial;
pub mod up;

use std::path::Path;
use std::time::Duration;

use crate::failure::{Class, Classify as _, Outcome};
use crate::host::lock::{self, Lock};
use crate::site::{Layout, Site};
use crate::ui::Console;

/// What every verb works with.
#[derive(Clone)]
pub struct Context {
    /// All paths.
    pub layout: Layout,
    /// Where reports and progress go.
    pub console: Console,
}

impl Context {
    /// Makes the context below a root.
    pub fn new(root: &Path, console: Console) -> Outcome<Self> {
        let root = std::path::absolute(root)
            .or_fail(Class::Usage, || format!("cannot tell where {} is", root.display()))?;
        Ok(Self { layout: Layout::below(root), console })
    }

    /// Loads and checks the site; every mistake is told.
    pub fn site(&self) -> Outcome<Site> {
        Ok(Site::load(&self.layout)?)
    }
}

/// Takes the lock that everything that changes containers takes.
pub async fn lock_engine(site: &Site, purpose: &str, patience: Duration) -> Outcome<Lock> {
    lock::take(&site.layout.locks(), "engine", purpose, patience).await
}
