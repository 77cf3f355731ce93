//! The modules of r10k's control repositories and of Puppetfiles: mirrored like any repository, and found here by whoever asks
//! elsewhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use feeds::git::{self, By, Divergence, Login, Modules, Pin};
use url::Url;

use super::Run;
use crate::failure::{Class, Classify as _, Outcome};
use crate::service::Service;
use crate::site::{GitFeed, Puppetfile, Site};

/// Where cgit serves the rewriting of URLs, below its rendered configuration.
const FILE: &str = "gitconfig";

/// Who names modules, and what those have from there.
struct Namer {
    /// What it is called.
    told: String,
    /// Below which name the modules are mirrored.
    below: String,
    modules: Modules,
    pattern: GitFeed,
}

/// The modules that are named by the control repositories as they are here now, and by Puppetfiles that stand alone.
pub(super) fn of(run: &Run<'_>) -> Outcome<Vec<GitFeed>> {
    let gito = &run.site.gito;
    let mut taken: BTreeSet<String> =
        gito.repositories.iter().map(|feed| feed.name.clone()).collect();
    let mut feeds = Vec::new();
    let controls = gito.repositories.iter().filter_map(|feed| control(run.site, feed));
    for namer in controls.chain(gito.puppetfiles.iter().map(alone)) {
        let namer = namer?;
        for name in &namer.modules.unknown {
            let text =
                format!("{}: the URL of module {name} is computed, it is not mirrored", namer.told);
            run.context.console.note(&text);
        }
        for (url, module) in &namer.modules.urls {
            // Two may name the same module: it is mirrored once.
            if feeds.iter().any(|known: &GitFeed| known.url == *url) {
                continue;
            }
            let name = name(&namer.below, url, &taken);
            taken.insert(name.clone());
            feeds.push(module_of(&namer, name, url, module));
        }
    }
    Ok(feeds)
}

/// A control repository; its modules are for whoever may read it.
fn control(site: &Site, control: &GitFeed) -> Option<Outcome<Namer>> {
    let below = control.modules.clone()?;
    let modules = match git::modules(&site.layout.repository(&control.name)) {
        Ok(modules) => modules,
        Err(error) => return Some(Err(error.into())),
    };
    let pattern = GitFeed {
        push_mirror: None,
        divergence: Divergence::Overwrite,
        writers: Vec::new(),
        pin: Pin::Everything,
        verification: None,
        modules: None,
        ..control.clone()
    };
    Some(Ok(Namer { told: control.name.clone(), below, modules, pattern }))
}

/// A Puppetfile that stands alone.
fn alone(puppetfile: &Puppetfile) -> Outcome<Namer> {
    let told = puppetfile.path.display().to_string();
    let text = fs_err::read_to_string(&puppetfile.path)
        .or_fail(Class::Configuration, || format!("cannot read {told}"))?;
    let pattern = GitFeed {
        name: String::new(),
        url: String::new(),
        owner: String::new(),
        description: String::new(),
        category: String::new(),
        push_mirror: None,
        divergence: Divergence::Overwrite,
        readers: puppetfile.readers.clone(),
        writers: Vec::new(),
        login: Login::None,
        by: By::Whatever,
        pin: Pin::Everything,
        verification: None,
        modules: None,
    };
    Ok(Namer { told, below: puppetfile.modules.clone(), modules: git::modules_in(&text), pattern })
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

/// A module is mirrored whole.
fn module_of(namer: &Namer, name: String, url: &str, module: &str) -> GitFeed {
    let host = |url: &str| Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    // A password is for the host that it was given for.
    let same = host(url).is_some() && host(url) == host(&namer.pattern.url);
    GitFeed {
        name,
        url: url.to_owned(),
        description: format!("Puppet module {module} of {}", namer.told),
        login: if same { namer.pattern.login.clone() } else { Login::None },
        ..namer.pattern.clone()
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
