//! One folder of plain files of data.toml, in the words of the feed.

use feeds::events::Watch;
use feeds::files::{Iso, Signed, Source, Sums};
use feeds::patterns::Patterns;
use feeds::plan::Plan;
use feeds::store::Tree;
use feeds::transfer::Transfer;

use super::texts;
use crate::failure::{Class, Classify as _, Outcome};
use crate::site::{FilesFeed, IsoImage, ListedFiles, SignedFile, SumsTrust, Trust};

/// Plans the folder.
pub(super) async fn survey(
    feed: &FilesFeed,
    served: Option<&Tree>,
    transfer: &Transfer,
    watch: &dyn Watch,
) -> Outcome<Plan> {
    let file = |(path, texts, sha256): &(String, Vec<String>, String)| {
        Ok(feeds::files::File {
            path: path.clone(),
            urls: texts::urls(texts)?,
            sha256: texts::digest(path, sha256)?,
        })
    };
    let lists = feed.listed.iter().map(sums).collect::<Outcome<Vec<_>>>()?;
    let source = Source {
        name: feed.name.clone(),
        files: feed.files.iter().map(file).collect::<Outcome<_>>()?,
        signed: feed.signed.iter().map(signed).collect::<Outcome<_>>()?,
        sums: lists.into_iter().flatten().collect(),
        images: feed.images.iter().map(image).collect::<Outcome<_>>()?,
    };
    Ok(feeds::files::survey(&source, served, transfer, watch).await?)
}

fn signed(file: &SignedFile) -> Outcome<Signed> {
    let SignedFile { name, urls, keys, signature } = file;
    let signature = texts::urls(signature.as_slice())?.first().cloned();
    Ok(Signed { path: name.clone(), urls: texts::urls(urls)?, keys: keys.clone(), signature })
}

fn image(image: &IsoImage) -> Outcome<Iso> {
    let IsoImage { path, into, sha256 } = image;
    let what = path.display().to_string();
    let sha256 = sha256.as_deref().map(|digest| texts::digest(&what, digest)).transpose()?;
    Ok(Iso { path: path.clone(), into: into.clone(), sha256 })
}

/// Writes a list out for each version and architecture.
fn sums(listed: &ListedFiles) -> Outcome<Vec<Sums>> {
    let trust = match &listed.trust {
        SumsTrust::Sha256(digest) => {
            feeds::files::SumsTrust::Sha256(texts::digest(&listed.sums, digest)?)
        }
        SumsTrust::Signed(Trust::Keys(keys)) => feeds::files::SumsTrust::Keys(keys.clone()),
        SumsTrust::Signed(Trust::None) => feeds::files::SumsTrust::Unsigned,
    };
    let names = Patterns::new(&listed.names)
        .or_fail(Class::Configuration, || "cannot choose names".to_owned())?;
    let texts = [listed.sums.as_str(), listed.into.as_str()];
    let all = feeds::files::expanded(texts, &listed.versions, &listed.architectures);
    let sums = |[url, into]: [String; 2]| {
        let url = url.parse().or_fail(Class::Configuration, || format!("`{url}` is not a URL"))?;
        Ok(Sums { url, trust: trust.clone(), names: names.clone(), into })
    };
    all.into_iter().map(sums).collect()
}
