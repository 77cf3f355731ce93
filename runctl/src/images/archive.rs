//! Image archives as `docker save` writes and `docker load` reads them: a manifest, a configuration, layers.

use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use fs_err::File;
use serde_json::Value;
use sha2::Digest as _;
use tempfile::NamedTempFile;

/// The time stamp of everything that we make, so that the same content has the same hash: 2015-01-01, Unix time.
pub(super) const EPOCH: u64 = 1_420_070_400;
/// The same, as images write it.
pub(super) const EPOCH_TEXT: &str = "2015-01-01T00:00:00Z";

/// Collects an archive of one image.
pub(super) struct Writer {
    tar: tar::Builder<NamedTempFile>,
    layers: Vec<String>,
}

impl Writer {
    /// Begins an archive in the folder for temporary files.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { tar: tar::Builder::new(NamedTempFile::new()?), layers: Vec::new() })
    }

    /// Adds a layer, an uncompressed tar.
    pub(super) fn layer(&mut self, contents: impl Read, size: u64) -> std::io::Result<()> {
        let name = format!("{}/layer.tar", self.layers.len());
        self.file(&name, contents, size)?;
        self.layers.push(name);
        Ok(())
    }

    /// Ends the archive with the image's configuration and its name.
    pub(super) fn finish(
        mut self,
        reference: &str,
        config: &Value,
    ) -> std::io::Result<NamedTempFile> {
        let manifest = serde_json::json!([
            { "Config": "config.json", "RepoTags": [reference], "Layers": self.layers }
        ]);
        for (name, value) in [("config.json", config), ("manifest.json", &manifest)] {
            let text = value.to_string();
            self.file(name, text.as_bytes(), text.len() as u64)?;
        }
        self.tar.into_inner()
    }

    fn file(&mut self, name: &str, contents: impl Read, size: u64) -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, name, contents)
    }
}

/// The id of a layer: the sha256 of its tar, as images write it.
pub(super) fn diff_id(layer: &Path) -> std::io::Result<String> {
    let mut file = File::open(layer)?;
    let mut hash = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    Ok(format!("sha256:{}", feeds::digest::Sha256(hash.finalize().into())))
}

/// An archive of one image, opened for reading.
pub(super) struct Reader {
    file: File,
    members: Vec<(String, u64, u64)>,
}

impl Reader {
    /// Reads where each member lies.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let mut tar = tar::Archive::new(File::open(path)?);
        let mut members = Vec::new();
        for entry in tar.entries_with_seek()? {
            let entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            members.push((name, entry.raw_file_position(), entry.size()));
        }
        Ok(Self { file: File::open(path)?, members })
    }

    /// Opens one member, and tells its size.
    pub(super) fn member(&mut self, name: &str) -> std::io::Result<(impl Read + '_, u64)> {
        let found = self.members.iter().find(|(member, ..)| member == name);
        let &(_, position, size) = found.ok_or_else(|| {
            std::io::Error::other(format!("the image archive has no member `{name}`"))
        })?;
        self.file.seek(SeekFrom::Start(position))?;
        Ok(((&mut self.file).take(size), size))
    }

    /// Reads one member as JSON.
    pub(super) fn json(&mut self, name: &str) -> std::io::Result<Value> {
        let (member, _) = self.member(name)?;
        Ok(serde_json::from_reader(member)?)
    }
}
