//! The files at a repository's tip, for those who only read a few small ones.

use std::path::Path;

use git2::{ErrorCode, ObjectType, Repository};

use super::{Error, remote};

/// Reads the text files in the outermost folder of what HEAD names, whose names end so; none of an empty repository.
pub fn texts(path: &Path, ending: &str) -> Result<Vec<(String, String)>, Error> {
    remote::set_up();
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let repository = Repository::open_bare(path).map_err(failed)?;
    let head = match repository.head() {
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok(Vec::new());
        }
        head => head.map_err(failed)?,
    };
    let tree = head.peel_to_tree().map_err(failed)?;
    let mut texts = Vec::new();
    for entry in &tree {
        let Some(name) = entry.name().ok().filter(|name| name.ends_with(ending)) else {
            continue;
        };
        if entry.kind() == Some(ObjectType::Blob) {
            let blob = repository.find_blob(entry.id()).map_err(failed)?;
            texts.push((name.to_owned(), String::from_utf8_lossy(blob.content()).into_owned()));
        }
    }
    Ok(texts)
}
