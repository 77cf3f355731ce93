//! Selections over small universes: alternatives, virtual packages, versions, cycles, what cannot be had.

use std::fmt::Write as _;

use super::*;
use crate::apt::deb822::{Paragraph, paragraphs};
use crate::apt::package::Origin;
use crate::digest::Sha256;

/// Writes an index from lines such as `a 1 Depends: b (>= 2) | c; Provides: d`.
fn index(lines: &[&str]) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let mut words = line.splitn(3, ' ');
        let name = words.next().expect("a name");
        let version = words.next().expect("a version");
        let digest = Sha256([u8::try_from(at).expect("a short index"); 32]);
        write!(
            text,
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}_{version}.deb\nSize: 1\nSHA256: {digest}\n"
        )        .expect("written");
        for field in words.next().unwrap_or_default().split("; ").filter(|f| !f.is_empty()) {
            text.extend([field, "\n"]);
        }
        text.push('\n');
    }
    text
}

/// Packages that say so come from a suite like backports.
fn origin(paragraph: Paragraph<'_>) -> Origin {
    let reserve = paragraph.get("Suite") == Some("backports");
    Origin { reserve, ..Origin::default() }
}

fn try_select(lines: &[&str], wanted: &Wanted) -> Result<Vec<String>, Vec<String>> {
    let text = index(lines);
    let packages =
        paragraphs(&text).map(|one| Package::read(one, origin(one)).expect("complete")).collect();
    match Universe::new(packages, Vec::new()).select(wanted) {
        Ok(selected) => Ok(selected.iter().map(ToString::to_string).collect()),
        Err(unsatisfied) => Err(unsatisfied.iter().map(ToString::to_string).collect()),
    }
}

fn wanted(names: &[&str]) -> Wanted {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Wanted { names, recommends: false, minimal_system: false }
}

fn select(lines: &[&str], names: &[&str]) -> Vec<String> {
    try_select(lines, &wanted(names)).expect("satisfiable")
}

#[test]
fn the_closure_follows_depends_and_pre_depends_through_cycles() {
    let lines =
        &["a 1 Depends: b; Pre-Depends: c", "b 1 Depends: a, d", "c 1 Suggests: x", "d 1", "x 1"];
    assert_eq!(select(lines, &["a"]), ["a 1", "b 1", "c 1", "d 1"]);
}

#[test]
fn the_newest_version_that_will_do_wins() {
    let lines = &["a 1 Depends: b (<< 3)", "b 1", "b 2", "b 3", "b 10"];
    assert_eq!(select(lines, &["a"]), ["a 1", "b 2"]);
    assert_eq!(select(lines, &["b"]), ["b 10"]);
}

#[test]
fn backports_are_taken_only_where_nothing_else_will_do() {
    let lines = &["a 1", "a 2 Suite: backports", "b 1 Depends: a", "c 1 Depends: a (>= 2)"];
    assert_eq!(select(lines, &["b"]), ["a 1", "b 1"]);
    assert_eq!(select(lines, &["c"]), ["a 2", "c 1"]);
}

#[test]
fn one_package_may_be_taken_in_two_versions() {
    let lines = &["a 1 Depends: b (= 1)", "b 1", "b 2"];
    assert_eq!(select(lines, &["b", "a"]), ["a 1", "b 1", "b 2"]);
}

#[test]
fn of_alternatives_the_first_to_be_had_is_taken_unless_one_is_there_already() {
    let lines = &["a 1 Depends: gone | b | c", "b 1", "c 1", "z 1 Depends: c"];
    assert_eq!(select(lines, &["a"]), ["a 1", "b 1"]);
    assert_eq!(select(lines, &["c", "a"]), ["a 1", "c 1"]);
}

#[test]
fn virtual_packages_are_found_by_what_provides_them() {
    let lines = &[
        "a 1 Depends: mta",
        "exim 4 Provides: mta",
        "busy 1 Provides: mta; Priority: important",
        "v 1 Depends: api (= 7)",
        "old 1 Provides: api",
        "new 1 Provides: api (= 7), other",
    ];
    assert_eq!(select(lines, &["a"]), ["a 1", "busy 1"]);
    assert_eq!(select(lines, &["exim", "a"]), ["a 1", "exim 4"]);
    assert_eq!(select(lines, &["v"]), ["new 1", "v 1"]);
}

#[test]
fn recommends_come_along_only_when_asked_for_and_may_be_missing() {
    let lines = &["a 1 Recommends: b, gone", "b 1"];
    assert_eq!(select(lines, &["a"]), ["a 1"]);
    let with = Wanted { recommends: true, ..wanted(&["a"]) };
    assert_eq!(try_select(lines, &with).expect("satisfiable"), ["a 1", "b 1"]);
}

#[test]
fn a_minimal_system_is_what_every_system_has_and_apt() {
    let lines = &[
        "apt 2 Depends: libapt",
        "libapt 2",
        "base-files 12 Essential: yes",
        "base-files 13 Essential: yes",
        "login 1 Priority: required",
        "vim 9 Priority: important",
    ];
    let minimal = Wanted { minimal_system: true, ..Wanted::default() };
    let selected = try_select(lines, &minimal).expect("satisfiable");
    assert_eq!(selected, ["apt 2", "base-files 13", "libapt 2", "login 1"]);
}

#[test]
fn all_that_cannot_be_had_is_told_at_once_with_who_wants_it() {
    let lines = &["a 1 Depends: b (>= 2) | c", "b 1", "d 1 Depends: e"];
    let missing = try_select(lines, &wanted(&["a", "d", "nosuch"])).expect_err("unsatisfiable");
    assert_eq!(missing, ["`b (>= 2) | c`, which a 1 needs", "`e`, which d 1 needs", "`nosuch`"]);
}
