//! A repository made of packages that the operator dropped into a folder: each tells of itself, the site signs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;

use super::deb;
use super::deb822::paragraphs;
use super::error::Error;
use super::filter::Filter;
use super::package::{Origin, Package};
use super::reindex::{Reindex, Title};
use super::source::Signing;
use super::survey::tree;
use crate::events::{Event, Watch};
use crate::folder::{self, Found, chain};
use crate::plan::{self, Plan};
use crate::store::{Object, RelPath, Store, Tree};

/// The one component of what is made of loose packages.
const COMPONENT: &str = "main";
/// For which machines a folder is that only has packages for all of them.
const USUAL: &str = "amd64";
/// Fields that a mirror tells, whatever a package says of itself.
const TOLD: [&str; 7] = ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512", "Status"];
/// Where the packages stand in the repository.
const POOL: &str = "pool";

/// One folder of packages.
#[derive(Clone, Debug)]
pub struct Loose {
    /// The name of its tree below `data/apt/`, and of its suite.
    pub name: String,
    /// Where the packages lie.
    pub folder: PathBuf,
    /// For which architectures; for all that have a package, if there are none.
    pub architectures: Vec<String>,
    /// Which of them are taken.
    pub filter: Filter,
    /// How the index is signed.
    pub signing: Signing,
}

/// One package that was read.
struct Told {
    place: RelPath,
    object: Object,
    /// Its paragraph in the index.
    paragraph: String,
    built: u64,
}

/// Takes all packages of a folder into the store and makes their index; an unchanged folder is not read again.
pub async fn survey(
    source: &Loose,
    served: Option<&Tree>,
    store: &Store,
    watch: &dyn Watch,
) -> Result<Plan, Error> {
    let found = folder::find(&source.folder, "deb", POOL)
        .map_err(|wrong| Error::Folder { name: source.name.clone(), source: wrong })?;
    let listing: Vec<_> = found.iter().map(|one| (&one.place, one.size, one.changed)).collect();
    let trust = source.signing.site_key.fingerprint();
    let recipe = plan::recipe(&(source, listing), &trust, []);
    if let Some(served) = served.filter(|served| served.recipe == Some(recipe)) {
        return Ok(Plan::unchanged(served));
    }
    let (source, store) = (source.clone(), store.clone());
    let made = super::blocking(move || make(&source, &found, &store, recipe)).await;
    let (plan, warning) = made?;
    if let Some(text) = warning {
        watch.event(Event::Warning { text });
    }
    Ok(plan)
}

/// Reads a package: what it says of itself, and what the index adds.
fn read(found: &Found, store: &Store) -> Result<Told, String> {
    let blame = |why: String| format!("`{}`: {why}", found.path.display());
    let control = deb::control(&found.path).map_err(|error| blame(chain(&error)))?;
    let object = store.insert_file(&found.path).map_err(|error| blame(chain(&error)))?;
    let own = paragraphs(&control.text)
        .next()
        .ok_or_else(|| blame("its control file is empty".to_owned()))?;
    let mut paragraph = String::new();
    for (name, value) in own.fields() {
        if !TOLD.iter().any(|told| told.eq_ignore_ascii_case(name)) {
            writeln!(paragraph, "{name}: {value}").map_err(|error| blame(error.to_string()))?;
        }
    }
    let Object { sha256, size } = object;
    write!(paragraph, "Filename: {}\nSize: {size}\nSHA256: {sha256}", found.place)
        .map_err(|error| blame(error.to_string()))?;
    // What cannot be read back would break the index for all others.
    let read = paragraphs(&paragraph).next().map(|one| Package::read(one, Origin::default()));
    match read {
        Some(Ok(_)) => {}
        Some(Err(incomplete)) => return Err(blame(incomplete.to_string())),
        None => return Err(blame("it says nothing of itself".to_owned())),
    }
    Ok(Told { place: found.place.clone(), object, paragraph, built: control.built })
}

fn make(
    source: &Loose,
    found: &[Found],
    store: &Store,
    recipe: crate::digest::Sha256,
) -> Result<(Plan, Option<String>), Error> {
    let name = &source.name;
    let (mut told, mut flaws) = (Vec::new(), Vec::new());
    for one in found {
        match read(one, store) {
            Ok(one) => told.push(one),
            Err(flaw) => flaws.push(flaw),
        }
    }
    let mut packages = Vec::new();
    for one in &told {
        let own =
            paragraphs(&one.paragraph).next().map(|own| Package::read(own, Origin::default()));
        packages.extend(own.and_then(Result::ok));
    }
    flaws.extend(contradictions(&packages));
    if !flaws.is_empty() {
        return Err(Error::Loose { name: name.clone(), flaws });
    }
    packages.retain(|package| source.filter.admits(package.name));
    let packages = source.filter.newest(packages);
    let (architectures, warning) = architectures(source, &packages);

    let suite = name.as_str();
    let mut reindex = Reindex::new(Title { name, suite, date: date(&told, found) }, store);
    let fits = |package: &Package<'_>| {
        package.architecture == "all" || architectures.contains(package.architecture)
    };
    for architecture in &architectures {
        let fit = packages.iter().filter(|package| {
            package.architecture == "all" || package.architecture == architecture.as_str()
        });
        let texts: Vec<_> = fit.map(Package::text).collect();
        reindex
            .packages(COMPONENT, architecture, &texts)
            .map_err(|failure| Error::making(name, failure))?;
    }
    let mut have =
        reindex.finish(&source.signing).map_err(|failure| Error::making(name, failure))?;
    let objects: HashMap<&str, &Told> = told.iter().map(|one| (one.place.as_str(), one)).collect();
    let taken = packages.iter().filter(|package| fits(package));
    let taken = taken.filter_map(|package| objects.get(package.filename));
    have.extend(taken.map(|one| (one.place.clone(), one.object)));
    let plan = Plan {
        tree: tree(name)?,
        upstream: source.folder.display().to_string(),
        trust: source.signing.site_key.fingerprint(),
        recipe: Some(recipe),
        signed_by: None,
        evidence: BTreeMap::new(),
        get: BTreeMap::new(),
        have,
    };
    Ok((plan, warning))
}

/// Blames packages of one name, version and architecture that are different files.
fn contradictions(packages: &[Package<'_>]) -> Vec<String> {
    let mut known: HashMap<_, &Package<'_>> = HashMap::new();
    let mut flaws = Vec::new();
    for package in packages {
        let key = (package.name, package.version.0, package.architecture);
        let first = known.entry(key).or_insert(package);
        if first.checksums != package.checksums {
            let (a, b) = (first.filename, package.filename);
            flaws.push(format!("`{a}` and `{b}` are both {package}, and are different files"));
        }
    }
    flaws
}

/// Tells for which architectures an index is made, and which packages are for none of them.
fn architectures(source: &Loose, packages: &[Package<'_>]) -> (BTreeSet<String>, Option<String>) {
    let special = packages.iter().filter(|package| package.architecture != "all");
    if source.architectures.is_empty() {
        let mut found: BTreeSet<_> = special.map(|one| one.architecture.to_owned()).collect();
        if found.is_empty() {
            found.insert(USUAL.to_owned());
        }
        return (found, None);
    }
    let wanted: BTreeSet<_> = source.architectures.iter().cloned().collect();
    let others = special.filter(|package| !wanted.contains(package.architecture));
    let others: Vec<_> = others.map(|one| format!("{one} for {}", one.architecture)).collect();
    let warning = (!others.is_empty()).then(|| {
        let name = &source.name;
        format!("`{name}` goes without packages for other architectures: {}", others.join(", "))
    });
    (wanted, warning)
}

/// As of when the repository is: when its newest package was built, which is the same wherever it is copied to.
fn date(told: &[Told], found: &[Found]) -> Timestamp {
    let built = told.iter().map(|one| one.built).max().filter(|built| *built > 0);
    let changed = found.iter().map(|one| one.changed).max();
    let second = built.or(changed).unwrap_or(0);
    Timestamp::from_second(i64::try_from(second).unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
