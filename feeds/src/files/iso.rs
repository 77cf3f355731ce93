//! The files of an ISO image that the operator carried in, laid out as a tree: `bsdtar` reads the image as one stream, and
//! each file of it becomes an object on the way. Nothing is mounted.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::UNIX_EPOCH;

use fs_err as fs;
use tar::EntryType;

use crate::digest::{Hasher, Sha256};
use crate::store::{Object, RelPath, Store};
use crate::{Class, Classified};

/// What reads the image; Debian has it in `libarchive-tools`.
const READER: &str = "bsdtar";
/// Files that reach the disk together.
const BATCH: usize = 256;
/// Where the primary volume descriptor lies, and what it begins with (ECMA-119, 6.7.1 and 8.4).
const DESCRIPTOR: u64 = 16 * 2048;
const STANDARD: &[u8] = b"\x01CD001";

/// One image, and where its files stand.
#[derive(Clone, Debug)]
pub struct Iso {
    /// The image.
    pub path: PathBuf,
    /// The folder of the tree that its root becomes; none where it is the tree's own.
    pub into: Option<String>,
    /// What the image must be, where the operator wrote that down.
    pub sha256: Option<Sha256>,
}

/// An image cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read the image {}", path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is none, or not all of it.
    #[error("{} is no whole ISO image: {flaw}", path.display())]
    Flawed {
        /// The image.
        path: PathBuf,
        /// What is wrong.
        flaw: String,
    },
    /// It is another one than the operator wrote down.
    #[error("{} has sha256 {got}, and {wanted} is written down", path.display())]
    Other {
        /// The image.
        path: PathBuf,
        /// What it is.
        got: Sha256,
        /// What it should be.
        wanted: Sha256,
    },
    /// The program that reads it does not start.
    #[error("cannot run {READER}, which reads ISO images")]
    Reader(#[source] io::Error),
    /// A file of it cannot be kept.
    #[error("cannot keep the files of {}", path.display())]
    Keep {
        /// The image.
        path: PathBuf,
        /// Why.
        source: crate::store::Error,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Read { .. } => Class::Configuration,
            Self::Flawed { .. } => Class::Upstream,
            Self::Other { .. } => Class::Verification,
            Self::Reader(_) => Class::Local,
            Self::Keep { source, .. } => source.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Reader(_) => Some("install the package `libarchive-tools`".to_owned()),
            Self::Flawed { .. } | Self::Other { .. } => Some("carry the image in again".to_owned()),
            Self::Keep { source, .. } => source.hint(),
            Self::Read { .. } => None,
        }
    }
}

/// The files of an image.
#[derive(Debug, Default)]
pub(super) struct Laid {
    pub(super) files: BTreeMap<RelPath, Object>,
    /// Links that lead to no file of the image, such as to a folder: a tree has only files.
    pub(super) left_out: Vec<String>,
}

impl Iso {
    /// Tells its length and when it changed last, in nanoseconds since 1970: a later image of the same name has others.
    pub(super) fn look(&self) -> Result<(u64, u128), Error> {
        let metadata = fs::metadata(&self.path).map_err(|source| self.unreadable(source))?;
        let changed = metadata.modified().map_err(|source| self.unreadable(source))?;
        let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok((metadata.len(), changed))
    }

    /// Takes all files of the image into the store. Blocks.
    pub(super) fn lay_out(&self, store: &Store) -> Result<Laid, Error> {
        let keep = |source| Error::Keep { path: self.path.clone(), source };
        store.require_space(self.check()?).map_err(keep)?;
        let complaints = tempfile::tempfile().map_err(Error::Reader)?;
        let told = complaints.try_clone().map_err(Error::Reader)?;
        let mut reader = Reader::start(&self.path, told)?;
        let laid = self.unpack(reader.stdout()?, store);
        let status = reader.0.wait().map_err(Error::Reader)?;
        if !status.success() {
            return Err(self.flawed(last_line(complaints)));
        }
        let laid = laid?;
        if laid.files.is_empty() {
            return Err(self.flawed("it holds no file".to_owned()));
        }
        Ok(laid)
    }

    /// Checks that all of the image is there, and that it is the right one; returns its length.
    fn check(&self) -> Result<u64, Error> {
        let unreadable = |source| self.unreadable(source);
        let mut file = fs::File::open(&self.path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut descriptor = [0; 2048];
        let read = file.seek(SeekFrom::Start(DESCRIPTOR));
        let read = read.and_then(|_| file.read_exact(&mut descriptor));
        if read.is_err() || !descriptor.starts_with(STANDARD) {
            return Err(self.flawed("it has no volume descriptor".to_owned()));
        }
        let told = volume(&descriptor);
        if told > length {
            return Err(self.flawed(format!("it has {length} of its {told} bytes")));
        }
        let Some(wanted) = self.sha256 else {
            return Ok(length);
        };
        file.rewind().map_err(unreadable)?;
        let mut hashing = Hashing(Hasher::new(None));
        io::copy(&mut file, &mut hashing).map_err(unreadable)?;
        let got = hashing.0.finish().0;
        if got == wanted {
            Ok(length)
        } else {
            Err(Error::Other { path: self.path.clone(), got, wanted })
        }
    }

    fn unpack(&self, stream: impl io::Read, store: &Store) -> Result<Laid, Error> {
        let unreadable = |source| self.unreadable(source);
        let keep = |source| Error::Keep { path: self.path.clone(), source };
        let (mut laid, mut links, mut batch) = (Laid::default(), Vec::new(), Vec::new());
        let mut archive = tar::Archive::new(stream);
        for entry in archive.entries().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.header().entry_type();
            let name = entry.path().map_err(unreadable)?.into_owned();
            match kind {
                EntryType::Regular | EntryType::Continuous => {
                    let place = self.place(&name)?;
                    let (object, ready) = store.take_in(entry).map_err(keep)?;
                    laid.files.insert(place, object);
                    batch.extend(ready);
                    if batch.len() >= BATCH {
                        store.admit(std::mem::take(&mut batch)).map_err(keep)?;
                    }
                }
                // Files that share their bytes in the image come as links to the first of them.
                EntryType::Link | EntryType::Symlink => {
                    let target = entry.link_name().map_err(unreadable)?.unwrap_or_default();
                    links.push((name, target.into_owned(), kind == EntryType::Symlink));
                }
                _ => {}
            }
        }
        store.admit(batch).map_err(keep)?;
        self.follow(&links, &mut laid)?;
        Ok(laid)
    }

    /// Puts the file in the place of each link to one; one link may lead to another, not for ever.
    fn follow(&self, links: &[(PathBuf, PathBuf, bool)], laid: &mut Laid) -> Result<(), Error> {
        let mut left: Vec<_> = links.iter().collect();
        loop {
            let before = left.len();
            let mut later = Vec::new();
            for link in left {
                let (name, target, symbolic) = link;
                let from = if *symbolic { name.parent() } else { None };
                let target = resolved(from.unwrap_or(Path::new("")), target);
                let found = target.and_then(|target| self.place(&target).ok());
                match found.and_then(|place| laid.files.get(&place).copied()) {
                    Some(object) => drop(laid.files.insert(self.place(name)?, object)),
                    None => later.push(link),
                }
            }
            if later.is_empty() || later.len() == before {
                let told = |(name, target, _): &&(PathBuf, PathBuf, bool)| {
                    format!("{} -> {}", name.display(), target.display())
                };
                laid.left_out = later.iter().map(told).collect();
                return Ok(());
            }
            left = later;
        }
    }

    /// Where a file of the image stands in the tree.
    fn place(&self, name: &Path) -> Result<RelPath, Error> {
        let name = name.strip_prefix(".").unwrap_or(name);
        let told = || self.flawed(format!("`{}` is no name that can be served", name.display()));
        let name = name.to_str().ok_or_else(told)?;
        let path = self.into.as_ref().map_or(name.to_owned(), |into| format!("{into}/{name}"));
        RelPath::new(path).map_err(|_| told())
    }

    fn unreadable(&self, source: io::Error) -> Error {
        Error::Read { path: self.path.clone(), source }
    }

    fn flawed(&self, flaw: String) -> Error {
        Error::Flawed { path: self.path.clone(), flaw }
    }
}

/// Takes bytes only for their digest.
struct Hashing(Hasher);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The program that reads; ended with us.
struct Reader(Child);

impl Reader {
    fn start(image: &Path, complaints: std::fs::File) -> Result<Self, Error> {
        // An argument that begins with @ is an archive whose entries are copied.
        let mut archive = std::ffi::OsString::from("@");
        archive.push(image);
        let child = Command::new(READER)
            .args(["--create", "--file", "-", "--format", "pax"])
            .arg(archive)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn();
        child.map(Self).map_err(Error::Reader)
    }

    fn stdout(&mut self) -> Result<ChildStdout, Error> {
        self.0.stdout.take().ok_or_else(|| Error::Reader(io::ErrorKind::BrokenPipe.into()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It has ended already, unless we gave up in the middle.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How long the whole volume is, by its descriptor: blocks and their length (ECMA-119, 8.4.8 and 8.4.12).
fn volume(descriptor: &[u8; 2048]) -> u64 {
    let blocks =
        u32::from_le_bytes([descriptor[80], descriptor[81], descriptor[82], descriptor[83]]);
    let length = u16::from_le_bytes([descriptor[128], descriptor[129]]);
    u64::from(blocks) * u64::from(length)
}

/// Resolves a link from the folder it lies in, as far as it stays inside.
fn resolved(from: &Path, target: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let mut path = from.to_owned();
    for part in target.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir => path.clear(),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Some(path)
}

fn last_line(mut complaints: std::fs::File) -> String {
    let mut text = String::new();
    let read = complaints.rewind().and_then(|()| complaints.read_to_string(&mut text));
    let line =
        read.ok().and_then(|_| text.lines().rfind(|line| !line.is_empty()).map(str::to_owned));
    line.unwrap_or_else(|| format!("{READER} does not say why"))
}

#[cfg(test)]
mod tests;
