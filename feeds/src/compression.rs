//! The compressions of indexes and packages: read within bounds, written the same way every time.

#[cfg(test)]
use std::io::Write as _;
use std::io::{self, Read};

/// How a file is compressed, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// `.bz2`
    Bzip2,
    /// `.gz`
    Gzip,
    /// `.xz`
    Xz,
    /// `.zst`
    Zstd,
}

impl Compression {
    /// Tells by the end of a file's name; nothing if it is compressed in a way that is not read here.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("xz") => Some(Self::Xz),
            Some("gz") => Some(Self::Gzip),
            Some("zst") => Some(Self::Zstd),
            Some("bz2") => Some(Self::Bzip2),
            Some("lzma" | "lz4" | "zck") => None,
            _ => Some(Self::None),
        }
    }

    /// Reads what was compressed.
    pub(crate) fn reader<'a>(self, compressed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(compressed),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(compressed)),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(compressed)),
            Self::Xz => Box::new(liblzma::read::XzDecoder::new_multi_decoder(compressed)),
            Self::Zstd => Box::new(zstd::Decoder::new(compressed)?),
        })
    }

    /// Reads all that was compressed, and refuses more than `limit` bytes.
    #[cfg(test)]
    pub(crate) fn decompress(self, compressed: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        read_within(self.reader(compressed)?, limit)
    }
}

/// Reads to the end, and refuses more than `limit` bytes.
pub(crate) fn read_within(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let told = format!("there are more than the {limit} bytes that there should be");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, told));
    }
    Ok(bytes)
}

/// Compresses for clients that know nothing else; no time is written, so equal input gives equal output.
#[cfg(test)]
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Compresses for all others.
#[cfg(test)]
pub(crate) fn xz(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Compresses for clients that know nothing else, while it is read.
pub(crate) fn gzipped(reader: impl Read) -> impl Read {
    flate2::read::GzEncoder::new(reader, flate2::Compression::default())
}

/// Compresses while it is read; what is too large to be held deserves an encoder that needs little memory.
pub(crate) fn xzipped(reader: impl Read) -> impl Read {
    liblzma::read::XzEncoder::new(reader, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back_and_no_more_than_allowed() {
        let text = b"Package: a\n".repeat(1000);
        let limit = text.len() as u64;
        let zstd = zstd::encode_all(&text[..], 3).expect("compressed");
        for (name, compressed) in [
            ("Packages", text.clone()),
            ("Packages.gz", gzip(&text).expect("compressed")),
            ("Packages.xz", xz(&text).expect("compressed")),
            ("data.tar.zst", zstd),
        ] {
            let compression = Compression::of(name).expect("known");
            assert_eq!(compression.decompress(&compressed, limit).expect("read"), text);
            compression.decompress(&compressed, limit - 1).expect_err("too much");
        }
        assert_eq!(Compression::of("Packages.lzma"), None);
    }
}
