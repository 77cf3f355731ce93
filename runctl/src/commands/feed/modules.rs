//! The modules of r10k's control repositories: mirrored like any repository, and found here by whoever asks elsewhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use feeds::git::{self, Divergence, Login, Pin};
use url::Url;

use super::Run;
use crate::failure::{Class, Classify as _, Outcome};
use crate::services::Service;
use crate::site::{GitFeed, Site};

/// Where cgit serves the rewriting of URLs, below its rendered configuration.
const FILE: &str = "gitconfig";

/// The modules that are named by the control repositories as they are here now.
pub(super) fn of(run: &Run<'_>) -> Outcome<Vec<GitFeed>> {
    let mut taken: BTreeSet<String> =
        run.site.gito.repositories.iter().map(|feed| feed.name.clone()).collect();
    let mut feeds = Vec::new();
    for control in &run.site.gito.repositories {
        let Some(prefix) = &control.modules else {
            continue;
        };
        let modules = git::modules(&run.site.layout.repository(&control.name))?;
        for name in modules.unknown {
            let text = format!(
                "{}: the URL of module {name} is computed, it is not mirrored",
                control.name
            );
            run.context.console.note(&text);
        }
        for (url, module) in modules.urls {
            let name = name(prefix, &url, &taken);
            taken.insert(name.clone());
            feeds.push(module_of(control, name, url, &module));
        }
    }
    Ok(feeds)
}

/// The repository's own name below the prefix, with its owner's before it where another has that name.
fn name(prefix: &str, url: &str, taken: &BTreeSet<String>) -> String {
    let bare = url.trim_end_matches('/');
    let bare = bare.strip_suffix(".git").unwrap_or(bare);
    let mut parts = bare.rsplit(['/', ':']);
    let last = parts.next().unwrap_or_default();
    let short = format!("{prefix}/{last}");
    if taken.contains(&short) {
        format!("{prefix}/{}-{last}", parts.next().unwrap_or_default())
    } else {
        short
    }
}

/// A module is mirrored whole, for whoever may read its control repository.
fn module_of(control: &GitFeed, name: String, url: String, module: &str) -> GitFeed {
    let host = |url: &str| Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    // A password is for the host that it was given for.
    let same = host(&url).is_some() && host(&url) == host(&control.url);
    GitFeed {
        name,
        url,
        description: format!("Puppet module {module} of {}", control.name),
        push_mirror: None,
        divergence: Divergence::Overwrite,
        writers: Vec::new(),
        login: if same { control.login.clone() } else { Login::None },
        pin: Pin::Everything,
        verification: None,
        modules: None,
        ..control.clone()
    }
}

/// Writes where git finds the modules on this site, for `/etc/gitconfig` of whoever runs r10k.
pub(super) fn tell_rewrites(site: &Site, modules: &[GitFeed]) -> Outcome<String> {
    let folder = site.layout.rendered(Service::Cgit);
    let written = || format!("cannot write {FILE} for cgit");
    fs_err::create_dir_all(&folder).or_fail(Class::Unexpected, written)?;
    fs_err::write(folder.join(FILE), rewrites(&site.cgit.clone_prefix, modules))
        .or_fail(Class::Unexpected, written)?;
    let cgit = site.hosts.of(Service::Cgit);
    Ok(format!("http://{}.{}/{FILE}", cgit.name, site.domain))
}

fn rewrites(prefix: &str, modules: &[GitFeed]) -> String {
    let mut text = "# Written by runctl: git finds these repositories on this site.\n".to_owned();
    for module in modules {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(
            text,
            "[url \"{prefix}/{}\"]\n\tinsteadOf = {}\n",
            module.name,
            git::masked(&module.url)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_called_as_their_repositories() {
        let taken = BTreeSet::from(["puppet/ntp".to_owned()]);
        assert_eq!(
            name("puppet", "https://h/p/puppetlabs-apache.git", &taken),
            "puppet/puppetlabs-apache"
        );
        assert_eq!(name("puppet", "git@h:ops/ntp.git", &taken), "puppet/ops-ntp");
        assert_eq!(name("puppet", "git@h:apt", &taken), "puppet/apt");
    }
}
