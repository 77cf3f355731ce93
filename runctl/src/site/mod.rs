//! The site as the operator described it: read with places, checked in one run, total from here on.
//!
//! [`reader`] gathers mistakes and values, [`table`] takes values out of tables, [`kinds`] says what a value may be,
//! [`files`] has one reader per TOML, [`check`] compares values with each other, [`network`] with the host; [`set`] looks
//! at what has been fed, and [`book`] writes all of it for rack; [`findings`] and [`render`] tell.

mod book;
mod check;
pub mod edit;
mod files;
mod findings;
mod kinds;
mod layout;
mod loaders;
mod model;
pub mod network;
mod reader;
pub mod render;
mod set;
mod table;

use std::collections::BTreeMap;

pub use book::LIVE;
pub use findings::{Finding, Findings};
pub use layout::Layout;
pub use loaders::*;
pub use model::*;
pub use reader::Effective;
pub use set::{Folder, SUMS, Set};

use reader::Reading;

/// A site, and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Described {
    /// The site.
    pub site: Site,
    /// Its values in the order of the files.
    pub values: Vec<Effective>,
    /// How many files there were.
    pub files: usize,
}

impl Site {
    /// Reads and checks the configuration below a layout's root; absent files are all defaults.
    pub fn load(layout: &Layout) -> Result<Self, Findings> {
        Self::describe(layout).map(|described| described.site)
    }

    /// Reads and checks as [`Site::load`] does, with another text in place of one file's.
    pub fn load_with(layout: &Layout, file: &'static str, text: &str) -> Result<Self, Findings> {
        Self::read(layout, Some((file, text))).map(|described| described.site)
    }

    /// Reads and checks as [`Site::load`] does, and tells where each value came from.
    pub fn describe(layout: &Layout) -> Result<Described, Findings> {
        Self::read(layout, None)
    }

    fn read(layout: &Layout, instead: Option<(&'static str, &str)>) -> Result<Described, Findings> {
        let folder = layout.configuration();
        let (mut sources, unreadable) = files::sources(&folder);
        sources.extend(instead.map(|(file, text)| (file, text.to_owned())));
        let reading = Reading::parse(&sources);
        for (file, message) in unreadable {
            reading.note(file, None, message, None);
        }
        let site = files::read(&reading, layout);
        check::check(&reading, &site);
        let (list, values) = reading.finish();
        if list.is_empty() {
            return Ok(Described { site, values, files: sources.len() });
        }
        let sources: BTreeMap<_, _> =
            sources.into_iter().map(|(file, text)| (file.to_owned(), text)).collect();
        Err(Findings { folder, list, sources })
    }
}
