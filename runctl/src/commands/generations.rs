//! `runctl generations`: what is kept, which one is served, and how each differs from the one before.

use std::time::SystemTime;

use clap::Args;
use feeds::lock::{FILE_NAME, Lock};
use feeds::store::{Generation, Store, Tree};
use indicatif::HumanBytes;
use serde_json::json;

use super::Context;
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::ui::table::Table;

/// Where to look for one that is kept.
pub(super) const KEPT: &str =
    "`runctl generations` lists what is kept; `keep` in data.toml says how many";

/// Arguments of `generations`.
#[derive(Debug, Args)]
pub struct Generations {
    /// Show the trees of this one.
    number: Option<u64>,
}

/// One generation at a glance.
#[derive(Debug, serde::Serialize)]
struct Line {
    generation: u64,
    published: String,
    served: bool,
    trees: usize,
    files: usize,
    bytes: u64,
    /// Against the kept one before; none for the oldest.
    difference: Option<Difference>,
}

/// Files by their paths: what one generation has that another has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
struct Difference {
    added: usize,
    removed: usize,
    changed: usize,
}

/// Lists the kept generations, or the trees of one.
pub fn generations(context: &Context, wanted: &Generations) -> Outcome {
    let store = Store::open(context.site()?.layout.store())?;
    match wanted.number {
        Some(number) => show(context, &kept(&store, number)?),
        None => list(context, &store),
    }
}

/// A generation by its number.
pub(super) fn kept(store: &Store, number: u64) -> Outcome<Generation> {
    store.generation(number).map_err(|error| Failure::from(error).hint(KEPT))
}

fn list(context: &Context, store: &Store) -> Outcome {
    let served = store.current()?.map(|current| current.number);
    let (mut lines, mut before) = (Vec::new(), None);
    for number in store.kept()? {
        let generation = store.generation(number)?;
        lines.push(line(&generation, before.as_ref(), served)?);
        before = Some(generation.lock);
    }
    context.console.report(
        || json!({ "generations": lines }),
        || if lines.is_empty() { nothing_yet() } else { table(&lines) },
    );
    Ok(())
}

fn line(generation: &Generation, before: Option<&Lock>, served: Option<u64>) -> Outcome<Line> {
    let files = || generation.lock.trees.iter().flat_map(|tree| tree.files.values());
    Ok(Line {
        generation: generation.number,
        published: published(generation)?,
        served: served == Some(generation.number),
        trees: generation.lock.trees.len(),
        files: files().count(),
        bytes: files().map(|object| object.size).sum(),
        difference: before.map(|before| difference(&before.trees, &generation.lock.trees)),
    })
}

/// When a generation was published: its lock is written then, and never again.
fn published(generation: &Generation) -> Outcome<String> {
    let tried = || format!("cannot tell when generation {} was published", generation.number);
    let written = fs_err::metadata(generation.path.join(FILE_NAME))
        .and_then(|found| found.modified())
        .or_fail(Class::Unexpected, tried)?;
    let seconds = written.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or(i64::MAX))
        .or_fail(Class::Unexpected, tried)?;
    Ok(time.to_string())
}

fn difference(before: &[Tree], after: &[Tree]) -> Difference {
    let find =
        |trees: &[Tree], wanted: &Tree| trees.iter().position(|tree| tree.path == wanted.path);
    let mut told = Difference::default();
    for tree in before {
        if find(after, tree).is_none() {
            told.removed += tree.files.len();
        }
    }
    for tree in after {
        let Some(old) = find(before, tree).map(|at| &before[at]) else {
            told.added += tree.files.len();
            continue;
        };
        for (file, object) in &tree.files {
            match old.files.get(file) {
                None => told.added += 1,
                Some(same) if same == object => {}
                Some(_) => told.changed += 1,
            }
        }
        told.removed += old.files.keys().filter(|file| !tree.files.contains_key(file)).count();
    }
    told
}

fn table(lines: &[Line]) -> String {
    let heading = ["generation", "published", "served", "trees", "files", "size", "difference"];
    let mut table = Table::new(heading);
    for line in lines {
        let difference = line.difference.map_or_else(String::new, |it| {
            format!("+{} -{} ~{}", it.added, it.removed, it.changed)
        });
        table.row([
            line.generation.to_string(),
            line.published.clone(),
            if line.served { "yes" } else { "" }.to_owned(),
            line.trees.to_string(),
            line.files.to_string(),
            HumanBytes(line.bytes).to_string(),
            difference,
        ]);
    }
    table.to_string()
}

fn nothing_yet() -> String {
    "nothing fed yet: run `runctl feed`\n".to_owned()
}

/// Prints the trees of one generation: who vouches for each, and where it came from.
fn show(context: &Context, generation: &Generation) -> Outcome {
    let published = published(generation)?;
    let trees = &generation.lock.trees;
    let size = |tree: &Tree| tree.files.values().map(|object| object.size).sum::<u64>();
    let told = |tree: &Tree| {
        json!({
            "tree": tree.path, "files": tree.files.len(), "bytes": size(tree),
            "trust": tree.trust, "upstream": tree.upstream,
        })
    };
    context.console.report(
        || {
            json!({
                "generation": generation.number, "published": published,
                "trees": trees.iter().map(told).collect::<Vec<_>>(),
                "refs": generation.lock.refs.len(), "images": generation.lock.images.len(),
            })
        },
        || {
            let mut table = Table::new(["tree", "files", "size", "trust", "upstream"]);
            for tree in trees {
                table.row([
                    tree.path.to_string(),
                    tree.files.len().to_string(),
                    HumanBytes(size(tree)).to_string(),
                    tree.trust.clone(),
                    tree.upstream.clone(),
                ]);
            }
            let (refs, images) = (generation.lock.refs.len(), generation.lock.images.len());
            let number = generation.number;
            format!("generation {number}, {published}, {refs} refs, {images} images\n{table}")
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use feeds::digest::Sha256;
    use feeds::store::{Object, RelPath};

    use super::*;

    fn tree(path: &str, files: &[(&str, &str)]) -> Tree {
        let rel = |path: &str| RelPath::new(path).unwrap();
        let object = |text: &str| Object { sha256: Sha256::of(text.as_bytes()), size: 1 };
        Tree {
            path: rel(path),
            upstream: String::new(),
            trust: String::new(),
            recipe: None,
            evidence: BTreeMap::new(),
            files: files.iter().map(|(file, text)| (rel(file), object(text))).collect(),
        }
    }

    #[test]
    fn counts_what_came_went_and_changed() {
        let before =
            [tree("boot/old", &[("a", "1")]), tree("data/yum/os", &[("a", "1"), ("b", "1")])];
        let after = [
            tree("data/yum/new", &[("x", "1"), ("y", "1")]),
            tree("data/yum/os", &[("a", "2"), ("c", "1")]),
        ];
        let expected = Difference { added: 3, removed: 2, changed: 1 };
        assert_eq!(difference(&before, &after), expected);
        assert_eq!(difference(&after, &after), Difference::default());
    }
}
