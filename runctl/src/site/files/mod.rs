//! The TOML files: which there are, in which order they are read, and what several of them have in common.

mod boot;
mod cgit;
mod data;
mod distros;
mod gito;
mod loaders;
mod machines;
mod menus;
mod ntpd;
mod profiles;
mod rack;
mod regi;
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::kinds::{self, Read, address, host_name, inner_path, mac, sha256, url, wrong};
use super::model::{Host, Hosts, Site};
use super::reader::Reading;
use super::table::Table;
use super::{Layout, Set};
use crate::service::Service;

/// The files that every site has, in the order in which they are read; distros have one each beside them.
const FILES: [&str; 10] = [
    site::FILE,
    boot::FILE,
    data::FILE,
    gito::FILE,
    cgit::FILE,
    regi::FILE,
    ntpd::FILE,
    rack::FILE,
    machines::FILE,
    profiles::FILE,
];

/// The file that describes a service.
pub(super) const fn file_of(service: Service) -> &'static str {
    match service {
        Service::Boot => boot::FILE,
        Service::Data => data::FILE,
        Service::Gito => gito::FILE,
        Service::Cgit => cgit::FILE,
        Service::Regi => regi::FILE,
        Service::Ntpd => ntpd::FILE,
        Service::Rack => rack::FILE,
    }
}

/// The texts of the files that are there, and why others cannot be read.
pub(super) fn sources(
    folder: &Path,
) -> (BTreeMap<&'static str, String>, Vec<(&'static str, String)>) {
    let mut texts = BTreeMap::new();
    let mut unreadable = Vec::new();
    for file in FILES.into_iter().chain(distro_files(folder)) {
        match fs_err::read_to_string(folder.join(file)) {
            Ok(text) => {
                texts.insert(file, text);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                unreadable.push((file, "this is not UTF-8 text".to_owned()));
            }
            Err(error) => unreadable.push((file, error.to_string())),
        }
    }
    (texts, unreadable)
}

/// The distros' files, sorted by name.
fn distro_files(folder: &Path) -> BTreeSet<&'static str> {
    let entries = fs_err::read_dir(folder.join(distros::FOLDER)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| is_toml(name) && !name.starts_with('.'))
        .map(|name| kept(format!("{}/{name}", distros::FOLDER)))
        .collect()
}

fn is_toml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "toml")
}

/// A file's name for as long as the program runs: there are few, and every value remembers its file.
fn kept(name: String) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = names.get(name.as_str()) {
        return known;
    }
    let name = name.leak();
    names.insert(name);
    name
}

/// Reads all files into a site; it may be used only if nothing was noted.
pub(super) fn read(reading: &Reading<'_>, layout: &Layout) -> Site {
    let open = |file| Table::open(reading, file);
    let base = site::read(open(site::FILE));
    let layout = match &base.state {
        Some(state) => layout.clone().with_state(state),
        None => layout.clone(),
    };
    let folder = layout.configuration();
    let (boot_host, boot) = boot::read(open(boot::FILE), &base, &folder);
    let (data_host, data) = data::read(open(data::FILE), &base, &folder);
    let (gito_host, gito) = gito::read(open(gito::FILE), &base, &folder);
    let (cgit_host, cgit) = cgit::read(open(cgit::FILE), &base, &gito_host.name);
    let (regi_host, regi) = regi::read(open(regi::FILE), &base, &folder);
    let (ntpd_host, ntpd) = ntpd::read(open(ntpd::FILE), &base);
    let (rack_host, rack) = rack::read(open(rack::FILE), &base);
    let distros = read_distros(reading, &folder);
    let (profiles, secrets) = profiles::read(open(profiles::FILE), &folder, &distros);
    let repository = rack.menus.as_ref().map(|name| layout.repository(name));
    Site {
        set: Set::look(&layout),
        layout,
        name: base.name,
        domain: base.domain,
        bridge: base.bridge,
        subnet: base.subnet,
        subnet6: base.subnet6,
        host: base.host,
        router: base.router,
        dns_upstreams: base.dns_upstreams,
        oui: base.oui,
        image: base.image,
        hosts: Hosts(vec![
            boot_host, data_host, gito_host, cgit_host, regi_host, ntpd_host, rack_host,
        ]),
        boot,
        data,
        gito,
        cgit,
        regi,
        ntpd,
        rack,
        machines: machines::read(open(machines::FILE)),
        profiles,
        secrets,
        distros,
        menus: menus::read(&folder, repository.as_deref()),
        baseline: baseline(&folder),
    }
}

fn read_distros(reading: &Reading<'_>, folder: &Path) -> Vec<::rack::Distro> {
    let prefix = format!("{}/", distros::FOLDER);
    let stem = |file: &'static str| file.strip_prefix(&prefix)?.strip_suffix(".toml");
    let files = reading.files().filter_map(|file| Some((file, stem(file)?)));
    files.map(|(file, stem)| distros::read(Table::open(reading, file), stem, folder)).collect()
}

/// The script that makes every installed system safe; a site without it installs none.
fn baseline(folder: &Path) -> Option<::rack::Template> {
    let source = "answers/baseline.sh";
    let text = fs_err::read_to_string(folder.join(source)).ok()?;
    Some(::rack::Template { name: "baseline.sh".to_owned(), source: source.to_owned(), text })
}

/// Reads a service's place on the bridge: by default the next hosts of the subnet after the docker host.
fn host(service: Service, table: &mut Table<'_>, base: &site::Base) -> Host {
    let name = table.or("hostname", format!("{service}01"), host_name);
    let position = Service::ALL.iter().position(|other| *other == service).unwrap_or_default();
    let offset = u32::try_from(position + 2).unwrap_or_default();
    let usual = Ipv4Addr::from(u32::from(base.subnet.network()).saturating_add(offset));
    let address = table.or("address", usual.to_string(), address);
    let ::rack::Mac(mac) = table.or("mac", mac_of(base.oui, &name).to_string(), mac);
    Host { service, name, address, mac }
}

/// A MAC that stays the same as long as the host's name does.
fn mac_of([a, b, c]: [u8; 3], name: &str) -> ::rack::Mac {
    let hash = Sha256::digest(name.as_bytes());
    ::rack::Mac([a, b, c, hash[0], hash[1], hash[2]])
}

/// The path of a file that must be there; a relative one starts at the configuration.
fn existing(folder: &Path) -> impl Fn(&Value) -> Read<PathBuf> {
    move |value| {
        let path = folder.join(kinds::path(value)?);
        if path.is_file() {
            Ok(path)
        } else {
            wrong(format!("there is no file `{}`", path.display()))
        }
    }
}

/// Reads `[[file]]` tables: a name in the folder, URLs, and the sha256 that proves what they deliver.
fn plain_files(table: &mut Table<'_>) -> Vec<(String, Vec<String>, String)> {
    table.tables("file").into_iter().map(plain_file).collect()
}

/// Reads a file that is proved by its sha256.
fn plain_file(mut file: Table<'_>) -> (String, Vec<String>, String) {
    let name = file.required("name", inner_path);
    let urls = some(&mut file, "urls", url);
    let sha256 = file.required("sha256", sha256);
    file.finish();
    (name, urls, sha256)
}

/// Reads a list that must be there and not be empty.
fn some<T>(table: &mut Table<'_>, key: &'static str, kind: impl Fn(&Value) -> Read<T>) -> Vec<T> {
    if !table.has(key) {
        table.know(&[key]);
        table.lacks(format!("missing key `{key}`"), None);
        return Vec::new();
    }
    if table.has_empty_list(key) {
        table.object(key, format!("`{key}` must name at least one"), None);
    }
    table.list(key, &[], kind)
}
