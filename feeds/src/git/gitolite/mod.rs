//! gitolite's side: which repositories exist and who may do what, told through pushes to its own admin repository.
//!
//! Only `conf/booddies.conf` and the keys that are added here are ours; `conf/gitolite.conf` gets one `include` line, and
//! all else is the operator's. gitolite makes each new repository itself, with its hooks, and a mirror fills it.

mod keys;
mod rules;
mod served;

use std::sync::atomic::AtomicBool;

use git2::{
    Commit, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, PushOptions, Remote, Repository,
    Signature, Tree,
};

pub use keys::{UserKey, add_user, remove_user, users};
pub use rules::{Rule, configuration, ensure_admin, is_told, make_again};
pub use served::{is_served, release};

use super::remote::{Conversation, masked};
use super::{Access, Error};
use crate::events::{Id, Silent};

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

impl Admin {
    fn prepare(&self) -> impl Fn(git2::Error) -> Error {
        let url = masked(&self.url);
        move |source| Error::Prepare { url: url.clone(), source }
    }
}

/// Pushes what `edit` makes of the admin repository's files; returns whether there was anything to push. Blocks.
fn update(
    admin: &Admin,
    message: &str,
    edit: impl Fn(&Repository, &Tree<'_>) -> Result<Oid, Error>,
) -> Result<bool, Error> {
    submit(admin, message, false, edit)
}

/// Does the same; `always` pushes a commit without a change too, upon which gitolite looks at everything again.
fn submit(
    admin: &Admin,
    message: &str,
    always: bool,
    edit: impl Fn(&Repository, &Tree<'_>) -> Result<Oid, Error>,
) -> Result<bool, Error> {
    let stop = AtomicBool::new(false);
    let conversation = Conversation::new(&admin.url, &admin.access, &stop)?;
    let prepare = admin.prepare();
    let scratch = tempfile::tempdir()
        .map_err(|source| Error::Write { path: std::env::temp_dir(), source })?;
    let repository = Repository::init_bare(scratch.path()).map_err(&prepare)?;
    let mut remote = repository.remote_anonymous(&admin.url).map_err(&prepare)?;
    for attempt in 1.. {
        let (branch, tip) = fetch(&mut remote, &conversation)?;
        let parent = repository.find_commit(tip).map_err(&prepare)?;
        let tree = parent.tree().map_err(&prepare)?;
        let changed = edit(&repository, &tree)?;
        if changed == tree.id() && !always {
            return Ok(false);
        }
        let next = commit(&repository, &parent, changed, message).map_err(&prepare)?;
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

fn commit(
    repository: &Repository,
    parent: &Commit<'_>,
    tree: Oid,
    message: &str,
) -> Result<Oid, git2::Error> {
    let tree = repository.find_tree(tree)?;
    let author = Signature::now("runctl", "runctl@localhost")?;
    repository.commit(None, &author, &author, message, &tree, &[parent])
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
    match said.find("FATAL") {
        Some(at) => Err(Error::Refused { said: said[at..].to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use git2::FileMode;
    use git2::build::TreeUpdateBuilder;

    use super::*;

    /// An admin repository as gitolite makes it, and how to reach it.
    pub(super) fn admin_repository(path: &Path, text: &str) -> (Repository, Admin) {
        super::super::remote::set_up();
        let repository = Repository::init_bare(path).unwrap();
        let author = Signature::now("a", "a@b").unwrap();
        let blob = repository.blob(text.as_bytes()).unwrap();
        let empty = repository.treebuilder(None).unwrap().write().unwrap();
        let tree = TreeUpdateBuilder::new()
            .upsert("conf/gitolite.conf", blob, FileMode::Blob)
            .create_updated(&repository, &repository.find_tree(empty).unwrap())
            .unwrap();
        let head = repository.find_reference("HEAD").unwrap();
        let branch = head.symbolic_target().unwrap().unwrap().to_owned();
        {
            let tree = repository.find_tree(tree).unwrap();
            repository.commit(Some(&branch), &author, &author, "first", &tree, &[]).unwrap();
        }
        drop(head);
        let url = path.to_str().unwrap().to_owned();
        (repository, Admin { url, access: Access::default() })
    }
}
