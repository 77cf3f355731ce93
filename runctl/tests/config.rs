//! The configuration as shipped, and a corpus of files with one mistake each and the words that tell it.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use runctl::site::{Layout, Site, render};
use tempfile::TempDir;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../etc/booddies")
}

fn corpus(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(kind);
    let entries = fs_err::read_dir(folder).expect("the corpus is there");
    let mut cases = entries.map(|entry| entry.expect("readable").path()).collect::<Vec<_>>();
    cases.sort();
    cases
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

#[test]
fn what_is_valid_has_no_mistakes() {
    for case in corpus("valid") {
        assert_eq!(told(&case), "no mistakes\n", "{}", case.display());
    }
}

/// Each folder of `invalid/` is told as its `expected.txt` says: one mistake, unless its name counts them. With `BLESS=1`
/// the texts are written instead, to be read by whoever changes them.
#[test]
fn each_mistake_is_told_as_expected() {
    let mut wrong = Vec::new();
    for case in corpus("invalid") {
        let told = told(&case);
        let expected = case.join("expected.txt");
        if std::env::var_os("BLESS").is_some() {
            fs_err::write(&expected, &told).expect("writable");
        }
        let expected = fs_err::read_to_string(expected).unwrap_or_default();
        if told != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- told\n{told}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn shipped_texts() -> Vec<(String, String)> {
    let files = fs_err::read_dir(shipped()).expect("readable");
    let files = files.map(|entry| entry.expect("readable").path()).filter(|path| path.is_file());
    let name = |path: &PathBuf| path.file_name().expect("a file").to_string_lossy().into_owned();
    let mut texts: Vec<_> =
        files.map(|path| (name(&path), fs_err::read_to_string(&path).expect("readable"))).collect();
    texts.sort();
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever an editor does to a shipped file, all is told and nothing panics.
    #[test]
    fn no_edit_of_a_shipped_file_panics(
        file in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        insert in "[ -~\\n\u{e9}]{0,12}",
        uncomment in any::<bool>(),
    ) {
        let texts = shipped_texts();
        let (name, text) = file.get(&texts);
        let text = if uncomment { text.replace("\n#", "\n") } else { text.clone() };
        let mut text: Vec<char> = text.chars().collect();
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        text.splice(start..end, insert.chars());
        let root = root_with(&shipped());
        let path = root.path().join("etc/booddies").join(name);
        fs_err::write(path, text.into_iter().collect::<String>()).expect("writable");
        if let Err(findings) = Site::load(&Layout::below(root.path())) {
            prop_assert!(!findings.list().is_empty());
            prop_assert!(render::plain(&findings).contains(name.as_str()));
        }
    }
}
