//! `[[files]]` of data.toml.

use std::path::Path;

use serde_json::Value;

use super::super::super::kinds::{Read, inner_path, name, pattern, sha256, url};
use super::super::super::model::{FilesFeed, IsoImage, ListedFiles, SignedFile, SumsTrust, Trust};
use super::super::super::table::Table;
use super::super::{existing, plain_file, some};
use super::trust;

/// Reads one folder of plain files.
pub(super) fn read(mut table: Table<'_>, folder: &Path) -> FilesFeed {
    let name = table.required("name", name);
    let (mut files, mut signed) = (Vec::new(), Vec::new());
    for file in table.tables("file") {
        if file.has("keys") || file.has("signature") {
            signed.push(signed_file(file, folder));
        } else {
            files.push(plain_file(file));
        }
    }
    let feed = FilesFeed {
        name,
        files,
        signed,
        listed: table.tables("listed").into_iter().map(|table| listed(table, folder)).collect(),
        images: table.tables("iso").into_iter().map(|table| image(table, folder)).collect(),
    };
    if !["file", "listed", "iso"].into_iter().any(|key| table.has(key)) {
        table.lacks("no file is named", Some("add a `[[files.file]]` table".to_owned()));
    }
    table.finish();
    feed
}

/// Reads a file that a signature of its own proves.
fn signed_file(mut table: Table<'_>, folder: &Path) -> SignedFile {
    let file = SignedFile {
        name: table.required("name", inner_path),
        urls: some(&mut table, "urls", url),
        keys: some(&mut table, "keys", existing(folder)),
        signature: table.optional("signature", url),
    };
    table.know(&["sha256"]);
    if table.has("sha256") {
        let help = "write what proves the file: its digest, or who signed it".to_owned();
        table.object("sha256", "`sha256` does not go with `keys` or `signature`", Some(help));
    }
    table.finish();
    file
}

/// Reads a list of checksums.
fn listed(mut table: Table<'_>, folder: &Path) -> ListedFiles {
    let digest = table.optional("sha256", sha256);
    let trust = match digest {
        Some(digest) => {
            table.know(&["keys", "trust"]);
            for key in ["keys", "trust"].into_iter().filter(|key| table.has(key)) {
                table.object(key, format!("`{key}` does not go with `sha256`"), None);
            }
            SumsTrust::Sha256(digest)
        }
        None if table.has("sha256") => SumsTrust::Signed(Trust::None),
        None => SumsTrust::Signed(trust(&mut table, folder)),
    };
    let feed = ListedFiles {
        sums: table.required("sums", template_of_url),
        trust,
        names: table.list("names", &["**"], pattern),
        into: table.optional("into", template_of_path).unwrap_or_default(),
        versions: table.list("versions", &[], name),
        architectures: table.list("architectures", &[], name),
    };
    for (key, text) in [("sums", &feed.sums), ("into", &feed.into)] {
        let lacking = feeds::files::unknown(text, &feed.versions, &feed.architectures);
        if let Some(lacking) = lacking {
            table.object(key, format!("`{lacking}` does not say what this stands for"), None);
        }
    }
    table.finish();
    feed
}

/// Reads an ISO image.
fn image(mut table: Table<'_>, folder: &Path) -> IsoImage {
    let image = IsoImage {
        path: table.required("path", existing(folder)),
        into: table.optional("into", inner_path),
        sha256: table.optional("sha256", sha256),
    };
    table.finish();
    image
}

/// A URL in which `{version}` and `{arch}` stand for others.
fn template_of_url(value: &Value) -> Read<String> {
    written_out(value, &url)
}

/// A path in which `{version}` and `{arch}` stand for others.
fn template_of_path(value: &Value) -> Read<String> {
    written_out(value, &inner_path)
}

/// Looks at a template as it is with something in the place of what stands for others.
fn written_out(value: &Value, kind: &dyn Fn(&Value) -> Read<String>) -> Read<String> {
    let some = ["x".to_owned()];
    let text = value.as_str().unwrap_or_default();
    let [[tried]] = feeds::files::expanded([text], &some, &some).try_into().unwrap_or_default();
    let tried = if value.is_string() { Value::from(tried) } else { value.clone() };
    kind(&tried).map(|_| text.to_owned())
}
