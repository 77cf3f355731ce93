//! Trees on disk: immutable folders of links to objects, named by what they hold, so that generations share them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::parallel::try_for_all;
use super::{Error, Object, RelPath, Store, Tree};
use crate::digest::{Hasher, Sha256};
use crate::remove::remove_if_there;

/// Marks what is being built or removed; a generation's name has digits only.
pub(super) const UNFINISHED: &str = ".unfinished-";

/// From a folder of a generation up to the trees: the generation and `generations` lie between.
const ABOVE_TREES: usize = 1;

impl Tree {
    /// Names the folder that holds these files: the sha256 of their listing, which has a line `<sha256> <size> <path>` for each.
    pub fn id(&self) -> Sha256 {
        let mut hasher = Hasher::new(None);
        let mut line = Vec::new();
        for (file, object) in &self.files {
            line.clear();
            // Writing to memory cannot fail.
            let _written = writeln!(line, "{} {} {file}", object.sha256, object.size);
            hasher.update(&line);
        }
        hasher.finish().0
    }

    /// Returns every folder below the tree's own, outer ones first.
    fn folders(&self) -> BTreeSet<RelPath> {
        let mut folders = BTreeSet::new();
        let mut last = None;
        for file in self.files.keys() {
            let parent = file.as_str().rsplit_once('/').map(|(folder, _)| folder);
            // Sorted files share their folder with the one before, mostly.
            if parent != last {
                folders.extend(file.ancestors());
                last = parent;
            }
        }
        folders
    }
}

impl Store {
    pub(super) fn trees(&self) -> PathBuf {
        self.published().join("trees")
    }

    pub(super) fn tree_path(&self, id: &str) -> PathBuf {
        self.trees().join(id)
    }

    /// Builds the folders of those trees that are not there yet, under unfinished names; returns these and the final ones.
    pub(super) fn build_trees(
        &self,
        number: u64,
        trees: &BTreeMap<Sha256, &Tree>,
    ) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
        let failed = |source| Error::Build { number, source };
        let mut built = Vec::new();
        for (id, tree) in trees {
            let path = self.tree_path(&id.to_string());
            if path.is_dir() {
                continue;
            }
            let unfinished = self.tree_path(&format!("{UNFINISHED}{id}"));
            let folders = tree.folders();
            if let Some(file) = folders.iter().find(|folder| tree.files.contains_key(folder)) {
                let (tree, file) = (tree.path.clone(), file.clone());
                return Err(Error::FileAndFolder { tree, file });
            }
            fs::create_dir(&unfinished).map_err(failed)?;
            for folder in &folders {
                fs::create_dir(unfinished.join(folder)).map_err(failed)?;
            }
            self.link_files(&unfinished, number, tree)?;
            built.push((unfinished, path));
        }
        Ok(built)
    }

    /// Links all files of a tree on all processors: that is what publishing spends its time on.
    fn link_files(&self, folder: &Path, number: u64, tree: &Tree) -> Result<(), Error> {
        let failed = |source| Error::Build { number, source };
        let objects = open_folder(&self.objects()).map_err(failed)?;
        let into = open_folder(folder).map_err(failed)?;
        let files: Vec<_> = tree.files.iter().collect();
        try_for_all(&files, |(file, object)| {
            if !lies_in(&objects, object) {
                let (tree, file) = (tree.path.clone(), (*file).clone());
                return Err(Error::Missing { tree, file, sha256: object.sha256 });
            }
            self.link(&objects, object, &into, file.as_ref()).map_err(failed)
        })
    }

    /// Links an object into an open folder; copies it where it has as many links as the file system allows.
    fn link(
        &self,
        objects: &OwnedFd,
        object: &Object,
        into: &OwnedFd,
        to: &Path,
    ) -> io::Result<()> {
        match rustix::fs::linkat(objects, name(&object.sha256), into, to, AtFlags::empty()) {
            Err(Errno::MLINK) => {
                let mut from = fs::File::open(self.path(&object.sha256))?;
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                let copy = rustix::fs::openat(into, to, flags, Mode::from_raw_mode(0o644))?;
                io::copy(&mut from, &mut std::fs::File::from(copy)).map(drop)
            }
            linked => Ok(linked?),
        }
    }

    /// Puts the object in the place of a file of a tree, by one rename.
    pub(super) fn relink(&self, object: &Object, path: &Path) -> io::Result<()> {
        let fresh = self.tree_path(&format!("{UNFINISHED}link"));
        remove_if_there(&fresh)?;
        self.link(&open_folder(&self.objects())?, object, &open_folder(&self.trees())?, &fresh)?;
        fs::rename(&fresh, path)?;
        // A rename between two names of one file does nothing.
        remove_if_there(&fresh)
    }
}

/// Hangs a tree into a generation that is being built.
pub(super) fn hang(generation: &Path, path: &RelPath, id: &Sha256) -> io::Result<()> {
    let link = generation.join(path);
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    let up = "../".repeat(path.parts().count() + ABOVE_TREES);
    symlink(format!("{up}trees/{id}"), link)
}

/// Names the folder that a tree of a generation is; none where the generation holds the tree itself, as early ones did.
pub(super) fn hung(generation: &Path, path: &RelPath) -> Option<String> {
    let target = fs::read_link(generation.join(path)).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

fn name(sha256: &Sha256) -> String {
    let name = sha256.to_string();
    format!("{}/{name}", &name[..2])
}

fn lies_in(objects: &OwnedFd, object: &Object) -> bool {
    rustix::fs::statat(objects, name(&object.sha256), AtFlags::SYMLINK_NOFOLLOW).is_ok_and(
        |found| {
            FileType::from_raw_mode(found.st_mode).is_file()
                && u64::try_from(found.st_size) == Ok(object.size)
        },
    )
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, path, flags, Mode::empty())?)
}
