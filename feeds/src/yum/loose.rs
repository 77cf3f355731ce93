//! A repository made of packages that the operator dropped into a folder: each tells of itself, the site signs.

mod package;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use self::package::Package;
use super::error::Error;
use super::header::Headers;
use super::metadata::New;
use crate::digest::Sha256;
use crate::folder::{self, Found, chain};
use crate::plan::{self, Plan};
use crate::store::{Object, RelPath, Store, Tree};
use crate::trust::SiteKey;

/// Where the packages stand in the repository.
const POOL: &str = "Packages";

/// One folder of packages.
#[derive(Clone, Debug)]
pub struct Loose {
    /// The name of its tree below `data/yum/`.
    pub name: String,
    /// Where the packages lie.
    pub folder: PathBuf,
    /// Who signs the metadata.
    pub site_key: Arc<SiteKey>,
}

/// Takes all packages of a folder into the store and makes their metadata; an unchanged folder is not read again.
pub async fn survey(source: &Loose, served: Option<&Tree>, store: &Store) -> Result<Plan, Error> {
    let found = folder::find(&source.folder, "rpm", POOL)
        .map_err(|wrong| Error::Folder { name: source.name.clone(), source: wrong })?;
    let listing: Vec<_> = found.iter().map(|one| (&one.place, one.size, one.changed)).collect();
    let recipe = plan::recipe(&(source, listing), &source.site_key.fingerprint(), []);
    if let Some(served) = served.filter(|served| served.recipe == Some(recipe)) {
        return Ok(Plan::unchanged(served));
    }
    let (source, store) = (source.clone(), store.clone());
    let work = move || make(&source, &found, &store, recipe);
    match tokio::task::spawn_blocking(work).await {
        Ok(plan) => plan,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}

fn make(source: &Loose, found: &[Found], store: &Store, recipe: Sha256) -> Result<Plan, Error> {
    let name = &source.name;
    let (mut packages, mut flaws) = (Vec::new(), Vec::new());
    for one in found {
        match read(one, store) {
            Ok(package) => packages.push(package),
            Err(why) => flaws.push(format!("`{}`: {why}", one.path.display())),
        }
    }
    flaws.extend(contradictions(&packages));
    if !flaws.is_empty() {
        return Err(Error::Loose { name: name.clone(), flaws });
    }
    let made = metadata_of(source, &packages, store)?;
    let path = format!("data/yum/{name}");
    let tree =
        RelPath::new(path).map_err(|wrong| Error::Name { name: name.clone(), source: wrong });
    let mut have: BTreeMap<_, _> =
        packages.into_iter().map(|package| (package.place, package.object)).collect();
    have.extend(made);
    Ok(Plan {
        tree: tree?,
        upstream: source.folder.display().to_string(),
        trust: source.site_key.fingerprint(),
        signed_by: None,
        recipe: Some(recipe),
        evidence: BTreeMap::new(),
        get: BTreeMap::new(),
        have,
    })
}

/// Reads a package whole, and takes it into the store.
fn read(found: &Found, store: &Store) -> Result<Package, String> {
    let opened = fs_err::File::open(&found.path).map_err(|error| error.to_string())?;
    let mut file = BufReader::new(opened);
    let headers = Headers::read(&mut file).map_err(|flaw| flaw.to_string())?;
    let object = store.insert_file(&found.path).map_err(|error| chain(&error))?;
    let package = Package::read(&headers, found.place.clone(), object)?;
    headers.check_payload(file).map_err(|flaw| flaw.to_string())?;
    Ok(package)
}

/// Tells of a package what `primary.xml` has of it.
#[cfg(fuzzing)]
pub(super) fn fuzz(headers: &Headers, place: RelPath, object: Object) -> Option<Vec<u8>> {
    let package = Package::read(headers, place, object).ok()?;
    let (mut told, mut rest) = (b"<metadata>".to_vec(), Vec::new());
    package.write_primary(&mut told).ok()?;
    package.write_files(&mut rest).ok()?;
    package.write_changes(&mut rest).ok()?;
    told.extend(b"</metadata>");
    Some(told)
}

/// Blames packages of one name, version and architecture that are different files.
fn contradictions(packages: &[Package]) -> Vec<String> {
    let mut known: HashMap<_, &Package> = HashMap::new();
    let mut flaws = Vec::new();
    for package in packages {
        let first = known.entry(package.nevra()).or_insert(package);
        if first.object != package.object {
            let (a, b, nevra) = (&first.place, &package.place, package.nevra());
            flaws.push(format!("`{a}` and `{b}` are both {nevra}, and are different files"));
        }
    }
    flaws
}

/// Makes and signs the metadata; it is dated by when the newest package was built, the same wherever it is copied to.
fn metadata_of(
    source: &Loose,
    packages: &[Package],
    store: &Store,
) -> Result<BTreeMap<RelPath, Object>, Error> {
    let built = packages.iter().map(|package| package.built).max().unwrap_or(0);
    let mut new = New::dated(&source.name, built, &source.site_key, store);
    for (kind, root, write) in FILES {
        new.file(kind, |output| {
            let count = packages.len();
            writeln!(output, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
            writeln!(output, "<{root} packages=\"{count}\">")?;
            packages.iter().try_for_each(|package| write(package, output))?;
            let name = root.split(' ').next().unwrap_or(root);
            writeln!(output, "</{name}>")
        })?;
    }
    new.finish()
}

/// Writes a package's part of one file.
type Write = fn(&Package, &mut dyn io::Write) -> io::Result<()>;

/// The files of metadata: type, root, and what each package writes into it.
const FILES: [(&str, &str, Write); 3] = [
    (
        "primary",
        "metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"",
        Package::write_primary,
    ),
    (
        "filelists",
        "filelists xmlns=\"http://linux.duke.edu/metadata/filelists\"",
        Package::write_files,
    ),
    ("other", "otherdata xmlns=\"http://linux.duke.edu/metadata/other\"", Package::write_changes),
];
