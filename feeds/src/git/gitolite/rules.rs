//! `conf/booddies.conf`: which repositories there are, and who reads and writes them.

use std::fmt::Write as _;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Tree};

use super::{Admin, submit, update};
use crate::git::{Error, remote};

const OPERATORS: &str = "conf/gitolite.conf";
const OURS: &str = "conf/booddies.conf";
const INCLUDE: &str = r#"include "booddies.conf""#;

/// Who may do what with a repository; users and groups as gitolite names them.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// The repository.
    pub name: &'a str,
    /// May read it.
    pub readers: &'a [String],
    /// May read it and write all of it.
    pub writers: &'a [String],
}

/// Renders `booddies.conf`.
///
/// Rules add up in gitolite, so an operator may open a repository further in `gitolite.conf`.
pub fn configuration<'a>(rules: impl IntoIterator<Item = Rule<'a>>) -> String {
    let mut text = String::from(
        "# Written by runctl from gito.toml. Your own rules belong into gitolite.conf, for these repositories too.\n",
    );
    for rule in rules {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(text, "\nrepo {}\n", rule.name);
        for (permission, users) in [("R  ", rule.readers), ("RW+", rule.writers)] {
            if !users.is_empty() {
                let _: std::fmt::Result = writeln!(text, "    {permission} = {}", users.join(" "));
            }
        }
    }
    text
}

/// Whether gitolite's own repository, as it lies on this disk, has this `booddies.conf` already. What cannot be read has not.
///
/// Its tip is what counts, so whatever the operator has pushed since is seen.
pub fn is_told(bare: &Path, configuration: &str) -> bool {
    remote::set_up();
    let told = || {
        let repository = Repository::open_bare(bare)?;
        let tree = repository.head()?.peel_to_tree()?;
        let text = |path| {
            let blob = tree.get_path(Path::new(path))?.to_object(&repository)?.peel_to_blob()?;
            Ok::<_, git2::Error>(String::from_utf8_lossy(blob.content()).into_owned())
        };
        let told = with_include(&text(OPERATORS)?).is_none() && text(OURS)? == configuration;
        Ok::<_, git2::Error>(told)
    };
    told().unwrap_or(false)
}

/// Sees to it that gitolite has this `booddies.conf`; returns whether it had to be pushed. Blocks.
pub fn ensure_admin(admin: &Admin, configuration: &str) -> Result<bool, Error> {
    update(admin, "Mirror what gito.toml names", |repository, tree| {
        change(repository, tree, configuration).map_err(admin.prepare())
    })
}

/// Does the same, and has gitolite make what it lacks again: repositories that are gone, hooks in those that lost them.
/// Blocks.
pub fn make_again(admin: &Admin, configuration: &str, lacking: &[String]) -> Result<(), Error> {
    let message = format!("Make again what is not served: {}", lacking.join(", "));
    submit(admin, &message, true, |repository, tree| {
        change(repository, tree, configuration).map_err(admin.prepare())
    })
    .map(drop)
}

fn change(
    repository: &Repository,
    tree: &Tree<'_>,
    configuration: &str,
) -> Result<Oid, git2::Error> {
    let blob = tree.get_path(Path::new(OPERATORS))?.to_object(repository)?.peel_to_blob()?;
    let mut update = TreeUpdateBuilder::new();
    if let Some(text) = with_include(&String::from_utf8_lossy(blob.content())) {
        update.upsert(OPERATORS, repository.blob(text.as_bytes())?, FileMode::Blob);
    }
    update.upsert(OURS, repository.blob(configuration.as_bytes())?, FileMode::Blob);
    update.create_updated(repository, tree)
}

/// The operator's file with our line added; none where it is there.
fn with_include(text: &str) -> Option<String> {
    let there = text.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("include")
            && words.next().is_some_and(|file| file.trim_matches(['"', '\'']) == "booddies.conf")
    });
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    (!there).then(|| format!("{text}{newline}\n{INCLUDE}\n"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::admin_repository;
    use super::*;

    #[test]
    fn the_include_line_is_added_once_and_nothing_else_changes() {
        let operators = "repo mine\n    RW+ = me";
        let added = with_include(operators).unwrap();
        assert_eq!(added, "repo mine\n    RW+ = me\n\ninclude \"booddies.conf\"\n");
        assert_eq!(with_include(&added), None);
        assert_eq!(with_include("  include   'booddies.conf'  # ours\n"), None);
        assert!(with_include("# include \"booddies.conf\"\n").is_some());
    }

    #[test]
    fn readers_and_writers_are_rules() {
        let (all, ada) = (["@all".to_owned(), "gitweb".to_owned()], ["ada".to_owned()]);
        let text = configuration([
            Rule { name: "one", readers: &all, writers: &[] },
            Rule { name: "tools/two", readers: &[], writers: &ada },
        ]);
        let rules = "\nrepo one\n    R   = @all gitweb\n\nrepo tools/two\n    RW+ = ada\n";
        assert!(text.ends_with(rules), "{text}");
    }

    #[test]
    fn the_change_is_made_once_and_kept_apart_from_the_operators() {
        let folder = tempfile::tempdir().unwrap();
        let operators = "repo testing\n    RW+ = @all\n";
        let (upstream, admin) = admin_repository(folder.path(), operators);
        let all = ["@all".to_owned()];
        let text = configuration([Rule { name: "one", readers: &all, writers: &[] }]);
        assert!(!is_told(folder.path(), &text));
        assert!(ensure_admin(&admin, &text).unwrap());
        assert!(is_told(folder.path(), &text));
        assert!(!ensure_admin(&admin, &text).unwrap());
        assert!(!is_told(folder.path(), &format!("{text}\n")));
        make_again(&admin, &text, &["one".to_owned()]).unwrap();
        let tip = upstream.head().unwrap().peel_to_commit().unwrap();
        assert_eq!(tip.message().unwrap(), "Make again what is not served: one");
        assert_eq!(tip.tree_id(), tip.parent(0).unwrap().tree_id());
        assert!(!is_told(&folder.path().join("absent"), &text));
        let tree = upstream.head().unwrap().peel_to_tree().unwrap();
        let read = |path: &str| {
            let entry = tree.get_path(Path::new(path)).unwrap();
            let blob = entry.to_object(&upstream).unwrap().peel_to_blob().unwrap();
            String::from_utf8(blob.content().to_vec()).unwrap()
        };
        assert_eq!(read(OURS), text);
        assert_eq!(read(OPERATORS), format!("{operators}\ninclude \"booddies.conf\"\n"));
    }
}
