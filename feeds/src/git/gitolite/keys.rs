//! `keydir/`: who has which keys. A user may have several, told apart by labels: `ada.pub`, `ada@laptop.pub`.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Repository, Tree, TreeWalkMode, TreeWalkResult};
use ssh_key::{HashAlg, PublicKey};

use super::{Admin, update};
use crate::git::Error;

const FOLDER: &str = "keydir/";
/// Keys that the service itself puts there.
const RESERVED: [&str; 2] = ["admin", "operator"];

/// One key of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserKey {
    /// Whose it is.
    pub user: String,
    /// Which of theirs, if that is told.
    pub label: Option<String>,
    /// Its file in gitolite's admin repository.
    pub path: String,
    /// The key; none where gitolite's file holds something else.
    pub key: Option<PublicKey>,
}

impl UserKey {
    /// The key's fingerprint, as ssh shows it.
    pub fn fingerprint(&self) -> Option<String> {
        self.key.as_ref().map(|key| key.fingerprint(HashAlg::Sha256).to_string())
    }
}

/// Lists all keys, sorted by file. Blocks.
pub fn users(admin: &Admin) -> Result<Vec<UserKey>, Error> {
    let listed = std::cell::RefCell::default();
    update(admin, "", |repository, tree| {
        *listed.borrow_mut() = read(repository, tree).map_err(admin.prepare())?;
        Ok(tree.id())
    })?;
    Ok(listed.into_inner())
}

/// Gives a user a key, in the text of a `.pub` file; returns whether they did not have it. Blocks.
///
/// With `pretend` nothing is pushed.
pub fn add_user(
    admin: &Admin,
    name: &str,
    label: Option<&str>,
    key: &str,
    pretend: bool,
) -> Result<bool, Error> {
    let wrong = |source| Error::UserKey { name: name.to_owned(), source };
    let key = PublicKey::from_openssh(key.trim()).map_err(wrong)?;
    let text = format!("{}\n", key.to_openssh().map_err(wrong)?.trim_end());
    let path = match label {
        Some(label) => format!("{FOLDER}{name}@{label}.pub"),
        None => format!("{FOLDER}{name}.pub"),
    };
    let new = std::cell::Cell::new(false);
    update(admin, &format!("Give {name} a key"), |repository, tree| {
        let prepare = admin.prepare();
        let all = read(repository, tree).map_err(&prepare)?;
        let same =
            |it: &&UserKey| it.key.as_ref().is_some_and(|it| it.key_data() == key.key_data());
        match (all.iter().find(same), all.iter().find(|it| it.path == path)) {
            (Some(same), _) if same.user == name => return Ok(tree.id()),
            (Some(same), _) => return Err(Error::KeyTaken { user: same.user.clone() }),
            (None, Some(_)) => {
                return Err(Error::UserHasKey { name: name.to_owned(), path: path.clone() });
            }
            (None, None) => new.set(true),
        }
        if pretend {
            return Ok(tree.id());
        }
        let blob = repository.blob(text.as_bytes()).map_err(&prepare)?;
        let mut update = TreeUpdateBuilder::new();
        update.upsert(path.as_str(), blob, FileMode::Blob);
        update.create_updated(repository, tree).map_err(prepare)
    })?;
    Ok(new.get())
}

/// Takes all keys of a user away; returns their files. Blocks.
///
/// With `pretend` nothing is pushed.
pub fn remove_user(admin: &Admin, name: &str, pretend: bool) -> Result<Vec<String>, Error> {
    if RESERVED.contains(&name) {
        return Err(Error::ReservedUser { name: name.to_owned() });
    }
    let removed = std::cell::RefCell::default();
    update(admin, &format!("Take the keys of {name} away"), |repository, tree| {
        let prepare = admin.prepare();
        let all = read(repository, tree).map_err(&prepare)?;
        let (theirs, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.user == name);
        if theirs.is_empty() {
            let mut known: Vec<_> = others.into_iter().map(|it| it.user).collect();
            known.dedup();
            return Err(Error::NoSuchUser { name: name.to_owned(), known: known.join(", ") });
        }
        let mut update = TreeUpdateBuilder::new();
        for key in &theirs {
            update.remove(key.path.as_str());
        }
        *removed.borrow_mut() = theirs.into_iter().map(|it| it.path).collect();
        if pretend {
            Ok(tree.id())
        } else {
            update.create_updated(repository, tree).map_err(prepare)
        }
    })?;
    Ok(removed.into_inner())
}

fn read(repository: &Repository, tree: &Tree<'_>) -> Result<Vec<UserKey>, git2::Error> {
    let mut files: Vec<(String, Oid)> = Vec::new();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() == Some(ObjectType::Blob)
            && folder.starts_with(FOLDER)
            && let Ok(name) = entry.name()
        {
            files.push((format!("{folder}{name}"), entry.id()));
        }
        TreeWalkResult::Ok
    })?;
    let mut keys = Vec::new();
    for (path, id) in files {
        if let Some((user, label)) = whose(&path) {
            let blob = repository.find_blob(id)?;
            let text = String::from_utf8_lossy(blob.content());
            let key = PublicKey::from_openssh(text.trim()).ok();
            keys.push(UserKey { user, label, path, key });
        }
    }
    keys.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(keys)
}

/// The user and label of a file, as gitolite reads its name: a label has no dot, a user may be an address.
fn whose(path: &str) -> Option<(String, Option<String>)> {
    let name = path.rsplit('/').next()?.strip_suffix(".pub")?;
    Some(match name.rsplit_once('@') {
        Some((user, label)) if !label.is_empty() && !label.contains('.') => {
            (user.to_owned(), Some(label.to_owned()))
        }
        _ => (name.to_owned(), None),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::admin_repository;
    use super::*;

    fn key(seed: u8) -> String {
        let key = PublicKey::from(ssh_key::public::Ed25519PublicKey([seed; 32]));
        format!("{} somebody@somewhere\n", key.to_openssh().unwrap())
    }

    #[test]
    fn users_come_and_go_and_nobody_elses_key_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (upstream, admin) = admin_repository(folder.path(), "repo testing\n");
        let add = |name, label, seed| add_user(&admin, name, label, &key(seed), false);
        assert!(add_user(&admin, "ada", None, &key(1), true).unwrap());
        assert_eq!(users(&admin).unwrap(), []);
        assert!(add("ada", None, 1).unwrap());
        assert!(!add("ada", None, 1).unwrap());
        assert!(add("ada", Some("laptop"), 2).unwrap());
        assert!(add("bob@example.org", None, 3).unwrap());
        assert!(matches!(add("ada", None, 4), Err(Error::UserHasKey { .. })));
        assert!(matches!(add("eve", None, 1), Err(Error::KeyTaken { user }) if user == "ada"));
        assert!(matches!(
            add_user(&admin, "eve", None, "-----BEGIN OPENSSH PRIVATE KEY-----", false),
            Err(Error::UserKey { .. })
        ));

        let all = users(&admin).unwrap();
        let names: Vec<_> = all.iter().map(|it| (it.user.as_str(), it.label.as_deref())).collect();
        assert_eq!(names, [("ada", None), ("ada", Some("laptop")), ("bob@example.org", None)]);
        assert!(all[0].fingerprint().unwrap().starts_with("SHA256:"));

        assert_eq!(remove_user(&admin, "ada", true).unwrap().len(), 2);
        let files = ["keydir/ada.pub", "keydir/ada@laptop.pub"];
        assert_eq!(remove_user(&admin, "ada", false).unwrap(), files);
        assert_eq!(users(&admin).unwrap().len(), 1);
        let error = remove_user(&admin, "ada", false).unwrap_err();
        assert_eq!(error.to_string(), "gitolite has no key of user ada, only of bob@example.org");
        assert!(matches!(remove_user(&admin, "admin", false), Err(Error::ReservedUser { .. })));
        let tree = upstream.head().unwrap().peel_to_tree().unwrap();
        assert!(tree.get_path(std::path::Path::new("conf/gitolite.conf")).is_ok());
    }
}
