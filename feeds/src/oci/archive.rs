//! An image as `docker save` writes it: one tar with the configuration and uncompressed layers. It lies in a file
//! because its table of contents comes last; layers are cut out of it and compressed, always to the same bytes.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use fs_err as fs;
use sha2::{Digest as _, Sha256 as Hasher};
use tempfile::TempDir;

use super::Error;
use super::manifest::{Digest, diff_ids};
use super::parts::{self, Part};
use crate::digest::Sha256;

/// A configuration or a table of contents larger than this is none.
const LIMIT: u64 = 16 << 20;

/// An image saved by an engine; its files go when it is dropped.
pub struct Archive {
    folder: Arc<TempDir>,
    config: Vec<u8>,
    diff_ids: Vec<Digest>,
    layers: Vec<Part>,
}

/// One image in the table of contents.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    layers: Vec<String>,
}

impl Archive {
    /// Takes over a tar that an engine saved, and reads what it holds.
    pub async fn take(saved: &Path) -> Result<Self, Error> {
        let beside = saved.parent().unwrap_or(Path::new(".")).to_owned();
        let shown = beside.clone();
        let saved = saved.to_owned();
        let take = move || {
            let folder = tempfile::Builder::new().prefix("image-").tempdir_in(beside)?;
            fs::rename(saved, folder.path().join(TAR))?;
            Self::read(folder)
        };
        blocking(take).await.map_err(|trouble| trouble.told("read the", shown))
    }

    /// Reads what a tar of the operator's holds, which stays where it is; `scratch` is room for its layers.
    pub async fn beside(saved: &Path, scratch: &Path) -> Result<Self, Error> {
        let shown = saved.to_owned();
        let (saved, scratch) = (saved.to_owned(), scratch.to_owned());
        let take = move || {
            let folder = tempfile::Builder::new().prefix("image-").tempdir_in(scratch)?;
            fs::os::unix::fs::symlink(fs::canonicalize(saved)?, folder.path().join(TAR))?;
            Self::read(folder)
        };
        blocking(take).await.map_err(|trouble| trouble.told("read the", shown))
    }

    fn read(folder: TempDir) -> Result<Self, Trouble> {
        let mut file = fs::File::open(folder.path().join(TAR))?;
        let parts = parts::list(&mut file)?;
        let find = |name: &str| {
            let absent = || Trouble::Incomplete(format!("it has no {name}"));
            parts.get(Path::new(name)).copied().ok_or_else(absent)
        };
        let listed = small(&mut file, find("manifest.json")?)?;
        let listed: Vec<Listed> = serde_json::from_slice(&listed)
            .map_err(|error| Trouble::Incomplete(format!("its manifest.json: {error}")))?;
        let [image] = listed.as_slice() else {
            return Err(Trouble::Incomplete(format!("it has {} images, not one", listed.len())));
        };
        let config = small(&mut file, find(&image.config)?)?;
        let diff_ids = diff_ids(&config)
            .map_err(|error| Trouble::Incomplete(format!("its {}: {error}", image.config)))?;
        let layers = image.layers.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
        if layers.len() != diff_ids.len() {
            let (have, want) = (layers.len(), diff_ids.len());
            return Err(Trouble::Incomplete(format!("it has {have} layers of {want}")));
        }
        fs::write(folder.path().join(CONFIG), &config)?;
        Ok(Self { folder: Arc::new(folder), config, diff_ids, layers })
    }

    /// The image's configuration, whose digest is the image's id.
    pub(super) fn config(&self) -> &[u8] {
        &self.config
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.folder.path().join(CONFIG)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The digests of the uncompressed layers.
    pub(super) fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    /// Compresses a layer to a file; returns it with digest and size of what it holds.
    pub(super) async fn compress(&self, index: usize) -> Result<(PathBuf, Digest, u64), Error> {
        let (part, expected) = (self.layers[index], self.diff_ids[index]);
        let folder = Arc::clone(&self.folder);
        let path = folder.path().join(format!("layer-{index}.tar.gz"));
        let shown = folder.path().to_owned();
        blocking(move || {
            let mut tar = fs::File::open(folder.path().join(TAR))?;
            tar.seek(SeekFrom::Start(part.offset))?;
            let (diff_id, digest, size) = compress(tar.take(part.size), &path)?;
            if diff_id != expected {
                return Err(Trouble::Incomplete(format!("its layer {expected} is {diff_id}")));
            }
            Ok((path, digest, size))
        })
        .await
        .map_err(|trouble| trouble.told("compress a layer of the", shown))
    }
}

const TAR: &str = "image.tar";
const CONFIG: &str = "config.json";

enum Trouble {
    Io(io::Error),
    Incomplete(String),
}

impl Trouble {
    fn told(self, what: &'static str, folder: PathBuf) -> Error {
        match self {
            Self::Io(source) => Error::Archive { what, folder, source },
            Self::Incomplete(why) => Error::Incomplete(format!("{}: {why}", folder.display())),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let lost = |error| Err(Trouble::Io(io::Error::other(error)));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(lost)
}

fn small(file: &mut fs::File, part: Part) -> Result<Vec<u8>, Trouble> {
    if part.size > LIMIT {
        return Err(Trouble::Incomplete(format!("a description in it has {} bytes", part.size)));
    }
    file.seek(SeekFrom::Start(part.offset))?;
    let mut bytes = Vec::new();
    file.take(part.size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Compresses a layer (newer engines save it compressed: then anew); returns the digest of what went in, and digest and
/// size of what came out.
fn compress(layer: impl Read, path: &Path) -> io::Result<(Digest, Digest, u64)> {
    let mut layer = io::BufReader::with_capacity(1 << 18, layer);
    let gzipped = io::BufRead::fill_buf(&mut layer)?.starts_with(&[0x1f, 0x8b]);
    let mut plain: Box<dyn Read> =
        if gzipped { Box::new(MultiGzDecoder::new(layer)) } else { Box::new(layer) };
    let out = Hashing { inner: fs::File::create(path)?, hasher: Hasher::new(), size: 0 };
    let out = io::BufWriter::with_capacity(1 << 18, out);
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::new(3));
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = plain.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        gzip.write_all(&buffer[..count])?;
    }
    let out = gzip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    let digest = |hasher: Hasher| Digest(Sha256(hasher.finalize().into()));
    Ok((digest(hasher), digest(out.hasher), out.size))
}

/// Hashes and counts what is written.
struct Hashing {
    inner: fs::File,
    hasher: Hasher,
    size: u64,
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
