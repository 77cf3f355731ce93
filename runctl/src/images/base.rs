//! The base of all images: a minimal system made by mmdebstrap from the host's own APT sources.
//!
//! The archive that the engine loads is written here, with a fixed time and a sorted file list, so that the same packages
//! give the same image id wherever it is made.

use std::path::{Path, PathBuf};

use feeds::apt::{HostSource, Trust};
use sha2::Digest as _;
use tempfile::NamedTempFile;

use super::archive::{EPOCH_TEXT, Writer, diff_id};
use super::mmdebstrap::Mmdebstrap;
use super::own_set::words;
use crate::engine::LABEL_INPUT;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::host::apt;
use crate::site::Layout;

/// The files of `images/base/` that say how the root is made.
const FILES: [&str; 4] = ["packages", "apt.conf", "dpkg.cfg", "customize"];

/// Everything that the base is made from.
pub(super) struct Recipe {
    folder: PathBuf,
    codename: String,
    sources: String,
    options: Vec<String>,
    files: [String; 4],
}

impl Recipe {
    /// Reads the host's APT configuration and how the base is made.
    pub(super) fn read(layout: &Layout) -> Outcome<Self> {
        let sources = feeds::apt::host_sources(Path::new("/"))?;
        let codename = host_codename().ok_or_else(no_apt)?;
        if sources.is_empty() {
            return Err(no_apt());
        }
        let folder = layout.images().join("base");
        let mut files = <[String; 4]>::default();
        for (name, contents) in FILES.iter().zip(&mut files) {
            *contents = fs_err::read_to_string(folder.join(name))
                .or_fail(Class::Missing, || "cannot read how the base image is made".to_owned())
                .map_err(|failure| failure.hint("run install.sh again, or set BOODDIES_IMAGES"))?;
        }
        Ok(Self {
            folder,
            codename,
            sources: sources.iter().map(deb822).collect::<Vec<_>>().join("\n"),
            options: apt::options()?
                .iter()
                .map(|(name, value)| format!("{name} \"{value}\""))
                .collect(),
            files,
        })
    }

    /// Hashes everything that goes into the image.
    pub(super) fn input(&self) -> String {
        let mut hash = sha2::Sha256::new();
        let parts = [&self.codename, &self.sources].into_iter();
        for part in parts.chain(&self.options).chain(&self.files) {
            hash.update(part);
            hash.update([0]);
        }
        feeds::digest::Sha256(hash.finalize().into()).to_string()
    }

    /// The packages beyond the essential ones.
    fn packages(&self) -> String {
        words(&self.files[0]).into_iter().collect::<Vec<_>>().join(",")
    }

    /// Makes the root with mmdebstrap and wraps it as an image archive.
    pub(super) async fn make(&self, reference: &str, input: &str) -> Outcome<NamedTempFile> {
        let tried = || "cannot make the base image".to_owned();
        let folder = tempfile::tempdir().or_fail(Class::Missing, tried)?;
        let (sources, layer) =
            (folder.path().join("host.sources"), folder.path().join("layer.tar"));
        fs_err::write(&sources, &self.sources).or_fail(Class::Missing, tried)?;
        self.mmdebstrap(&sources, &layer).await?;
        wrap(reference, input, &layer).or_fail(Class::Missing, tried)
    }

    async fn mmdebstrap(&self, sources: &Path, layer: &Path) -> Outcome {
        let mut run = Mmdebstrap::new("the base image", "minbase");
        run.option("format", "tar").option("include", self.packages());
        for option in &self.options {
            run.option("aptopt", option);
        }
        for (option, file) in
            [("aptopt", "apt.conf"), ("dpkgopt", "dpkg.cfg"), ("customize-hook", "customize")]
        {
            run.option(option, self.folder.join(file).display());
        }
        let ran = run.run(&self.codename, layer, sources, |step| tracing::info!("{step}")).await;
        ran.map_err(|failure| match failure.hint {
            None => failure.hint("does `apt-get update` work on this host?"),
            Some(_) => failure,
        })
    }
}

fn no_apt() -> Failure {
    Failure::say(Class::Missing, "this host has no APT sources of its own release")
        .hint("name any Debian or Ubuntu image as `base` in site.toml")
}

fn host_codename() -> Option<String> {
    let release = fs_err::read_to_string("/etc/os-release").ok()?;
    let value = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"').to_owned())
}

/// One source as APT's deb822 files write it.
fn deb822(source: &HostSource) -> String {
    let urls: Vec<_> = source.urls.iter().map(url::Url::as_str).collect();
    let trust = match &source.signed_by {
        Trust::Files(paths) => {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            format!("Signed-By: {}\n", paths.join(" "))
        }
        Trust::Inline(key) => format!("Signed-By:\n{}", folded(key)),
        Trust::Unsigned => "Trusted: yes\n".to_owned(),
    };
    format!(
        "Types: deb\nURIs: {}\nSuites: {}\nComponents: {}\n{trust}",
        urls.join(" "),
        source.suites.join(" "),
        source.components.join(" "),
    )
}

/// A text of several lines as the value of a deb822 field: indented, empty lines as a dot.
fn folded(text: &str) -> String {
    let fold = |line: &str| {
        if line.trim().is_empty() { " .\n".to_owned() } else { format!(" {line}\n") }
    };
    text.trim().lines().map(fold).collect()
}

/// Makes an archive of one layer and a configuration without a clock in it.
fn wrap(reference: &str, input: &str, layer: &Path) -> std::io::Result<NamedTempFile> {
    let config = serde_json::json!({
        "architecture": architecture(),
        "os": "linux",
        "created": EPOCH_TEXT,
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["sh"],
            "Labels": { LABEL_INPUT: input },
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id(layer)?] },
        "history": [{ "created": EPOCH_TEXT, "created_by": "mmdebstrap" }],
    });
    let mut archive = Writer::new()?;
    let file = fs_err::File::open(layer)?;
    let size = file.metadata()?.len();
    archive.layer(file, size)?;
    archive.finish(reference, &config)
}

/// The architecture's name as images know it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
