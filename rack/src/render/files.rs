//! The files of one install: answers, the baseline and hooks.

use std::collections::BTreeMap;

use serde::Serialize;

use super::context::{Scene, Who};
use super::{Error, Place, script, template};
use crate::{Asking, Book, Distro, Template, Version};

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

/// Where a distro's boot files are in its own tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The list of checksums, where the distribution publishes one.
    pub sums: Option<String>,
    /// Name in our folder, path in the tree.
    pub files: BTreeMap<String, String>,
}

impl Distro {
    /// Says where the boot files of one of its versions are, below the distribution's own mirror.
    pub fn places(&self, version: &Version, architecture: &str) -> Result<Places, Error> {
        #[derive(Serialize)]
        struct Variables<'a> {
            version: BTreeMap<&'a str, &'a str>,
            architecture: &'a str,
        }
        let keys = version.keys.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let variables = Variables {
            version: keys.chain([("name", version.name.as_str())]).collect(),
            architecture: self.architectures.get(architecture).map_or(architecture, String::as_str),
        };
        let render =
            |text: &String| template::render(Place::Tree(self.name.clone()), text, &variables);
        let files = self.tree.files.iter();
        Ok(Places {
            sums: self.tree.sums.as_ref().map(render).transpose()?,
            files: files
                .map(|(name, path)| Ok((name.clone(), render(path)?)))
                .collect::<Result<_, Error>>()?,
        })
    }
}

fn content_type(file: &Template) -> &'static str {
    match file.name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json" | "ign") => "application/json",
        Some("xml") => "application/xml",
        _ => "text/plain; charset=utf-8",
    }
}
