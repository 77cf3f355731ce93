//! The files of one install: answers, the baseline and hooks.

use std::collections::BTreeMap;

use super::context::{Scene, Who};
use super::{Error, Place, script, template};
use crate::{Asking, Book, Template};

/// A rendered file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// What stands in it.
    pub text: String,
    /// How HTTP names its format.
    pub content_type: &'static str,
    /// Whether a secret stands in it: it is served once.
    pub secret: bool,
}

impl Book {
    /// Renders a file of an install by its name; nothing where the install has no such file.
    pub fn install_file(
        &self,
        asking: &Asking,
        profile: &str,
        token: &str,
        name: &str,
        secrets: Option<&BTreeMap<String, String>>,
    ) -> Result<Option<Served>, Error> {
        let profile = self.profile(profile)?;
        let machine = self.machine_of(asking.mac);
        let who = machine.map_or(Who::Stranger(asking), |machine| Who::Known(machine, asking.mac));
        let chosen = self.chosen(profile)?;
        let token = Some(token);
        let scene = Scene { book: self, who, chosen, profile: Some(profile), token, secrets };
        let answers = scene.answers().into_iter().flat_map(|answers| &answers.files);
        let mut files = answers.chain(&profile.hooks).chain(&self.baseline);
        let Some(file) = files.find(|file| file.name == name) else {
            return Ok(None);
        };
        let text = template::render(
            Place::File(file.source.clone()),
            &file.text,
            &script::context(&scene)?,
        )?;
        let named = profile.users.iter().filter_map(|user| user.password.as_ref());
        let values = named.filter_map(|name| secrets?.get(name));
        let secret = values.into_iter().any(|value| text.contains(value.as_str()));
        Ok(Some(Served { text, content_type: content_type(file), secret }))
    }

    /// The names of the files that an install of this profile may ask for.
    pub fn install_files(&self, profile: &str) -> Result<Vec<&str>, Error> {
        let profile = self.profile(profile)?;
        let chosen = self.chosen(profile)?;
        let own = profile.answers.as_ref().or(chosen.method.answers.as_ref());
        let answers = own.or(chosen.distro.answers.as_ref());
        let answers = answers.into_iter().flat_map(|answers| &answers.files);
        let files = answers.chain(&profile.hooks).chain(&self.baseline);
        Ok(files.map(|file| file.name.as_str()).collect())
    }
}

fn content_type(file: &Template) -> &'static str {
    match file.name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json" | "ign") => "application/json",
        Some("xml") => "application/xml",
        _ => "text/plain; charset=utf-8",
    }
}
