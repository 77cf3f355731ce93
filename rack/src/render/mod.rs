//! What machines read: boot scripts in the language of each loader, menus, and the files of an install.
//!
//! [`script`] turns a decision into a script, [`menu`] draws the tree of what can be booted, [`files`] renders answers,
//! baseline and hooks; [`context`] says what their templates may name, [`template`] how they are rendered.

mod context;
mod files;
mod menu;
mod script;
mod template;

pub use context::MASKED;
pub use files::{Places, Served};
pub use script::Syntax;

use crate::Lacking;

/// Why a file for the machines could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What it needs is not there.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// A template is wrong, or names what is not there.
    #[error("{place}, line {line}: {problem}")]
    Template {
        /// Which template, and whose.
        place: Place,
        /// The line of the template, from 1.
        line: usize,
        /// What is wrong with it, the variable's name included.
        problem: String,
    },
    /// A secret is named that nobody gave.
    #[error("there is no secret `{name}`")]
    Secret {
        /// The secret's name.
        name: String,
    },
    /// A template of our own is wrong.
    #[error("cannot render boot script `{name}`")]
    Script {
        /// The script's name.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        source: minijinja::Error,
    },
}

/// Where a template stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a distro's method: `arguments` or `script`.
    Method {
        /// The distro.
        distro: String,
        /// The method.
        method: String,
        /// Which of its keys.
        key: &'static str,
    },
    /// In a distro's network: `static` or `dhcp`.
    Network {
        /// The distro.
        distro: String,
        /// Which of its keys.
        key: &'static str,
    },
    /// In a distro's tree.
    Tree(String),
    /// A profile's arguments.
    Profile(String),
    /// A file below `/etc/booddies`.
    File(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Method { distro, method, key } => {
                write!(f, "distro `{distro}`: {key} of method `{method}`")
            }
            Self::Network { distro, key } => write!(f, "distro `{distro}`: network.{key}"),
            Self::Tree(distro) => write!(f, "distro `{distro}`: tree"),
            Self::Profile(name) => write!(f, "profile `{name}`: arguments"),
            Self::File(source) => f.write_str(source),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
