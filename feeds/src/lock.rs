//! `booddies.lock`: every object, ref and image digest of a generation, and who vouches for it.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::ser::Formatter;

use crate::store::{Error, Tree};

/// The name of the lock file in the folder of its generation.
pub const FILE_NAME: &str = "booddies.lock";

/// What a generation is made of. Two equal states give the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    /// The number of the generation.
    pub generation: u64,
    /// Its trees, by path.
    pub trees: Vec<Tree>,
    /// What was mirrored into the git service, by repository and name.
    pub refs: Vec<LockedRef>,
    /// What was mirrored into the image registry, by name.
    pub images: Vec<LockedImage>,
}

/// A ref of a mirrored git repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockedRef {
    /// The repository, as the git service names it.
    pub repository: String,
    /// The full name of the ref.
    pub name: String,
    /// What it points at.
    pub commit: String,
}

/// A mirrored container image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockedImage {
    /// Repository and tag, as the registry names them.
    pub name: String,
    /// The digest of its manifest.
    pub digest: String,
}

impl Lock {
    /// Reads the lock file of a generation's folder.
    pub fn load(generation: &Path) -> Result<Self, Error> {
        let path = generation.join(FILE_NAME);
        let text = fs_err::read(&path).map_err(Error::Observe)?;
        serde_json::from_slice(&text).map_err(|source| Error::Lock { path, source })
    }

    /// Returns the bytes of the lock file.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::new();
        let formatter = LineForEachObject::default();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
        text.push(b'\n');
        Ok(text)
    }

    /// Puts everything into its one order.
    pub(crate) fn sort(&mut self) {
        self.trees.sort_by(|one, other| one.path.cmp(&other.path));
        self.refs.sort();
        self.refs.dedup();
        self.images.sort();
        self.images.dedup();
    }

    /// Tells whether both hold the same, whatever their numbers.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        (&self.trees, &self.refs, &self.images) == (&other.trees, &other.refs, &other.images)
    }
}

/// Writes JSON with a line for each key down to the files of a tree, whose objects stay on the line: two locks differ by
/// the lines of what differs, and a line costs little.
#[derive(Default)]
struct LineForEachObject {
    depth: usize,
    filled: bool,
}

/// The lock, its trees, one of them, its files: what lies deeper is an object.
const DEPTH_OF_LINES: usize = 4;

impl LineForEachObject {
    fn begin<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        writer.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        // Empty ones stay on the line.
        if self.filled && self.depth < DEPTH_OF_LINES {
            self.break_line(writer)?;
        }
        self.filled = true;
        writer.write_all(bracket)
    }

    fn item<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.filled = true;
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth <= DEPTH_OF_LINES { self.break_line(writer) } else { Ok(()) }
    }

    fn break_line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b" "))
    }
}

impl Formatter for LineForEachObject {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.item(writer, first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::digest::Sha256;
    use crate::store::{Object, RelPath};

    #[test]
    fn a_lock_has_a_line_for_each_object_and_reads_back() {
        let object = Object { sha256: Sha256::of(b"a"), size: 1 };
        let path = |path: &str| RelPath::new(path).unwrap();
        let tree = Tree {
            path: path("data/yum/os"),
            upstream: "http://upstream.example/\"".to_owned(),
            trust: "none".to_owned(),
            recipe: None,
            evidence: BTreeMap::new(),
            files: BTreeMap::from([(path("a.rpm"), object), (path("b.rpm"), object)]),
        };
        let lock = Lock { generation: 7, trees: vec![tree], ..Lock::default() };
        let bytes = lock.to_bytes().unwrap();
        assert_eq!(serde_json::from_slice::<Lock>(&bytes).unwrap(), lock);
        let text = String::from_utf8(bytes).unwrap();
        let line = format!("    \"a.rpm\":{{\"sha256\":\"{}\",\"size\":1}},", object.sha256);
        assert!(text.lines().any(|found| found == line), "{text}");
        assert!(text.contains("\n \"refs\":[],\n"), "{text}");
    }
}
