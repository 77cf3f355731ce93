//! A whole mirror: all packages, and the upstream's own indexes, which stay as the upstream signed them.
//!
//! Of each index one compression is kept, the one that clients ask for first: the `Release` file proves each on its own.

use super::deb822::paragraphs;
use super::error::Error;
use super::file::File;
use super::indexes::{Located, Survey, put, put_wanted};
use super::package::Package;
use super::sources::SourcePackage;
use super::upstream::{Fetched, Verified};
use crate::plan::Plan;
use crate::store::Object;

/// Plans everything that the indexes name, and the indexes.
pub(super) async fn plan(
    plan: &mut Plan,
    survey: &Survey<'_>,
    located: Vec<Located>,
) -> Result<(), Error> {
    let same = |a: &Object, b: &Object| a == b;
    for one in &survey.verified {
        for (path, object) in &one.proof {
            put(&mut plan.have, path.clone(), *object, same)?;
        }
    }
    for one in located {
        let from = &survey.verified[one.suite];
        let (origin, suite, index) =
            (survey.origin(&one), from.suite.name.clone(), one.fetched.clone());
        let files = files(survey, &one.fetched, move |paragraph| {
            let read = paragraphs(paragraph).next().map(|one| Package::read(one, origin));
            let package = read.transpose().map_err(|source| Error::Index {
                suite: suite.clone(),
                index: index.places[0].to_string(),
                source,
            })?;
            let file = package.map(|package| {
                package.file().map_err(|source| Error::Path { name: package.to_string(), source })
            });
            Ok(file.transpose()?.into_iter().collect())
        });
        keep(plan, from, &one.fetched, files.await?)?;
        beside(plan, survey, from, &one)?;
    }
    if survey.source.extras.sources {
        for from in &survey.verified {
            for component in from.suite.told_components() {
                sources(plan, survey, from, component).await?;
            }
        }
    }
    Ok(())
}

/// Reads the files that an index lists, paragraph by paragraph, away from whoever serves connections.
async fn files(
    survey: &Survey<'_>,
    index: &Fetched,
    mut listed: impl FnMut(&str) -> Result<Vec<File>, Error> + Send + 'static,
) -> Result<Vec<File>, Error> {
    let (store, index) = (survey.transfer.store().clone(), index.clone());
    super::blocking(move || {
        let mut files = Vec::new();
        index.each(&store, |paragraph| {
            files.extend(listed(paragraph)?);
            Ok(())
        })?;
        Ok(files)
    })
    .await
}

/// Plans an index and the files that it lists.
fn keep(
    plan: &mut Plan,
    from: &Verified<'_>,
    index: &Fetched,
    files: Vec<File>,
) -> Result<(), Error> {
    for file in files {
        let want = file.want(&from.bases);
        put_wanted(plan, file.path, want)?;
    }
    for place in &index.places {
        put(&mut plan.have, place.clone(), index.object, |a, b| a == b)?;
    }
    Ok(())
}

/// Plans what clients look for beside an index, if the upstream lists it.
fn beside(
    plan: &mut Plan,
    survey: &Survey<'_>,
    from: &Verified<'_>,
    one: &Located,
) -> Result<(), Error> {
    let Located { folder, architecture, .. } = one;
    let component = folder.trim_end_matches('/').rsplit_once('/').map_or("", |(above, _)| above);
    let component = if component.is_empty() { String::new() } else { format!("{component}/") };
    let extras = &survey.source.extras;
    let translations =
        extras.languages.iter().map(|one| format!("{component}i18n/Translation-{one}"));
    let mut wanted: Vec<String> = translations.collect();
    if !folder.is_empty() {
        wanted.push(format!("{folder}Release"));
    }
    if extras.contents {
        // Old suites have one list for all components.
        let lists = [architecture.as_str(), "all"].into_iter();
        let lists =
            lists.flat_map(|one| [format!("{component}Contents-{one}"), format!("Contents-{one}")]);
        wanted.extend(lists);
    }
    for plain in wanted {
        if let Some((places, want)) = from.index(&plain)? {
            for place in places {
                put_wanted(plan, place, want.clone())?;
            }
        }
    }
    Ok(())
}

/// Plans the sources of a component, if the upstream has any.
async fn sources(
    plan: &mut Plan,
    survey: &Survey<'_>,
    from: &Verified<'_>,
    component: &str,
) -> Result<(), Error> {
    let folder = if from.suite.is_flat() { String::new() } else { format!("{component}/source/") };
    if !from.has(&format!("{folder}Sources")) {
        return Ok(());
    }
    let index = from.fetch(&format!("{folder}Sources"), survey.transfer, survey.watch).await?;
    let suite = from.suite.name.clone();
    let listed =
        files(survey, &index, move |paragraph| SourcePackage::read(paragraph, &suite)?.files());
    keep(plan, from, &index, listed.await?)?;
    if let Some((places, want)) = from.index(&format!("{folder}Release"))? {
        for place in places {
            put_wanted(plan, place, want.clone())?;
        }
    }
    Ok(())
}
