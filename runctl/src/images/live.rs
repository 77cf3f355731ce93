//! The live system: a kernel, and one archive that is its RAM root; published as `built/live`.

use std::collections::BTreeSet;
use std::path::Path;

use feeds::store::Store;

use super::built::{Files, place};
use super::mmdebstrap::Mmdebstrap;
use super::own_set::{self, OwnSet};
use super::{Made, Steps};
use crate::failure::{Class, Classify as _, Outcome};
use crate::site::Site;

/// The tree below `built/`.
const TREE: &str = "live";

/// Builds the live system from the site's own set and publishes it.
pub async fn build(site: &Site, steps: &Steps<'_>) -> Outcome<Made> {
    let set = OwnSet::find(site, None)?;
    let sources = site.layout.images().join("live");
    let packages = own_set::packages(&sources)?;
    let keys = keys(site);
    let input = set.input(&packages, &sources, &[keys.as_bytes()])?;
    let files = match set.made_before(site, &input)? {
        Some(files) => files,
        None => make(site, &set, &sources, &packages, &keys, steps).await?,
    };
    set.publish(site, TREE, &input, files)
}

async fn make(
    site: &Site,
    set: &OwnSet,
    sources: &Path,
    packages: &BTreeSet<String>,
    keys: &str,
    steps: &Steps<'_>,
) -> Outcome<Files> {
    let tried = || "cannot make the live system".to_owned();
    let folder = tempfile::tempdir().or_fail(Class::Missing, tried)?;
    let made = |name: &str| folder.path().join(name);
    let mut run = Mmdebstrap::new("the live system", "essential");
    run.option("format", "null")
        .option("dpkgopt", sources.with_file_name("base").join("dpkg.cfg").display())
        .option("customize-hook", sources.join("customize").display())
        // It is its own initrd.
        .variable("INITRD", "No");
    for name in ["linux", "initrd"] {
        run.option("customize-hook", format!("download {name} {}", made(name).display()));
    }
    set.make(run, packages, Path::new("/dev/null"), |step| steps.tell(step)).await?;

    let store = Store::open(site.layout.store())?;
    Ok(Files::from([
        (place("linux")?, store.insert_file(&made("linux"))?),
        (place("initrd")?, store.insert_file(&made("initrd"))?),
        (place("authorized_keys")?, store.insert_bytes(keys.as_bytes())?),
    ]))
}

/// The keys of everybody who may use sudo on any machine: who may do anything there may look at a bare one.
fn keys(site: &Site) -> String {
    let users = site.profiles.iter().flat_map(|profile| &profile.users);
    let users = users.filter(|user| user.sudo);
    let keys: BTreeSet<_> = users.flat_map(|user| &user.keys).map(String::as_str).collect();
    keys.into_iter().flat_map(|key| [key, "\n"]).collect()
}
