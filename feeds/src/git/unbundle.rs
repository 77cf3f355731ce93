//! Bundles as an upstream: one file, or a folder of them in the order of their names, as `bundle` writes it.
//!
//! The last one says what there is; what is missing of it is taken out of each, and goes through quarantine like
//! anything that comes by wire.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use git2::{Oid, Repository};

use super::Error;
use super::offer::{self, Offer, holds};
use super::refs::Refs;
use super::remote::Conversation;
use super::settle::ARCHIVE;
use crate::events::{Event, Id, Watch};

const ENDING: &str = "bundle";
/// How much is read at once.
const BLOCK: u64 = 1 << 20;
/// Before the objects of a pack: its mark, version and their number.
const HEAD_OF_PACK: usize = 12;
/// How a bundle begins, and what it may ask of its reader.
const FIRST_LINES: [&str; 2] = ["# v2 git bundle", "# v3 git bundle"];
const CAPABILITY: &str = "@object-format=sha1";

/// The bundles that a URL names, in order; none where it names something else.
pub(super) fn named(url: &str) -> Option<Vec<PathBuf>> {
    let path = Path::new(url.strip_prefix("file://").unwrap_or(url));
    let is_bundle = |path: &Path| path.extension().is_some_and(|ending| ending == ENDING);
    if is_bundle(path) && path.is_file() {
        return Some(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).ok()?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut bundles: Vec<_> = paths.filter(|path| is_bundle(path)).collect();
    bundles.sort();
    (!bundles.is_empty()).then_some(bundles)
}

/// What the last of the bundles has.
pub(super) fn ask(bundles: &[PathBuf], conversation: &Conversation<'_>) -> Result<Offer, Error> {
    let mut refs = Refs::new();
    let mut head = None;
    if let Some(last) = bundles.last() {
        let opened = Opened::read(last)?;
        for (name, id) in &opened.refs {
            if name.starts_with(ARCHIVE) {
                // Between two sticks a branch may have been rewritten twice: nobody else has what was there.
                offer::insert(&mut refs, name, *id, &conversation.shown())?;
            } else {
                offer::take(&mut refs, name, *id, &conversation.shown())?;
            }
        }
        head = opened.refs.get("HEAD").and_then(|id| branch_at(&refs, *id));
    }
    Ok(Offer { refs, head })
}

/// A bundle tells where HEAD stands and not on which branch.
fn branch_at(refs: &Refs, id: Oid) -> Option<String> {
    let there = |name: &str| refs.get(name) == Some(&id);
    let usual = ["refs/heads/main", "refs/heads/master"].into_iter().find(|name| there(name));
    let any = || refs.keys().find(|name| name.starts_with("refs/heads/") && there(name)).cloned();
    usual.map(str::to_owned).or_else(any)
}

/// Takes out of the bundles what is not here yet.
pub(super) fn fetch(
    repository: &Repository,
    bundles: &[PathBuf],
    conversation: &Conversation<'_>,
    choose: impl Fn(Offer) -> Result<Offer, Error>,
    watch: &dyn Watch,
    id: Id,
) -> Result<Offer, Error> {
    let offer = choose(ask(bundles, conversation)?)?;
    for path in bundles {
        let bundle = Opened::read(path)?;
        if bundle.refs.values().all(|id| holds(repository, *id)) {
            continue;
        }
        if let Some(commit) = bundle.needs.iter().find(|id| !holds(repository, **id)) {
            return Err(Error::Prerequisite { path: path.clone(), commit: commit.to_string() });
        }
        bundle.unpack(repository, path, conversation, watch, id)?;
    }
    Ok(offer)
}

/// A bundle whose header was read; what follows is its pack.
struct Opened {
    needs: Vec<Oid>,
    refs: Refs,
    rest: io::BufReader<fs::File>,
}

impl Opened {
    fn read(path: &Path) -> Result<Self, Error> {
        let broken = |source| Error::Unbundle { path: path.to_owned(), source };
        let read = || {
            let mut bundle = Self {
                needs: Vec::new(),
                refs: Refs::new(),
                rest: io::BufReader::new(fs::File::open(path)?),
            };
            bundle.header().map(|()| bundle)
        };
        read().map_err(|error| broken(error.into()))
    }

    fn header(&mut self) -> io::Result<()> {
        let first = self.line()?;
        if !FIRST_LINES.contains(&first.as_str()) {
            return Err(io::Error::other("this is no git bundle"));
        }
        loop {
            let line = self.line()?;
            let wrong = || io::Error::other(format!("its header has the line `{line}`"));
            let id = |text: &str| Oid::from_str(text).map_err(|_| wrong());
            if line.is_empty() {
                return Ok(());
            } else if let Some(needed) = line.strip_prefix('-') {
                self.needs.push(id(needed.split(' ').next().unwrap_or_default())?);
            } else if let Some((object, name)) = line.split_once(' ') {
                self.refs.insert(name.to_owned(), id(object)?);
            } else if line != CAPABILITY {
                return Err(wrong());
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.rest.by_ref().take(1 << 16).read_line(&mut line)?;
        match line.pop() {
            Some('\n') => Ok(line),
            _ => Err(io::Error::other("it ends within its header")),
        }
    }

    /// Writes the pack into the repository, which checks every byte of it.
    fn unpack(
        mut self,
        repository: &Repository,
        path: &Path,
        conversation: &Conversation<'_>,
        watch: &dyn Watch,
        id: Id,
    ) -> Result<(), Error> {
        let broken = |source| Error::Unbundle { path: path.to_owned(), source };
        let mut head = [0; HEAD_OF_PACK];
        self.rest.read_exact(&mut head).map_err(|error| broken(error.into()))?;
        if head.ends_with(&[0; 4]) {
            // Nothing but other names for what is here.
            return Ok(());
        }
        let objects = repository.odb().map_err(|error| broken(error.into()))?;
        let mut pack = objects.packwriter().map_err(|error| broken(error.into()))?;
        pack.write_all(&head).map_err(|error| broken(error.into()))?;
        let (mut ask, mut done) = (conversation.patience(), 0);
        loop {
            let copied = io::copy(&mut self.rest.by_ref().take(BLOCK), &mut pack)
                .map_err(|error| broken(error.into()))?;
            if copied == 0 {
                break;
            }
            done += copied;
            watch.event(Event::Advanced { id, by: copied });
            if let Some(error) = ask(usize::try_from(done).unwrap_or(usize::MAX)) {
                return Err(error);
            }
        }
        pack.commit().map(drop).map_err(|error| broken(error.into()))
    }
}
