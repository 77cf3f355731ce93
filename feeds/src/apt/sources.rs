//! One source package of a `Sources` index: its name, its version, and its files.

use super::deb822::{Paragraph, paragraphs};
use super::error::Error;
use super::file::{Checksums, File, sha512};
use crate::store::RelPath;

/// A source package as an index describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourcePackage<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its version.
    pub(super) version: &'a str,
    /// Its paragraph as the upstream wrote it.
    paragraph: Paragraph<'a>,
    suite: &'a str,
}

impl<'a> SourcePackage<'a> {
    /// Reads a paragraph of a suite's index.
    pub(super) fn read(text: &'a str, suite: &'a str) -> Result<Self, Error> {
        let unusable =
            |field| Error::Source { suite: suite.to_owned(), package: String::new(), field };
        let paragraph = paragraphs(text).next().ok_or_else(|| unusable("Package"))?;
        let name = paragraph.get("Package").ok_or_else(|| unusable("Package"))?;
        let version = paragraph.get("Version").ok_or_else(|| unusable("Version"))?;
        Ok(Self { name, version, paragraph, suite })
    }

    /// Its paragraph, without its last line break.
    pub(super) fn text(&self) -> &'a str {
        self.paragraph.text()
    }

    /// Its files, each with a strong digest.
    pub(super) fn files(&self) -> Result<Vec<File>, Error> {
        let folder = self.paragraph.get("Directory").unwrap_or_default();
        let folder = folder.strip_prefix("./").unwrap_or(folder).trim_matches('/');
        let folder = if matches!(folder, "" | ".") { String::new() } else { format!("{folder}/") };
        for field in ["Checksums-Sha256", "Checksums-Sha512"] {
            let Some(lines) = self.paragraph.get(field) else { continue };
            let lines = lines.lines().filter(|line| !line.trim().is_empty());
            return lines.map(|line| self.file(&folder, field, line)).collect();
        }
        Err(self.unusable("Checksums-Sha256"))
    }

    fn file(&self, folder: &str, field: &'static str, line: &str) -> Result<File, Error> {
        let unusable = || self.unusable(field);
        let mut words = line.split_whitespace();
        let (Some(hex), Some(size), Some(name), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(unusable());
        };
        let mut checksums = Checksums::default();
        if field == "Checksums-Sha256" {
            checksums.sha256 = Some(hex.parse().map_err(|_| unusable())?);
        } else {
            checksums.sha512 = Some(sha512(hex).ok_or_else(unusable)?);
        }
        let size = size.parse().map_err(|_| unusable())?;
        let path = RelPath::new(format!("{folder}{name}"))
            .map_err(|source| Error::Path { name: self.name.to_owned(), source })?;
        Ok(File { path, size, checksums })
    }

    fn unusable(&self, field: &'static str) -> Error {
        Error::Source { suite: self.suite.to_owned(), package: self.name.to_owned(), field }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;

    fn files(text: &str) -> Result<Vec<File>, Error> {
        SourcePackage::read(text, "test")?.files()
    }

    #[test]
    fn files_are_named_below_their_folder_and_proved() {
        let digest = Sha256([3; 32]);
        let text = format!(
            "Package: a\nVersion: 1\nDirectory: pool/a\nFiles:\n abc 3 a.dsc\nChecksums-Sha256:\n {digest} 3 a.dsc\n {digest} 9 a.tar.xz\n"
        );
        let read = files(&text).expect("usable");
        assert_eq!(read[1].path.as_str(), "pool/a/a.tar.xz");
        assert_eq!((read.len(), read[1].size, read[1].checksums.sha256), (2, 9, Some(digest)));
        let flat = files(&text.replace("pool/a", ".")).expect("usable");
        assert_eq!(flat[0].path.as_str(), "a.dsc");
        files(&text.replace("pool/a", "../..")).expect_err("it leaves the tree");
        files(&text.replace("Sha256", "Sha1")).expect_err("nothing proves them");
        files(&text.replace(" 9 ", " x ")).expect_err("no length");
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(text in "(Package: a\n|Version: 1\n|Directory: .\n|Checksums-Sha256:\n| [0-9a-f]{0,64} [0-9]{0,30} \\PC{0,9}\n|\\PC){0,9}") {
            drop(files(&text));
        }
    }
}
