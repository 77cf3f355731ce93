//! What `feed regi` has put into regi, kept in one file from run to run; and what of it regi.toml asks for no more.

use std::collections::BTreeSet;
use std::path::PathBuf;

use feeds::oci::{self, Record};

use crate::failure::{Class, Classify as _, Outcome};
use crate::host::files;
use crate::site::{ImageFeed, Site};

fn path(site: &Site) -> PathBuf {
    site.layout.state().join("fed/regi.json")
}

/// Reads the record; a site that never fed an image has none.
pub(in crate::commands) fn read(site: &Site) -> Outcome<Record> {
    let path = path(site);
    if !path.exists() {
        return Ok(Record::default());
    }
    let text = fs_err::read(&path)
        .or_fail(Class::Missing, || "cannot read what was fed into regi".to_owned())?;
    serde_json::from_slice(&text)
        .or_fail(Class::Unexpected, || format!("cannot understand {}", path.display()))
        .map_err(|failure| {
            failure
                .hint("remove it: what was fed before then counts as pushed by people, and stays")
        })
}

/// Writes the record, unless it says the same already.
pub(in crate::commands) fn write(site: &Site, record: &Record) -> Outcome {
    let tried = || "cannot write down what was fed into regi".to_owned();
    let text = serde_json::to_vec_pretty(record).or_fail(Class::Unexpected, tried)?;
    let path = path(site);
    if fs_err::read(&path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    files::write_atomically(&path, &text, 0o644, None).or_fail(Class::Missing, tried)
}

/// Tells which images were fed once and are listed no more.
pub(in crate::commands) fn unlisted(site: &Site, record: &Record) -> Outcome<Vec<String>> {
    let (choices, single): (Vec<&ImageFeed>, Vec<&ImageFeed>) =
        site.regi.images.iter().partition(|feed| !feed.choice.is_empty());
    let names = single.into_iter().map(|feed| oci::full_name(&feed.name));
    let names = names.collect::<Result<BTreeSet<_>, _>>()?;
    let choices = choices.into_iter().map(|feed| feed.name.clone()).collect();
    Ok(record.unlisted(&names, &choices))
}
