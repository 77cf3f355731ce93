//! gitolite's side: which repositories exist and who reads them, told through a push to its own admin repository.
//!
//! Only `conf/booddies.conf` is ours; `conf/gitolite.conf` gets one `include` line and is the operator's otherwise.
//! gitolite then makes each new repository itself, with its hooks, and a mirror fills it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use git2::build::TreeUpdateBuilder;
use git2::{
    Commit, Direction, ErrorClass, ErrorCode, FetchOptions, FileMode, Oid, PushOptions, Remote,
    Repository, Signature,
};

use super::remote::Conversation;
use super::{Access, Error};
use crate::events::{Id, Silent};

const OPERATORS: &str = "conf/gitolite.conf";
const OURS: &str = "conf/booddies.conf";
const INCLUDE: &str = r#"include "booddies.conf""#;
/// The operator may push at the same moment.
const ATTEMPTS: usize = 3;

/// How to reach gitolite as its admin.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The admin repository, such as `ssh://git@gito01/gitolite-admin`.
    pub url: String,
    /// The admin's key and gito's host key.
    pub access: Access,
}

/// Renders `booddies.conf`: every repository, readable by everybody who has a key, and by cgit.
///
/// Rules add up in gitolite, so an operator may open a repository for writing in `gitolite.conf`.
pub fn configuration<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::from(
        "# Written by runctl from gito.toml. Your own rules belong into gitolite.conf, for these repositories too.\n",
    );
    for name in names {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(text, "\nrepo {name}\n    R = @all gitweb\n");
    }
    text
}

/// Sees to it that gitolite has this `booddies.conf`; returns whether it had to be pushed. Blocks.
pub fn ensure_admin(admin: &Admin, configuration: &str) -> Result<bool, Error> {
    let stop = AtomicBool::new(false);
    let conversation = Conversation::new(&admin.url, &admin.access, &stop);
    let prepare = |source| Error::Prepare { url: conversation.shown(), source };
    let scratch = tempfile::tempdir()
        .map_err(|source| Error::Write { path: std::env::temp_dir(), source })?;
    let repository = Repository::init_bare(scratch.path()).map_err(prepare)?;
    let mut remote = repository.remote_anonymous(&admin.url).map_err(prepare)?;
    for attempt in 1.. {
        let (branch, tip) = fetch(&mut remote, &conversation)?;
        let Some(next) = change(&repository, tip, configuration).map_err(prepare)? else {
            return Ok(false);
        };
        match push(&repository, &mut remote, &conversation, &branch, next) {
            Err(Error::Push { source, .. })
                if source.code() == ErrorCode::NotFastForward && attempt < ATTEMPTS => {}
            other => return other.map(|()| true),
        }
    }
    Ok(true)
}

/// Fetches the admin repository; returns its branch and the branch's tip.
fn fetch(remote: &mut Remote<'_>, conversation: &Conversation<'_>) -> Result<(String, Oid), Error> {
    let id = Id::fresh();
    let failed = |source| conversation.blame(source, |url, source| Error::Connect { url, source });
    let callbacks = conversation.callbacks(&Silent, id);
    let mut connection =
        remote.connect_auth(Direction::Fetch, Some(callbacks), None).map_err(failed)?;
    let branch = connection.default_branch().map_err(failed)?;
    let branch = branch.as_str().map_err(failed)?.to_owned();
    let tip = connection
        .list()
        .map_err(failed)?
        .iter()
        .find_map(|head| (head.name() == branch).then(|| head.oid()))
        .ok_or_else(|| failed(git2::Error::from_str("its default branch does not exist")))?;
    let mut options = FetchOptions::new();
    options.remote_callbacks(conversation.callbacks(&Silent, id));
    connection
        .remote()
        .download(&[format!("+{branch}:{branch}")], Some(&mut options))
        .map_err(failed)?;
    Ok((branch, tip))
}

/// Commits what is missing on top of `tip`; none where nothing is.
fn change(
    repository: &Repository,
    tip: Oid,
    configuration: &str,
) -> Result<Option<Oid>, git2::Error> {
    let parent = repository.find_commit(tip)?;
    let tree = parent.tree()?;
    let blob = tree.get_path(Path::new(OPERATORS))?.to_object(repository)?.peel_to_blob()?;
    let mut update = TreeUpdateBuilder::new();
    if let Some(text) = with_include(&String::from_utf8_lossy(blob.content())) {
        update.upsert(OPERATORS, repository.blob(text.as_bytes())?, FileMode::Blob);
    }
    update.upsert(OURS, repository.blob(configuration.as_bytes())?, FileMode::Blob);
    let changed = update.create_updated(repository, &tree)?;
    if changed == tree.id() {
        return Ok(None);
    }
    commit(repository, &parent, changed).map(Some)
}

fn commit(repository: &Repository, parent: &Commit<'_>, tree: Oid) -> Result<Oid, git2::Error> {
    let tree = repository.find_tree(tree)?;
    let author = Signature::now("runctl", "runctl@localhost")?;
    repository.commit(None, &author, &author, "Mirror what gito.toml names", &tree, &[parent])
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

fn push(
    repository: &Repository,
    remote: &mut Remote<'_>,
    conversation: &Conversation<'_>,
    branch: &str,
    tip: Oid,
) -> Result<(), Error> {
    let failed = |source| conversation.blame(source, |url, source| Error::Push { url, source });
    repository.reference(branch, tip, true, "push").map_err(failed)?;
    let mut callbacks = conversation.callbacks(&Silent, Id::fresh());
    callbacks.push_update_reference(|_, refused| match refused {
        None => Ok(()),
        Some(why) => Err(git2::Error::new(ErrorCode::GenericError, ErrorClass::Callback, why)),
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks);
    remote.push(&[format!("{branch}:{branch}")], Some(&mut options)).map_err(failed)?;
    // gitolite reads its configuration after it took the push, so a complaint is all it can do.
    let said = conversation.said();
    if said.contains("FATAL") { Err(Error::Refused { said }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
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
    fn every_repository_is_readable() {
        let text = configuration(["one", "tools/two"]);
        assert!(
            text.ends_with(
                "\nrepo one\n    R = @all gitweb\n\nrepo tools/two\n    R = @all gitweb\n"
            )
        );
    }

    #[test]
    fn the_change_is_made_once_and_kept_apart_from_the_operators() {
        let folder = tempfile::tempdir().unwrap();
        let upstream = admin_repository(folder.path(), "repo testing\n    RW+ = @all\n");
        let admin =
            Admin { url: folder.path().to_str().unwrap().to_owned(), access: Access::default() };
        let text = configuration(["one"]);
        assert!(ensure_admin(&admin, &text).unwrap());
        assert!(!ensure_admin(&admin, &text).unwrap());
        let tree = upstream.head().unwrap().peel_to_tree().unwrap();
        let read = |path: &str| {
            let entry = tree.get_path(Path::new(path)).unwrap();
            let blob = entry.to_object(&upstream).unwrap().peel_to_blob().unwrap();
            String::from_utf8(blob.content().to_vec()).unwrap()
        };
        assert_eq!(read(OURS), text);
        assert_eq!(read(OPERATORS), "repo testing\n    RW+ = @all\n\ninclude \"booddies.conf\"\n");
    }

    fn admin_repository(path: &Path, text: &str) -> Repository {
        super::super::remote::set_up();
        let repository = Repository::init_bare(path).unwrap();
        let author = Signature::now("a", "a@b").unwrap();
        let blob = repository.blob(text.as_bytes()).unwrap();
        let empty = repository.treebuilder(None).unwrap().write().unwrap();
        let tree = TreeUpdateBuilder::new()
            .upsert(OPERATORS, blob, FileMode::Blob)
            .create_updated(&repository, &repository.find_tree(empty).unwrap())
            .unwrap();
        let head = repository.find_reference("HEAD").unwrap();
        let branch = head.symbolic_target().unwrap().unwrap().to_owned();
        {
            let tree = repository.find_tree(tree).unwrap();
            repository.commit(Some(&branch), &author, &author, "first", &tree, &[]).unwrap();
        }
        drop(head);
        repository
    }
}
