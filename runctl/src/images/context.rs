//! The folder of an image, and programs of ours that go into it, as a tar that depends on nothing but its files: sorted, no owners, no times.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::Digest as _;

use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::files;

/// What the engine is given to build from.
pub(super) struct Context {
    /// The tar.
    pub tar: Bytes,
}

impl Context {
    /// Hashes everything that goes into the image.
    pub(super) fn input(&self, base_id: &str) -> String {
        let digest = sha2::Sha256::new().chain_update(base_id).chain_update(&self.tar).finalize();
        feeds::digest::Sha256(digest.into()).to_string()
    }
}

/// Reads the folder of one image, and the programs that go into it.
pub(super) fn read(folder: &Path, programs: &[PathBuf]) -> Outcome<Context> {
    read_with(folder, programs, &[])
}

/// Reads the folder of one image, the programs that go into it, and files that lie nowhere: names and contents.
pub(super) fn read_with(
    folder: &Path,
    programs: &[PathBuf],
    more: &[(String, Vec<u8>)],
) -> Outcome<Context> {
    let tried = || format!("cannot read the sources of an image, {}", folder.display());
    if !folder.join("Dockerfile").is_file() {
        return Err(Failure::say(
            Class::Missing,
            format!("no Dockerfile in {}", folder.display()),
        )
        .hint(
            "run install.sh again, or set BOODDIES_IMAGES to the folder `images` of the sources",
        ));
    }
    let mut files = files::below(folder).or_fail(Class::Missing, tried)?;
    files.sort();
    let mut tar = tar::Builder::new(Vec::new());
    for path in &files {
        append(&mut tar, folder, path).or_fail(Class::Missing, tried)?;
    }
    for program in programs {
        let folder = program.parent().unwrap_or(program);
        append(&mut tar, folder, program)
            .or_fail(Class::Missing, || format!("cannot read the program {}", program.display()))
            .map_err(|failure| {
                failure.hint("run install.sh again, or `cargo build --workspace`")
            })?;
    }
    for (name, contents) in more {
        add(&mut tar, Path::new(name), contents, false).or_fail(Class::Unexpected, tried)?;
    }
    Ok(Context { tar: tar.into_inner().or_fail(Class::Missing, tried)?.into() })
}

fn append(tar: &mut tar::Builder<Vec<u8>>, folder: &Path, path: &Path) -> std::io::Result<()> {
    let contents = fs_err::read(path)?;
    let executable = fs_err::metadata(path)?.permissions().mode() & 0o111 != 0;
    add(tar, path.strip_prefix(folder).unwrap_or(path), &contents, executable)
}

fn add(
    tar: &mut tar::Builder<Vec<u8>>,
    name: &Path,
    contents: &[u8],
    executable: bool,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(contents.len() as u64);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    tar.append_data(&mut header, name, contents)
}
