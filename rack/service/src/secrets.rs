//! What the operator keeps secret: one file each, mounted read-only.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// Reads them by the names of the files; each time anew, so that nothing has to be told of a change.
pub(crate) async fn read(folder: &Path) -> std::io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut entries = match fs_err::tokio::read_dir(folder).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    while let Some(entry) = entries.next_entry().await? {
        if let (Ok(name), true) = (entry.file_name().into_string(), entry.path().is_file()) {
            let secret = fs_err::tokio::read_to_string(entry.path()).await?;
            found.insert(name, secret.trim_end().to_owned());
        }
    }
    Ok(found)
}
