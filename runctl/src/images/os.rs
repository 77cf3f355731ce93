//! Roots that machines are installed from: one for each profile of method `image`, published as `built/os/<profile>`.

use std::collections::BTreeSet;

use feeds::store::Store;

use super::built::{Files, place};
use super::mmdebstrap::Mmdebstrap;
use super::own_set::{self, OwnSet};
use super::{Made, Steps};
use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::site::{SUMS, Site};

/// The root's file name.
const ROOT: &str = "root.tar.zst";
/// The first part of the names of Debian's kernels.
const KERNEL: &str = "linux-image-";

/// Builds the root of a profile from the site's own set and publishes it.
pub async fn build(site: &Site, profile: &str, steps: &Steps<'_>) -> Outcome<Made> {
    let profile = find(site, profile)?;
    let set = OwnSet::find(site, profile.tree.as_deref().and_then(|it| it.strip_prefix("apt/")))?;
    let sources = site.layout.images().join("os");
    let packages = together(own_set::packages(&sources)?, &profile.packages);
    // There from the first start of regi on; machines believe it.
    let authority = site.layout.secrets().join("ca.pem");
    let believed = fs_err::read(&authority).unwrap_or_default();
    let input = set.input(&packages, &sources, &[set.url(site).as_bytes(), &believed])?;
    let files = if let Some(files) = set.made_before(site, &input)? {
        files
    } else {
        let mut run = Mmdebstrap::new(format!("the root of profile `{}`", profile.name), "apt");
        run.option("customize-hook", sources.join("customize").display())
            .variable("SUITE", &set.suite)
            .variable("REPOSITORY", set.url(site))
            .variable("KEY", set.key())
            .variable("AUTHORITY", authority);
        make(site, &set, run, &packages, steps).await?
    };
    set.publish(site, &format!("os/{}", profile.name), &input, files)
}

async fn make(
    site: &Site,
    set: &OwnSet,
    mut run: Mmdebstrap,
    packages: &BTreeSet<String>,
    steps: &Steps<'_>,
) -> Outcome<Files> {
    let folder = tempfile::tempdir().or_fail(Class::Missing, || "cannot make a root".to_owned())?;
    let root = folder.path().join(ROOT);
    run.variable("ZSTD_CLEVEL", "9").variable("ZSTD_NBTHREADS", "0");
    set.make(run, packages, &root, |step| steps.tell(step)).await?;
    let store = Store::open(site.layout.store())?;
    let object = store.insert_file(&root)?;
    let sums = store.insert_bytes(format!("{}  {ROOT}\n", object.sha256).as_bytes())?;
    Ok(Files::from([(place(ROOT)?, object), (place(SUMS)?, sums)]))
}

fn find<'a>(site: &'a Site, name: &str) -> Outcome<&'a rack::Profile> {
    let known = || {
        let names = site.profiles.iter().filter(|profile| profile.method == "image");
        names.map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let profile = site.profiles.iter().find(|profile| profile.name == name).ok_or_else(|| {
        Failure::say(Class::Usage, format!("there is no profile `{name}`"))
            .hint(format!("profiles of method `image`: {}", known()))
    })?;
    if profile.method != "image" {
        let method = &profile.method;
        return Err(Failure::say(
            Class::Usage,
            format!("profile `{name}` is not installed from an image, but by `{method}`"),
        )
        .hint(format!("profiles of method `image`: {}", known())));
    }
    Ok(profile)
}

/// The packages of every machine and those of the profile, whose own kernel takes the place of the usual one.
fn together(mut every: BTreeSet<String>, own: &[String]) -> BTreeSet<String> {
    if own.iter().any(|package| package.starts_with(KERNEL)) {
        every.retain(|package| !package.starts_with(KERNEL));
    }
    every.extend(own.iter().cloned());
    every
}

#[cfg(test)]
mod tests {

    fn together(own: &[&str]) -> Vec<String> {
        let every = ["linux-image-amd64", "zstd"].map(str::to_owned).into();
        super::together(every, &own.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
            .into_iter()
            .collect()
    }

    #[test]
    fn packages_of_the_profile_come_on_top() {
        assert_eq!(together(&["git", "zstd"]), ["git", "linux-image-amd64", "zstd"]);
    }

    #[test]
    fn a_kernel_of_the_profile_takes_the_place_of_the_usual_one() {
        assert_eq!(together(&["linux-image-cloud-amd64"]), ["linux-image-cloud-amd64", "zstd"]);
    }
}
