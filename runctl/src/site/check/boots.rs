//! What machines boot: profiles, folders of boot files and menus name distros, versions, trees and labels that there are.

use rack::{Lacking, Place};

use super::{BOOT, Check, DATA, DISTROS, Key, PROFILES};

impl Check<'_> {
    /// Folders of boot files: of a distro, a version and an architecture that there are.
    pub(super) fn kernels(&self) {
        let distros = self.distro_names();
        for (i, kernel) in self.site.boot.kernels.iter().enumerate() {
            let Some(boots) = &kernel.boots else {
                continue;
            };
            let key = |key: &str| (BOOT, format!("kernel[{i}].{key}"));
            self.named("distro", &boots.distro, &distros, DISTROS, &key("distro"));
            if let Some(distro) = self.distro(&boots.distro) {
                self.version(distro, &boots.version, &key("version"));
                self.architecture(distro, &boots.architecture, &key("architecture"));
            }
        }
    }

    /// Profiles: of a distro that is in the set to be, by a method that it has.
    pub(super) fn profiles(&self) {
        let book = self.site.book_to_be();
        for (i, profile) in self.site.profiles.iter().enumerate() {
            let key = |key: &str| (PROFILES, format!("profile[{i}].{key}"));
            self.named("distro", &profile.distro, &self.distro_names(), DISTROS, &key("distro"));
            if let Some(distro) = self.distro(&profile.distro) {
                self.version(distro, &profile.version, &key("version"));
                self.architecture(distro, &profile.architecture, &key("architecture"));
                let methods: Vec<_> = distro.methods.iter().map(|it| it.name.as_str()).collect();
                let file = format!("distros/{}.toml", distro.name);
                self.named("method", &profile.method, &methods, &file, &key("method"));
            }
            self.in_the_set(&book, profile, i);
            self.tree(profile, &key("tree"));
        }
    }

    fn in_the_set(&self, book: &rack::Book, profile: &rack::Profile, i: usize) {
        let message = match book.lacking(profile) {
            None => return self.renders(book, profile, i),
            Some(lacking @ (Lacking::Fed { .. } | Lacking::File { .. })) => lacking.to_string(),
            // Told already, each at its own key.
            Some(_) => return,
        };
        let help = "add a `[[kernel]]` with this distro, version and architecture to boot.toml";
        let keys =
            ["distro", "method", "inherits", "name"].map(|key| format!("profile[{i}].{key}"));
        let written = |key: &&String| matches!(self.reading.span_of(PROFILES, key), Some(Some(_)));
        if let Some(key) = keys.iter().find(written) {
            self.reading.object(PROFILES, key, message, Some(help.to_owned()));
        }
    }

    /// Each file of each machine renders, secrets apart.
    fn renders(&self, book: &rack::Book, profile: &rack::Profile, i: usize) {
        let mut machines: Vec<_> = self.site.machines.iter().collect();
        machines.retain(|machine| machine.profile.as_ref() == Some(&profile.name));
        let stranger = rack::Mac([0x02, 0, 0, 0, 0, 1]);
        let known = machines.iter().filter_map(|machine| machine.macs.first().copied());
        let everybody = known.chain(std::iter::once(stranger));
        let mut told = std::collections::BTreeSet::new();
        for mac in everybody {
            let Err(error) = rendered(book, profile, mac) else {
                continue;
            };
            if told.insert(error.to_string()) {
                self.blame(&error, i);
            }
        }
    }

    /// Notes a mistake of a template where the template stands; what has no place of its own, at the profile.
    fn blame(&self, error: &rack::Error, i: usize) {
        let message = error.to_string();
        let place = match error {
            rack::Error::Template { place, .. } => Some(place),
            _ => None,
        };
        let key: Option<(&str, String)> = match place {
            Some(Place::File(source)) => return self.reading.whole(source, message),
            Some(Place::Method { distro, method, key }) => {
                Some((distro.as_str(), format!("method.{method}.{key}")))
            }
            Some(Place::Network { distro, key }) => {
                Some((distro.as_str(), format!("network.{key}")))
            }
            Some(Place::Profile(_) | Place::Tree(_)) | None => None,
        };
        let of_distro = key.and_then(|(distro, key)| {
            let name = format!("distros/{distro}.toml");
            let file = self.reading.files().find(|file| *file == name)?;
            Some((file, key))
        });
        let own = [format!("profile[{i}].arguments"), format!("profile[{i}].name")];
        let written = |key: &&String| matches!(self.reading.span_of(PROFILES, key), Some(Some(_)));
        let (file, key) = match (of_distro, own.iter().find(written)) {
            (Some(place), _) => place,
            (None, Some(key)) => (PROFILES, key.clone()),
            (None, None) => return,
        };
        self.reading.object(file, &key, message, None);
    }

    /// A tree of a profile is one that is mirrored.
    fn tree(&self, profile: &rack::Profile, key: &Key) {
        let Some(tree) = &profile.tree else {
            return;
        };
        let data = &self.site.data;
        let apt = data.apt.iter().map(|feed| format!("apt/{}", feed.name));
        let yum = data.yum.iter().map(|feed| format!("yum/{}", feed.name));
        let files = data.files.iter().map(|feed| format!("files/{}", feed.name));
        let known: Vec<_> = apt.chain(yum).chain(files).collect();
        let inside = |known: &&String| {
            tree.strip_prefix(known.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if known.iter().find(inside).is_none() {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            self.named("mirrored tree", tree, &known, DATA, key);
        }
    }

    /// Menus: each page of what will be in the set renders and leads somewhere; in the operator's own, every label is there.
    pub(super) fn menus(&self) {
        for mistake in self.site.book_to_be().mistakes() {
            let page: Vec<_> = mistake.script.split('/').collect();
            if let ["menu", "boot", distro, ..] = page.as_slice() {
                let told =
                    format!("{}, line {}: {}", mistake.script, mistake.line, mistake.problem);
                self.reading.whole(&format!("distros/{distro}.toml"), told);
            }
        }
        for menu in &self.site.menus {
            for mistake in rack::check::labels(&menu.name, &menu.text) {
                let file = format!("menus/{}.ipxe", menu.name);
                self.reading.whole(&file, format!("line {}: {}", mistake.line, mistake.problem));
            }
        }
    }

    fn distro(&self, name: &str) -> Option<&rack::Distro> {
        self.site.distros.iter().find(|distro| distro.name == name)
    }

    fn distro_names(&self) -> Vec<&str> {
        self.site.distros.iter().map(|distro| distro.name.as_str()).collect()
    }

    fn version(&self, distro: &rack::Distro, name: &str, key: &Key) {
        let known: Vec<_> = distro.versions.iter().map(|it| it.name.as_str()).collect();
        self.named("version", name, &known, &format!("distros/{}.toml", distro.name), key);
    }

    fn architecture(&self, distro: &rack::Distro, name: &str, key: &Key) {
        let known: Vec<_> = distro.architectures.keys().map(String::as_str).collect();
        self.named("architecture", name, &known, &format!("distros/{}.toml", distro.name), key);
    }
}

/// Renders everything that a machine of this profile reads.
fn rendered(book: &rack::Book, profile: &rack::Profile, mac: rack::Mac) -> Result<(), rack::Error> {
    let asking =
        rack::Asking { mac, address: None, architecture: None, platform: None, becomes: None };
    let token = "token".to_owned();
    let decision = rack::Decision::Install { profile: profile.name.clone(), token: token.clone() };
    book.script(rack::Syntax::Ipxe, &asking, &decision)?;
    if !book.is_answered(profile) {
        return Ok(());
    }
    for file in book.install_files(&profile.name)? {
        book.install_file(&asking, &profile.name, &token, file, None)?;
    }
    Ok(())
}
