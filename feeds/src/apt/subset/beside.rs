//! What goes along with packages that were taken: their translated descriptions and their sources, cut to fit.

use std::collections::BTreeMap;

use super::super::deb822::paragraphs;
use super::super::error::Error;
use super::super::indexes::put_wanted;
use super::super::sources::SourcePackage;
use super::Making;
use crate::events::Event;
use crate::plan::Plan;
use crate::store::Object;
use crate::transfer::{below, masked};

impl Making<'_> {
    /// Cuts translated descriptions to what was taken.
    pub(super) async fn translations(&mut self) -> Result<(), Error> {
        for language in &self.survey.source.extras.languages {
            let mut cut: Vec<BTreeMap<(String, String), String>> =
                vec![BTreeMap::new(); self.components.0.len()];
            for (plain, suite, place) in
                self.beside(|component| format!("{component}/i18n/Translation-{language}"))
            {
                let descriptions = &self.taken.descriptions;
                self.read.push(
                    self.each(&plain, suite, |text| {
                        let Some(paragraph) = paragraphs(text).next() else { return Ok(()) };
                        let get = |field| paragraph.get(field).unwrap_or_default();
                        let (name, digest) = (get("Package"), get("Description-md5"));
                        if descriptions.get(name).is_some_and(|known| known.contains(digest)) {
                            let key = (name.to_owned(), digest.to_owned());
                            cut[place].entry(key).or_insert_with(|| paragraph.text().to_owned());
                        }
                        Ok(())
                    })
                    .await?,
                );
            }
            for (component, cut) in self.components.0.iter().zip(&cut) {
                if !cut.is_empty() {
                    let cut: Vec<_> = cut.values().map(String::as_str).collect();
                    self.reindex
                        .translation(component, language, &cut)
                        .map_err(|failure| Error::making(&self.survey.source.name, failure))?;
                }
            }
        }
        Ok(())
    }

    /// Takes the sources of what was taken, and warns of those that no suite has.
    pub(super) async fn sources(&mut self, plan: &mut Plan) -> Result<(), Error> {
        let mut cut: Vec<BTreeMap<(String, String), String>> =
            vec![BTreeMap::new(); self.components.0.len()];
        let mut left = std::mem::take(&mut self.taken.sources);
        let mut files = Vec::new();
        for (plain, suite, _) in self.beside(|component| format!("{component}/source/Sources")) {
            let name = self.survey.verified[suite].suite.name.clone();
            self.read.push(
                self.each(&plain, suite, |text| {
                    let source = SourcePackage::read(text, &name)?;
                    let key = (source.name.to_owned(), source.version.to_owned());
                    if let Some(place) = left.remove(&key) {
                        files.extend(source.files()?.into_iter().map(|file| (suite, file)));
                        cut[place].insert(key, source.text().to_owned());
                    }
                    Ok(())
                })
                .await?,
            );
        }
        for (suite, file) in files {
            let want = file.want(&self.survey.verified[suite].bases);
            put_wanted(plan, file.path, want)?;
        }
        for (component, cut) in self.components.0.iter().zip(&cut) {
            let cut: Vec<_> = cut.values().map(String::as_str).collect();
            self.reindex
                .sources(component, &cut)
                .map_err(|failure| Error::making(&self.survey.source.name, failure))?;
        }
        if !left.is_empty() {
            let named: Vec<_> =
                left.keys().map(|(name, version)| format!("{name} {version}")).collect();
            let text = format!(
                "`{}` goes without sources that its upstream does not list ({}): {}",
                self.survey.source.name,
                named.len(),
                named.join(", ")
            );
            self.survey.watch.event(Event::Warning { text });
        }
        Ok(())
    }

    /// Finds indexes of each suite and component, where the upstream has them, with the place of our component.
    fn beside(&self, plain: impl Fn(&str) -> String) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        for (suite, one) in self.survey.verified.iter().enumerate() {
            for component in one.suite.told_components() {
                let plain = plain(component);
                let plain = match plain.rsplit_once('/') {
                    Some((_, name)) if one.suite.is_flat() => name.to_owned(),
                    _ => plain,
                };
                if one.has(&plain) {
                    found.push((plain, suite, self.components.place(component)));
                }
            }
        }
        found
    }

    /// Fetches an index and shows its paragraphs; returns what is to be kept for the next survey.
    async fn each(
        &self,
        plain: &str,
        suite: usize,
        visit: impl FnMut(&str) -> Result<(), Error>,
    ) -> Result<(String, Object), Error> {
        let from = &self.survey.verified[suite];
        let fetched = from.fetch(plain, self.survey.transfer, self.survey.watch).await?;
        fetched.each(self.survey.transfer.store(), visit)?;
        let base = from.suite.urls.first();
        let place = &fetched.places[0];
        let address = base.map_or(place.to_string(), |base| masked(&below(base, place)));
        Ok((address, fetched.object))
    }
}
