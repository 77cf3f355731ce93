//! What a selection of packages needs and cannot have: told all at once, with who wants each.

use std::fmt;

/// Something that no index of a repository has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsatisfied {
    /// The relation, as it is written.
    pub relation: String,
    /// The package that wants it; nobody, if the operator asked for it.
    pub wanted_by: Option<String>,
}

impl fmt::Display for Unsatisfied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted_by {
            Some(package) => write!(f, "`{}`, which {package} needs", self.relation),
            None => write!(f, "`{}`", self.relation),
        }
    }
}
