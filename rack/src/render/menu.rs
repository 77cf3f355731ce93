//! The menu: what has been fed, by family; for iPXE a tree of pages, for PXELINUX and GRUB one page of the same entries.

use serde::Serialize;

use super::context::{Scene, Who};
use super::script::{Boot, Facts, LOCAL_DISK, loaded};
use super::{Error, Syntax, template};
use crate::Book;
use crate::book::Chosen;

const MAIN: &str = include_str!("templates/menu.ipxe");
const FAMILY: &str = include_str!("templates/family.ipxe");
const CUSTOM: &str = include_str!("templates/custom.ipxe");
const GRUB: &str = include_str!("templates/menu.grub");
const PXELINUX: &str = include_str!("templates/menu.pxelinux");

/// Families in the order of the menu, and what they are called there.
const FAMILIES: [(&str, &str); 5] = [
    ("linux", "Linux"),
    ("bsd", "BSD"),
    ("windows", "Windows"),
    ("hypervisor", "Hypervisors"),
    ("utility", "Utilities"),
];

#[derive(Serialize)]
struct Main<'a> {
    facts: Facts<'a>,
    title: String,
    timeout: u32,
    families: Vec<Family<'a>>,
    profiles: Vec<&'a str>,
    custom: bool,
    local_disk: &'static str,
}

#[derive(Serialize)]
struct Family<'a> {
    name: &'a str,
    title: &'a str,
    architecture: &'a str,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    /// A label of the script.
    label: String,
    /// Below `/menu/boot/`.
    path: String,
    heading: String,
    title: &'a str,
    platform: Option<&'a str>,
}

/// All entries on one page.
#[derive(Serialize)]
struct Flat<'a> {
    facts: Facts<'a>,
    title: String,
    timeout: u32,
    entries: Vec<Boot<'a>>,
}

impl Book {
    /// Renders a page of iPXE's menu by its path below `/menu/`; nothing where there is no such page.
    pub fn menu(&self, page: &str) -> Option<Result<String, Error>> {
        let parts: Vec<_> = page.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            [""] => Some(self.menu_page(Syntax::Ipxe)),
            ["custom"] if !self.menus.is_empty() => Some(self.custom_page()),
            ["custom", name] => {
                let found = self.menus.iter().find(|menu| menu.name == *name)?;
                Some(Ok(found.text.clone()))
            }
            ["boot", distro, version, architecture, method] => {
                let architecture = self.known_architecture(architecture)?;
                let chosen = self.choose(distro, version, architecture, method).ok()?;
                Some(self.by_hand(Syntax::Ipxe, chosen))
            }
            [family, architecture] => {
                let family = FAMILIES.iter().find(|(name, _)| name == family)?;
                let architecture = self.known_architecture(architecture)?;
                Some(self.family_page(*family, architecture))
            }
            _ => None,
        }
    }

    /// The paths of all pages below `/menu/`.
    pub fn menu_pages(&self) -> Vec<String> {
        let mut pages = vec![String::new()];
        for architecture in self.architectures() {
            for (family, _) in FAMILIES {
                pages.push(format!("{family}/{architecture}"));
            }
            let entries = self.choices(architecture);
            pages.extend(entries.map(|chosen| format!("boot/{}", path(&chosen))));
        }
        if !self.menus.is_empty() {
            pages.push("custom".to_owned());
            pages.extend(self.menus.iter().map(|menu| format!("custom/{}", menu.name)));
        }
        pages
    }

    /// Renders the main page; for PXELINUX and GRUB with all entries on it.
    pub(super) fn menu_page(&self, syntax: Syntax) -> Result<String, Error> {
        match syntax {
            Syntax::Ipxe => self.main_page(),
            Syntax::Grub => template::script("menu.grub", GRUB, &self.flat(syntax)?),
            Syntax::Pxelinux => template::script("menu.pxelinux", PXELINUX, &self.flat(syntax)?),
        }
    }

    fn main_page(&self) -> Result<String, Error> {
        let is_fed = |name: &str| {
            self.architectures().any(|a| self.choices(a).any(|it| it.distro.family == name))
        };
        let families = FAMILIES.into_iter().filter(|(name, _)| is_fed(name));
        let main = Main {
            facts: Facts::of(self),
            title: self.title(),
            timeout: self.site.menu_timeout * 1000,
            families: families
                .map(|(name, title)| Family { name, title, architecture: "", entries: Vec::new() })
                .collect(),
            profiles: self
                .profiles
                .iter()
                .filter(|profile| self.lacking(profile).is_none())
                .map(|profile| profile.name.as_str())
                .collect(),
            custom: !self.menus.is_empty(),
            local_disk: LOCAL_DISK,
        };
        template::script("menu.ipxe", MAIN, &main)
    }

    fn family_page(
        &self,
        (name, title): (&'static str, &'static str),
        architecture: &str,
    ) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Page<'a> {
            facts: Facts<'a>,
            title: String,
            family: Family<'a>,
        }
        let entries = self.choices(architecture).filter(|it| it.distro.family == name);
        let family =
            Family { name, title, architecture, entries: entries.map(|it| entry(&it)).collect() };
        let page = Page { facts: Facts::of(self), title: self.title(), family };
        template::script("family.ipxe", FAMILY, &page)
    }

    fn custom_page(&self) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Page<'a> {
            facts: Facts<'a>,
            title: String,
            menus: &'a [crate::Custom],
        }
        let page = Page { facts: Facts::of(self), title: self.title(), menus: &self.menus };
        template::script("custom.ipxe", CUSTOM, &page)
    }

    fn flat(&self, syntax: Syntax) -> Result<Flat<'_>, Error> {
        let mut entries = Vec::new();
        for chosen in self.architectures().flat_map(|architecture| self.choices(architecture)) {
            // Neither can run lines of iPXE.
            if chosen.method.script.is_some() {
                continue;
            }
            let who = Who::Anybody;
            let scene =
                Scene { book: self, who, chosen, profile: None, token: None, secrets: None };
            entries.push(loaded(syntax, &scene, title(&chosen))?);
        }
        let timeout = self.site.menu_timeout;
        Ok(Flat { facts: Facts::of(self), title: self.title(), timeout, entries })
    }

    fn title(&self) -> String {
        let site = &self.site;
        let generation = site.generation.map_or_else(
            || "nothing fed yet".to_owned(),
            |generation| format!("generation {generation}"),
        );
        format!("{} - {} - {generation}", site.name, site.domain)
    }

    fn architectures(&self) -> impl Iterator<Item = &str> {
        let mut all: Vec<_> = self.fed.iter().map(|fed| fed.architecture.as_str()).collect();
        all.push("x86_64");
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.dedup();
        all.into_iter()
    }

    fn known_architecture(&self, name: &str) -> Option<&str> {
        self.architectures().find(|architecture| *architecture == name)
    }

    /// Everything that somebody at a console can boot on an architecture: it is there, and needs no answers.
    fn choices<'a>(&'a self, architecture: &'a str) -> impl Iterator<Item = Chosen<'a>> {
        let all = self.distros.iter().flat_map(move |distro| {
            distro.versions.iter().flat_map(move |version| {
                distro.methods.iter().filter_map(move |method| {
                    let all = (distro, version, method);
                    (!method.answered).then_some(all)
                })
            })
        });
        all.filter_map(move |(distro, version, method)| {
            let chosen =
                self.choose(&distro.name, &version.name, architecture, &method.name).ok()?;
            self.folder(&chosen).is_ok().then_some(chosen)
        })
    }
}

fn entry<'a>(chosen: &Chosen<'a>) -> Entry<'a> {
    let path = path(chosen);
    Entry {
        label: path.replace('/', "-"),
        path,
        heading: format!("{} {}", chosen.distro.title, chosen.version.name),
        title: &chosen.method.title,
        platform: chosen.method.platform.as_deref().map(|name| match name {
            "bios" => "pcbios",
            other => other,
        }),
    }
}

fn path(chosen: &Chosen<'_>) -> String {
    let Chosen { distro, version, architecture, method } = chosen;
    format!("{}/{}/{architecture}/{}", distro.name, version.name, method.name)
}

fn title(chosen: &Chosen<'_>) -> String {
    let Chosen { distro, version, architecture, method } = chosen;
    format!("{} {} ({architecture}): {}", distro.title, version.name, method.title)
}
