//! The configuration as shipped, and a corpus of files with one mistake each and the words that tell it.

use std::path::{Path, PathBuf};

use runctl::site::{Layout, Site, render};
use tempfile::TempDir;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc/booddies")
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("writable");
    for entry in fs_err::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).expect("copied");
        }
    }
}

/// A root whose configuration is this folder.
fn root_with(configuration: &Path) -> TempDir {
    let root = TempDir::new().expect("a temporary folder");
    copy(configuration, &root.path().join("etc/booddies"));
    root
}

/// All that is told about a configuration, with its root as `$ROOT`.
fn told(configuration: &Path) -> String {
    let root = root_with(configuration);
    let text = match Site::load(&Layout::below(root.path())) {
        Ok(_) => "no mistakes\n".to_owned(),
        Err(findings) => format!("{}{}\n", render::plain(&findings), findings.count()),
    };
    text.replace(&root.path().display().to_string(), "$ROOT")
}

#[test]
fn what_is_shipped_has_no_mistakes() {
    assert_eq!(told(&shipped()), "no mistakes\n");
}

#[test]
fn nothing_at_all_is_a_site() {
    let root = TempDir::new().expect("a temporary folder");
    let site = Site::load(&Layout::below(root.path())).expect("all defaults are sound");
    assert_eq!(site.name, "booddies");
    assert!(site.bridge.isolated && site.router.is_none() && site.boot.pool.is_none());
}
