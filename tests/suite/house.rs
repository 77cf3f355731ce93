//! The rules of the house that no compiler checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use suite::run;

/// One job each fits into about 400 lines; from here on a file must be split.
const LINES: usize = 500;

fn tracked(patterns: &[&str]) -> Vec<PathBuf> {
    let root = suite::repository();
    let listed = run(Command::new("git").arg("ls-files").args(patterns).current_dir(&root)).ok();
    listed.lines().map(|line| root.join(line)).collect()
}

fn read(path: &Path) -> String {
    fs_err::read_to_string(path).expect("a tracked text file can be read")
}

#[test]
fn no_file_is_longer_than_one_job() {
    let long: Vec<_> = tracked(&["*.rs", "install.sh", "tests/run"])
        .into_iter()
        .filter(|path| read(path).lines().count() > LINES)
        .collect();
    assert!(long.is_empty(), "longer than {LINES} lines: {long:?}");
}

#[test]
fn each_source_file_says_its_job_first() {
    let silent: Vec<_> =
        tracked(&["*.rs"]).into_iter().filter(|path| !read(path).starts_with("//! ")).collect();
    assert!(silent.is_empty(), "no `//!` on the first line: {silent:?}");
}

#[test]
fn each_crate_obeys_the_workspace_lints() {
    let free: Vec<_> = tracked(&["*/Cargo.toml"])
        .into_iter()
        .filter(|path| !read(path).contains("[lints]\nworkspace = true"))
        .collect();
    assert!(free.is_empty(), "no workspace lints: {free:?}");
}

#[test]
fn each_module_of_this_binary_runs() {
    let main = read(&suite::repository().join("tests/suite/main.rs"));
    let forgotten: Vec<_> = tracked(&["tests/suite/*.rs"])
        .into_iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name != "main" && !main.contains(&format!("mod {name};")))
        .collect();
    assert!(forgotten.is_empty(), "no `mod` line in main.rs: {forgotten:?}");
}

#[test]
fn the_readme_tells_every_exit_code() {
    let root = suite::repository();
    let told = read(&root.join("README.md"));
    let classes = read(&root.join("runctl/src/failure.rs"));
    let codes = classes.lines().filter_map(|line| {
        let (_, number) = line.trim().strip_suffix(',')?.split_once(" = ")?;
        number.parse::<u8>().ok()
    });
    let codes: Vec<_> = codes.collect();
    assert!(codes.len() > 10, "{codes:?}");
    let untold: Vec<_> = codes
        .iter()
        .filter(|code| {
            !told.contains(&format!("| {code} |")) && !told.contains(&format!("{code}, "))
        })
        .filter(|code| !told.contains(&format!(", {code} |")))
        .collect();
    assert!(untold.is_empty(), "the README does not tell {untold:?}");
}

/// So that a site which is cut off builds its own images from its own data.
#[test]
fn the_set_as_shipped_holds_what_the_images_are_made_of() {
    const INSTALL: &str = "apt-get install -y --no-install-recommends ";
    let shipped = read(&suite::repository().join("etc/booddies/data.toml"));
    let listed = tracked(&["images/*/packages"]).iter().map(|path| read(path)).collect::<String>();
    let listed = listed.lines().map(|line| line.split('#').next().unwrap_or(line).trim());
    let recipes =
        tracked(&["images/*/Dockerfile"]).iter().map(|path| read(path)).collect::<String>();
    let installed = recipes.lines().filter_map(|line| Some(line.split_once(INSTALL)?.1));
    let installed = installed.flat_map(|names| names.trim_end_matches('\\').split_whitespace());
    let wanted: Vec<_> = listed.chain(installed).filter(|name| !name.is_empty()).collect();
    assert!(wanted.len() > 40, "{wanted:?}");
    let lacking: Vec<_> =
        wanted.into_iter().filter(|name| !shipped.contains(&format!("\"{name}\","))).collect();
    assert!(lacking.is_empty(), "data.toml does not name {lacking:?}");
}
