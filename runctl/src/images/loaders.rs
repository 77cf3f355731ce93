//! `built/loaders`: loaders for machines that boot by HTTP, and media for those that cannot boot from the network at all.
//!
//! An image of their own is built on that of boot, and its files are published; so the tools that make media stay off this
//! host, and the same input makes nothing anew.

use std::net::Ipv4Addr;
use std::path::Path;

use feeds::events::Watch;
use feeds::store::{RelPath, Store};

use super::archive::Reader;
use super::built::{self, Files};
use super::{BaseImage, Builder, Made, Options, context};
use crate::engine::Docker;
use crate::failure::{Class, Classify as _, Outcome};
use crate::service::Service;
use crate::services::grub;
use crate::site::Site;

/// The tree, and the folder of its sources in `images/`.
const NAME: &str = "loaders";

/// Builds the loaders of a site and publishes them.
pub async fn build(
    docker: &Docker,
    site: &Site,
    options: Options,
    watch: &dyn Watch,
) -> Outcome<Made> {
    super::build(docker, site, &[Service::Boot], options, watch).await?;
    let builder = Builder { docker, site, options, watch };
    let base = builder.named_base(&super::reference(site, Service::Boot.name())).await?;
    let reference = builder.loaders(&base).await?;
    let tried = || "cannot read the loaders that were built".to_owned();
    let archive = tempfile::NamedTempFile::new().or_fail(Class::Missing, tried)?;
    docker.save(&reference, archive.path()).await?;
    let store = Store::open(site.layout.store())?;
    let files = insert(&store, archive.path())?;
    built::publish(&store, NAME, "the image of boot, and your own loaders".to_owned(), files)
}

impl Builder<'_> {
    /// Builds the image of which only the files are wanted; tells its name.
    async fn loaders(&self, base: &BaseImage) -> Outcome<String> {
        let rendered = rendered(self.site).into_iter();
        let mut more: Vec<_> =
            rendered.map(|(name, text)| (format!("site/{name}"), text.into_bytes())).collect();
        for own in &self.site.boot.loaders.own {
            let tried = || format!("cannot read your own loader {}", own.path.display());
            let bytes = fs_err::read(&own.path).or_fail(Class::Missing, tried)?;
            more.push((format!("own/{}", own.name), bytes));
        }
        let folder = self.site.layout.images().join(NAME);
        let context = context::read_with(&folder, &[], &more)?;
        let input = context.input(&base.image.id);
        let request = self.request(super::reference(self.site, NAME), context, base, &input);
        let make = async |id| self.docker.build(&request, |line| self.tell_step(id, line)).await;
        self.unless_there(&request.reference, &input, make).await?;
        Ok(request.reference)
    }
}

/// What the loaders and the media are told about this site.
fn rendered(site: &Site) -> [(&'static str, String); 3] {
    let rack = site.hosts.of(Service::Rack).address;
    [("grub.cfg", grub(rack)), ("medium.cfg", medium(rack)), ("boot.ipxe", script(rack))]
}

/// What GRUB does when it was started from a medium: it must ask for an address itself, on whichever card has one.
fn medium(rack: Ipv4Addr) -> String {
    let macs: Vec<_> = (0..4).map(|card| format!("$net_efinet{card}_dhcp_mac")).collect();
    format!(
        "# iPXE has drivers of its own, but nobody has signed it.\n\
         if [ \"$lockdown\" != y -a \"$grub_cpu\" = x86_64 ]; then\n    \
             chainloader /ipxe.efi\n    \
             boot\n\
         fi\n\
         for try in 1 2 3 4 5; do\n    \
             net_bootp\n    \
             for mac in {}; do\n        \
                 echo \"asking rack about $mac\"\n        \
                 configfile (http,{rack})/grub/$mac\n    \
             done\n    \
             sleep 5\n\
         done\n\
         exit\n",
        macs.join(" ")
    )
}

/// What iPXE does when it was started from a medium by BIOS: whoever gives it an address, rack says what it boots.
fn script(rack: Ipv4Addr) -> String {
    format!(
        "#!ipxe\n\
         :again\n\
         dhcp || goto wait\n\
         chain http://{rack}/boot.ipxe && exit || goto wait\n\
         :wait\n\
         echo no answer of rack at {rack}, trying again\n\
         sleep 5\n\
         goto again\n"
    )
}

/// Takes the files out of an image's layers into the store.
fn insert(store: &Store, archive: &Path) -> Outcome<Files> {
    let tried = || "cannot read the loaders that were built".to_owned();
    let mut reader = Reader::open(archive).or_fail(Class::Engine, tried)?;
    let manifest = reader.json("manifest.json").or_fail(Class::Engine, tried)?;
    let mut files = Files::new();
    for layer in manifest[0]["Layers"].as_array().into_iter().flatten() {
        let name = layer.as_str().unwrap_or_default();
        let (layer, _) = reader.member(name).or_fail(Class::Engine, tried)?;
        let mut tar = tar::Archive::new(layer);
        for entry in tar.entries().or_fail(Class::Engine, tried)? {
            let mut entry = entry.or_fail(Class::Engine, tried)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path().or_fail(Class::Engine, tried)?.to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).or_fail(Class::Engine, tried)?;
            let path = RelPath::new(path).or_fail(Class::Engine, tried)?;
            files.insert(path, store.insert_bytes(&bytes)?);
        }
    }
    Ok(files)
}
