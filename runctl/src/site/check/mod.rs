//! What values must be to each other: inside the subnet, not twice, and naming only what there is.
//!
//! A value that was not read well is passed over: its own mistake has been noted already.

mod boots;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::Ipv4Addr;

use super::files::file_of;
use super::kinds::nearest;
use super::model::{Dhcp, ImageFeed, KernelSource, Site};
use super::reader::Reading;

const SITE: &str = "site.toml";
const BOOT: &str = "boot.toml";
const DATA: &str = "data.toml";
const REGI: &str = "regi.toml";
const MACHINES: &str = "machines.toml";
const PROFILES: &str = "profiles.toml";
const DISTROS: &str = "the folder distros/";

/// Where a value stands: its file and dotted key.
type Key = (&'static str, String);

/// Compares all values of a site with each other.
pub(super) fn check(reading: &Reading<'_>, site: &Site) {
    let check = Check { reading, site };
    check.addresses();
    check.pool();
    check.names();
    check.feeds();
    check.machines();
    check.kernels();
    check.profiles();
    check.menus();
}

struct Check<'c> {
    reading: &'c Reading<'c>,
    site: &'c Site,
}

impl Check<'_> {
    /// Everything with a fixed address: inside the subnet, and each address once.
    fn addresses(&self) {
        let fixed = self.fixed();
        for (address, key) in &fixed {
            self.inside(*address, key);
        }
        self.unique("address", fixed);
        if let Some(router) = self.site.router {
            self.inside(router, &(SITE, "network.router".to_owned()));
        }
        if self.site.subnet6.is_some() && self.site.boot.dhcp == Dhcp::Proxy {
            let place = self.reading.whereabouts(BOOT, "dhcp");
            let help = format!("{place} leaves addresses to another server");
            self.reading.object(
                SITE,
                "network.subnet6",
                "a proxy lends no IPv6 addresses",
                Some(help),
            );
        }
    }

    fn fixed(&self) -> Vec<(Ipv4Addr, Key)> {
        let host = (self.site.host, (SITE, "network.host".to_owned()));
        let services = self.site.hosts.0.iter();
        let services =
            services.map(|host| (host.address, (file_of(host.service), "address".to_owned())));
        let machines = self.site.machines.iter().enumerate();
        let machines = machines.filter_map(|(i, machine)| {
            Some((machine.address?, (MACHINES, format!("machine[{i}].address"))))
        });
        std::iter::once(host).chain(services).chain(machines).collect()
    }

    fn inside(&self, address: Ipv4Addr, (file, key): &Key) {
        let subnet = self.site.subnet;
        if self.reading.span_of(SITE, "network.subnet").is_none() {
            return;
        }
        let message = if !subnet.contains(&address) {
            format!("{address} is outside the subnet {subnet}")
        } else if address == subnet.network() || address == subnet.broadcast() {
            format!("{address} is the network or broadcast address of {subnet}")
        } else {
            return;
        };
        let help =
            format!("the subnet comes from {}", self.reading.whereabouts(SITE, "network.subnet"));
        self.reading.object(file, key, message, Some(help));
    }

    /// The range for unknown machines: inside the subnet, in order, and clear of all fixed addresses.
    fn pool(&self) {
        let Some(pool) = &self.site.boot.pool else {
            return;
        };
        let (first, last) = ((BOOT, "pool.first".to_owned()), (BOOT, "pool.last".to_owned()));
        self.inside(pool.first, &first);
        self.inside(pool.last, &last);
        if !self.is_read(&first) || !self.is_read(&last) {
            return;
        }
        if pool.first > pool.last {
            self.reading.object(BOOT, "pool.last", "the pool ends before it begins", None);
        }
        for (address, key) in self.fixed() {
            if (pool.first..=pool.last).contains(&address) && self.is_read(&key) {
                let place = self.reading.whereabouts(key.0, &key.1);
                let message = format!("the pool holds {address}, which is taken by {place}");
                self.reading.object(BOOT, "pool.first", message, None);
            }
        }
        if let Some(profile) = &pool.profile {
            self.named(
                "profile",
                profile,
                &self.profile_names(),
                PROFILES,
                &(BOOT, "pool.profile".to_owned()),
            );
        }
    }

    /// Host names and MACs of services and machines: each once.
    fn names(&self) {
        let site = self.site;
        let services = site.hosts.0.iter();
        let mut names = services
            .map(|host| (host.name.as_str(), (file_of(host.service), "hostname".to_owned())))
            .collect::<Vec<_>>();
        let machines = site.machines.iter().enumerate();
        names.extend(
            machines.map(|(i, machine)| {
                (machine.name.as_str(), (MACHINES, format!("machine[{i}].name")))
            }),
        );
        self.unique("host name", names);

        let services = site.hosts.0.iter();
        let mut macs = services
            .map(|host| (rack::Mac(host.mac), (file_of(host.service), "mac".to_owned())))
            .collect::<Vec<_>>();
        for (i, machine) in site.machines.iter().enumerate() {
            let keys = (0..).map(|j| (MACHINES, format!("machine[{i}].macs[{j}]")));
            macs.extend(machine.macs.iter().copied().zip(keys));
        }
        self.unique("MAC", macs);
    }

    /// Names of what is fed: each once per kind; and a kernel in a .deb names an APT repository that there is.
    fn feeds(&self) {
        let site = self.site;
        self.unique(
            "kernel",
            listed(BOOT, "kernel", site.boot.kernels.iter().map(|feed| &feed.name)),
        );
        self.unique(
            "APT repository",
            listed(DATA, "apt", site.data.apt.iter().map(|feed| &feed.name)),
        );
        self.unique(
            "YUM repository",
            listed(DATA, "yum", site.data.yum.iter().map(|feed| &feed.name)),
        );
        self.unique(
            "folder of files",
            listed(DATA, "files", site.data.files.iter().map(|feed| &feed.name)),
        );
        self.unique(
            "repository",
            listed("gito.toml", "git", site.gito.repositories.iter().map(|feed| &feed.name)),
        );
        self.unique("image", listed(REGI, "image", site.regi.images.iter().map(|feed| &feed.name)));
        let through = || site.regi.pull_through.iter().map(|through| &through.name);
        self.unique("upstream", listed(REGI, "pull_through", through()));
        for (name, (file, key)) in listed(REGI, "pull_through", through()) {
            let hides = |image: &&ImageFeed| image.name.split('/').next() == Some(name);
            if let Some(image) =
                site.regi.images.iter().filter(|it| it.name.contains('/')).find(hides)
            {
                let message = format!("`{name}` would hide the image `{}`", image.name);
                self.reading.object(file, &key, message, None);
            }
        }
        self.unique(
            "profile",
            listed(PROFILES, "profile", site.profiles.iter().map(|profile| &profile.name)),
        );
        let apt: Vec<_> =
            site.data.apt.iter().map(|feed| (feed.name.as_str(), &feed.leans_on)).collect();
        self.leaning("apt", &apt);
        let yum: Vec<_> =
            site.data.yum.iter().map(|feed| (feed.name.as_str(), &feed.leans_on)).collect();
        self.leaning("yum", &yum);
        for (i, kernel) in site.boot.kernels.iter().enumerate() {
            if let KernelSource::Deb { apt, .. } = &kernel.source {
                let known = site.data.apt.iter().map(|feed| feed.name.as_str()).collect::<Vec<_>>();
                self.named(
                    "APT repository",
                    apt,
                    &known,
                    DATA,
                    &(BOOT, format!("kernel[{i}].deb.apt")),
                );
            }
        }
    }

    /// A repository leans on those above it, so that none waits for itself.
    fn leaning(&self, kind: &str, feeds: &[(&str, &Vec<String>)]) {
        let names: Vec<_> = feeds.iter().map(|(name, _)| *name).collect();
        for (i, (_, leans_on)) in feeds.iter().enumerate() {
            for (j, name) in leans_on.iter().enumerate() {
                let key = (DATA, format!("{kind}[{i}].leans_on[{j}]"));
                let what = format!("{} repository above this one called", kind.to_uppercase());
                self.named(&what, name, &names[..i], DATA, &key);
            }
        }
    }

    fn machines(&self) {
        for (i, machine) in self.site.machines.iter().enumerate() {
            if let Some(profile) = &machine.profile {
                let key = (MACHINES, format!("machine[{i}].profile"));
                self.named("profile", profile, &self.profile_names(), PROFILES, &key);
            }
        }
    }

    fn profile_names(&self) -> Vec<&str> {
        self.site.profiles.iter().map(|profile| profile.name.as_str()).collect()
    }

    /// A name must be one of those that another file has.
    fn named(&self, what: &str, name: &str, known: &[&str], file: &str, (own, key): &Key) {
        if known.contains(&name) || self.reading.is_broken(file) {
            return;
        }
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("{file} has none"),
            None => format!("{file} has: {}", known.join(", ")),
        };
        self.reading.object(own, key, format!("there is no {what} `{name}`"), Some(help));
    }

    /// No value twice; the one that the operator wrote is told, not a default.
    fn unique<T: Eq + Hash + std::fmt::Display>(&self, what: &str, values: Vec<(T, Key)>) {
        let mut first: HashMap<T, Key> = HashMap::new();
        let written = |key: &Key| matches!(self.reading.span_of(key.0, &key.1), Some(Some(_)));
        let (mut values, written): (Vec<_>, Vec<_>) = values
            .into_iter()
            .filter(|(_, key)| self.is_read(key))
            .partition(|(_, key)| !written(key));
        values.extend(written);
        for (value, key) in values {
            if let Some(other) = first.get(&value) {
                let place = self.reading.whereabouts(other.0, &other.1);
                let message = format!("{what} `{value}` is taken by {place}");
                self.reading.object(key.0, &key.1, message, None);
            } else {
                first.insert(value, key);
            }
        }
    }

    fn is_read(&self, (file, key): &Key) -> bool {
        self.reading.span_of(file, key).is_some()
    }
}

/// The names of a list of tables, each with its place.
fn listed<'n>(
    file: &'static str,
    table: &str,
    names: impl Iterator<Item = &'n String>,
) -> Vec<(&'n String, Key)> {
    names.enumerate().map(|(i, name)| (name, (file, format!("{table}[{i}].name")))).collect()
}
