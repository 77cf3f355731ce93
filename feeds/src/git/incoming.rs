//! The quarantine: what an upstream sends lands in a repository of its own, which only borrows the mirror's objects.
//!
//! Nothing of it is the mirror's until it is known to be whole and, where that is asked, signed. A run that fails or is
//! killed leaves the mirror as it was; the next one clears its remains away.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use git2::{Odb, Oid, Repository, RepositoryInitOptions};

use super::Error;
use super::refs::Refs;

/// Lies in the mirror itself, so that what is accepted moves by renames.
const FOLDER: &str = "booddies-incoming";
/// The order in which the files of a pack move: nobody looks for a pack before its index is there.
const ENDINGS: [&str; 5] = ["pack", "rev", "mtimes", "keep", "idx"];

/// A repository for what arrives.
pub(super) struct Incoming {
    /// Sees what arrived, and all that the mirror has.
    pub(super) repository: Repository,
    bare: PathBuf,
}

impl Incoming {
    /// Makes an empty one for the mirror at `bare`.
    pub(super) fn open(bare: &Path) -> Result<Self, Error> {
        let folder = bare.join(FOLDER);
        let written = |source| Error::Write { path: bare.to_owned(), source };
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let repository = Repository::init_opts(&folder, &options)
            .map_err(|source| Error::Open { path: folder.clone(), source })?;
        fs::create_dir_all(folder.join("objects/info")).map_err(written)?;
        fs::write(folder.join("objects/info/alternates"), "../../objects\n").map_err(written)?;
        Ok(Self { repository, bare: bare.to_owned() })
    }

    /// Tells the upstream, by way of references, what need not be sent again.
    pub(super) fn seed(&self, seen: &Refs) -> Result<(), Error> {
        let lines = seen.iter().map(|(name, id)| format!("{id} {name}\n"));
        let text: String =
            std::iter::once("# pack-refs with: sorted \n".to_owned()).chain(lines).collect();
        fs::write(self.folder().join("packed-refs"), text)
            .map_err(|source| Error::Write { path: self.bare.clone(), source })
    }

    /// Makes a redirect to another place an error.
    pub(super) fn follow_nobody(&self) -> Result<(), Error> {
        let set = |mut config: git2::Config| config.set_bool("http.followRedirects", false);
        let path = self.folder();
        self.repository.config().and_then(set).map_err(|source| Error::Configure { path, source })
    }

    /// Checks that every object that arrived finds all that it names, here or in the mirror.
    ///
    /// libgit2 checks each object's hash and no more, and an upstream may leave some out.
    pub(super) fn check_whole(&self, url: &str) -> Result<(), Error> {
        let broken =
            self.gap().map_err(|source| Error::Read { path: self.bare.clone(), source })?;
        match broken {
            None => Ok(()),
            Some((object, needs)) => {
                let (object, needs) = (object.to_string(), needs.to_string());
                Err(Error::Incomplete { url: url.to_owned(), object, needs })
            }
        }
    }

    fn gap(&self) -> Result<Option<(Oid, Oid)>, git2::Error> {
        let arrived = Odb::new()?;
        arrived.add_disk_alternate(&self.folder().join("objects").to_string_lossy())?;
        let mut known = HashSet::new();
        arrived.foreach(|id| {
            known.insert(*id);
            true
        })?;
        let all = self.repository.odb()?;
        for object in known.clone() {
            for needed in needs(&self.repository, object)? {
                if known.insert(needed) && !all.exists(needed) {
                    return Ok(Some((object, needed)));
                }
            }
        }
        Ok(None)
    }

    /// Makes what arrived the mirror's; it lasts from here on.
    pub(super) fn accept(&self) -> Result<(), Error> {
        self.move_all().map_err(|source| Error::Write { path: self.bare.clone(), source })
    }

    fn move_all(&self) -> io::Result<()> {
        let (from, to) = (self.folder().join("objects"), self.bare.join("objects"));
        // The system's git leaves single objects where it was sent such.
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            if entry.file_name().len() == 2 {
                let files = fs::read_dir(entry.path())?.map(|file| Ok(file?.path()));
                move_into(files.collect::<io::Result<_>>()?, &to.join(entry.file_name()))?;
            }
        }
        let (from, to) = (from.join("pack"), to.join("pack"));
        let mut files = Vec::new();
        for entry in fs::read_dir(from)? {
            let path = entry?.path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if let Some(rank) = ENDINGS.iter().position(|it| *it == ending) {
                files.push((rank, path));
            }
        }
        files.sort();
        move_into(files.into_iter().map(|(_, file)| file).collect(), &to)
    }

    fn folder(&self) -> PathBuf {
        self.bare.join(FOLDER)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.bare) {
            tracing::warn!(%error, "what arrived and was not taken stays behind");
        }
    }
}

/// Moves files into a folder, in order; they are on the disk first. An upstream that has nothing new costs no sync.
fn move_into(files: Vec<PathBuf>, to: &Path) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for file in files {
        fs::File::open(&file)?.sync_all()?;
        fs::rename(&file, to.join(file.file_name().unwrap_or_default()))?;
    }
    fs::File::open(to)?.sync_all()
}

/// Clears away what a run left behind.
pub(super) fn clear(bare: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(bare.join(FOLDER)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Write { path: bare.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The objects that one object names; a submodule's commit lies in another repository.
fn needs(repository: &Repository, object: Oid) -> Result<Vec<Oid>, git2::Error> {
    use git2::ObjectType::{Commit, Tag, Tree};
    Ok(match repository.odb()?.read_header(object)?.1 {
        Commit => {
            let commit = repository.find_commit(object)?;
            std::iter::once(commit.tree_id()).chain(commit.parent_ids()).collect()
        }
        Tree => {
            let tree = repository.find_tree(object)?;
            tree.iter().filter(|it| it.kind() != Some(Commit)).map(|it| it.id()).collect()
        }
        Tag => vec![repository.find_tag(object)?.target_id()],
        _ => Vec::new(),
    })
}
