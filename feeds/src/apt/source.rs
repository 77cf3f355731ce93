//! What an operator asks of an APT upstream.

use std::path::PathBuf;
use std::sync::Arc;

use super::filter::Filter;
use super::select::Wanted;
use crate::Neighbour;
use crate::transfer::{Bases, masked};
use crate::trust::{self, Keyring, SiteKey};
use jiff::SignedDuration;

/// One APT repository as it is to be mirrored.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of its tree below `data/apt/`.
    pub name: String,
    /// Where it is read from; all suites together make one repository.
    pub suites: Vec<Suite>,
    /// For which architectures.
    pub architectures: Vec<String>,
    /// How much of it.
    pub selection: Selection,
    /// Whether the parts of its installer come along: the component `debian-installer` beside each.
    pub udebs: bool,
    /// What becomes of packages that the upstream lists and does not have.
    pub missing: Missing,
    /// Whether indexes that have outlived their `Valid-Until` are refused.
    pub check_valid_until: bool,
    /// Whether a state is taken that is older than what is served.
    pub accept_older: bool,
    /// What comes along beside packages.
    pub extras: Extras,
}

/// One suite of an upstream, such as `bookworm-security`.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The repository's root on several mirrors, best first.
    pub urls: Bases,
    /// Its name below `dists/`; one that ends with a slash is a folder with the index in it, below the root.
    pub name: String,
    /// Its components, such as `main`.
    pub components: Vec<String>,
    /// Who may sign it.
    pub trust: Trust,
}

/// Who may sign an upstream's indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The certificates in these files.
    Files(Vec<PathBuf>),
    /// A certificate written down in APT's own configuration.
    Inline(String),
    /// Anybody: the operator wrote that down.
    Unsigned,
}

/// How much of a repository is mirrored.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All of it, with the upstream's own signed indexes.
    Whole,
    /// Some of its packages, in new indexes that the site signs.
    Subset(Subset),
}

/// Which packages are taken, and how they are told.
#[derive(Clone, Debug)]
pub struct Subset {
    /// Packages by name, with all that they need; all that pass, if there are none.
    pub packages: Option<Wanted>,
    /// What passes at all.
    pub filter: Filter,
    /// Other repositories of the machines: what they have need not be taken.
    pub neighbours: Arc<[Neighbour]>,
    /// How the new indexes are signed.
    pub signing: Signing,
}

/// How the site signs indexes of its own.
#[derive(Clone, Debug)]
pub struct Signing {
    /// With which key.
    pub site_key: Arc<SiteKey>,
    /// For how long they hold, counted from their date; for ever, if that is not told.
    pub valid_for: Option<SignedDuration>,
}

/// What comes along beside packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Descriptions in these languages, such as `en`.
    pub languages: Vec<String>,
    /// The lists of which file is in which package.
    pub contents: bool,
    /// The sources that the packages were built from.
    pub sources: bool,
}

/// What becomes of packages that an upstream lists and does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// They are fetched like all others, which fails and names them.
    #[default]
    Fail,
    /// They are left out of the index that the site makes: the operator wrote that down.
    Skip,
}

impl Suite {
    /// Tells whether it is a folder without components and architectures.
    pub(super) fn is_flat(&self) -> bool {
        self.name.ends_with('/')
    }

    /// Tells where it comes from: its first mirror and its name.
    pub(super) fn told(&self) -> String {
        format!("{} {}", self.urls.first().map(masked).unwrap_or_default(), self.name)
    }

    /// Its components; a folder without any counts as one.
    pub(super) fn told_components(&self) -> impl Iterator<Item = &str> {
        let (flat, told) =
            if self.is_flat() { (Some("main"), &[][..]) } else { (None, &self.components[..]) };
        flat.into_iter().chain(told.iter().map(String::as_str))
    }

    /// Its folder below the repository's root, with a slash at its end; empty, if it is the root.
    pub(super) fn folder(&self) -> String {
        if !self.is_flat() {
            return format!("dists/{}/", self.name);
        }
        let name = self.name.trim_start_matches("./").trim_matches('/');
        if name.is_empty() || name == "." { String::new() } else { format!("{name}/") }
    }
}

impl Trust {
    /// Opens the keyring; none, if nobody has to sign.
    pub(super) fn keyring(&self) -> Result<Option<Keyring>, trust::Error> {
        match self {
            Self::Files(paths) => Keyring::load(paths).map(Some),
            Self::Inline(text) => Keyring::parse("Signed-By", text.as_bytes()).map(Some),
            Self::Unsigned => Ok(None),
        }
    }
}
