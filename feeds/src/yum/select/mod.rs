//! Which packages of a repository are kept: filters, and a package list with all that installing it takes.

mod closure;
mod pattern;
mod rich;
mod streams;
#[cfg(test)]
mod tests;
mod universe;
mod version;
mod words;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::BufRead;
use std::ops::Range;

use self::closure::Closure;
use self::pattern::{fit, is_pattern};
use self::streams::Streams;
use self::universe::{Needs, Owner, Package, Universe, find_files, read_package};
use self::words::Words;
use super::fragments::Fragments;
use super::xml::Unreadable;
use crate::Unsatisfied;
use crate::patterns::{NotPattern, Patterns};

/// What is kept of a repository. All together empty, everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// So many versions of each package, the newest; none keeps all.
    pub newest: Option<usize>,
    /// What fits one of these patterns.
    pub include: Vec<String>,
    /// Not what fits one of these.
    pub exclude: Vec<String>,
    /// These packages, with all that installing them takes.
    pub packages: Vec<String>,
    /// Whether what those packages are better with comes along, as far as it can be had.
    pub recommends: bool,
    /// Module streams, as `module:stream`, that are enabled in place of the defaults.
    pub modules: Vec<String>,
    /// Whether what cannot be had is told and done without: another repository has it.
    pub incomplete: bool,
}

impl Filter {
    /// Tells whether everything is kept.
    pub fn is_whole(&self) -> bool {
        self.newest.is_none()
            && self.include.is_empty()
            && self.exclude.is_empty()
            && self.packages.is_empty()
            && self.modules.is_empty()
    }
}

/// Why no packages could be selected.
#[derive(Debug)]
pub(super) enum Failure<E> {
    /// Metadata could not be opened.
    Open(E),
    /// A metadata file makes no sense.
    Read(&'static str, Unreadable),
    /// A pattern makes no sense.
    Pattern(NotPattern),
    /// What is asked for is not there.
    Unsatisfied(BTreeSet<Unsatisfied>),
}

/// What is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected {
    /// Places among the packages of `primary.xml`.
    pub(super) ordinals: HashSet<usize>,
    /// What identifies them in all other metadata.
    pub(super) pkgids: HashSet<Box<str>>,
    /// Their names.
    pub(super) names: HashSet<String>,
    /// Each as `name-epoch:version-release.arch`.
    pub(super) nevras: HashSet<String>,
    /// What could not be had, where that was allowed.
    pub(super) unsatisfied: BTreeSet<Unsatisfied>,
}

/// Opens the metadata of a type, decompressed; nothing if the repository has none.
pub(super) trait Metadata {
    /// Why it does not open.
    type Error;
    /// Opens it.
    fn open(&self, kind: &'static str) -> Result<Option<Box<dyn BufRead + '_>>, Self::Error>;
}

/// What was taken, by place, and what could not be.
type Closed = (Vec<usize>, BTreeSet<Unsatisfied>);

/// What a selection is made by.
struct Rules<'f> {
    filter: &'f Filter,
    architectures: &'f [String],
    include: Patterns,
    exclude: Patterns,
    streams: Streams,
}

/// A repository whose packages are asked for files: its metadata, and where its packages stand in the universe.
struct Shelf<'m, M> {
    metadata: &'m M,
    places: Range<usize>,
}

/// Selects packages of some architectures (none means all, `noarch` always goes along).
///
/// What one of `neighbours` has need not be taken: the machines have that repository too.
pub(super) fn select<M: Metadata>(
    filter: &Filter,
    architectures: &[String],
    metadata: &M,
    neighbours: &[M],
) -> Result<Selected, Failure<M::Error>> {
    let streams = read_streams(filter, metadata)?;
    let unknown = streams.unknown(&filter.modules);
    if !unknown.is_empty() {
        let told = |one: &&str| Unsatisfied { relation: format!("module({one})"), wanted_by: None };
        return Err(Failure::Unsatisfied(unknown.iter().map(told).collect()));
    }
    let rules = Rules {
        filter,
        architectures,
        include: Patterns::new(&filter.include).map_err(Failure::Pattern)?,
        exclude: Patterns::new(&filter.exclude).map_err(Failure::Pattern)?,
        streams,
    };
    let mut words = Words::new();
    let mut packages = rules.read(metadata, &mut words)?;
    if let Some(newest) = filter.newest {
        keep_newest(&mut packages, newest, &words);
    }
    if filter.packages.is_empty() {
        if !rules.include.is_empty() {
            packages.retain(|package| rules.includes(package, &words));
        }
        return Ok(selected(packages.iter(), &words, BTreeSet::new()));
    }
    let mut shelves = vec![Shelf { metadata, places: 0..packages.len() }];
    for neighbour in neighbours {
        let begins = packages.len();
        packages.extend(read_beside(&rules, neighbour, &mut words)?);
        shelves.push(Shelf { metadata: neighbour, places: begins..packages.len() });
    }
    let mut universe = Universe::new(words, packages);
    let (taken, unsatisfied) = rules.close(&mut universe, &shelves)?;
    if !unsatisfied.is_empty() && !filter.incomplete {
        return Err(Failure::Unsatisfied(unsatisfied));
    }
    let taken = taken.into_iter().map(|place| &universe.packages[place]);
    Ok(selected(taken, &universe.words, unsatisfied))
}

/// Reads the packages of another repository of the same machines.
fn read_beside<M: Metadata>(
    rules: &Rules<'_>,
    neighbour: &M,
    words: &mut Words,
) -> Result<Vec<Package>, Failure<M::Error>> {
    let (include, exclude) = (Patterns::default(), Patterns::default());
    let streams = read_streams(rules.filter, neighbour)?;
    let rules = Rules { include, exclude, streams, ..*rules };
    let mut packages = rules.read(neighbour, words)?;
    for package in &mut packages {
        package.beside = true;
        // They are there, whatever they ask for.
        package.needs = Needs {
            provides: std::mem::take(&mut package.needs.provides),
            obsoletes: std::mem::take(&mut package.needs.obsoletes),
            ..Needs::default()
        };
    }
    Ok(packages)
}

fn read_streams<M: Metadata>(filter: &Filter, metadata: &M) -> Result<Streams, Failure<M::Error>> {
    let Some(mut input) = metadata.open("modules").map_err(Failure::Open)? else {
        return Ok(Streams::default());
    };
    let mut text = String::new();
    let read = input.read_to_string(&mut text);
    read.map_err(|source| {
        let source = Box::new(quick_xml::Error::from(source));
        Failure::Read("modules", Unreadable::Xml { at: 0, source })
    })?;
    Ok(Streams::read(&text, &filter.modules))
}

impl Rules<'_> {
    /// Reads the packages that may be chosen.
    fn read<M: Metadata>(
        &self,
        metadata: &M,
        words: &mut Words,
    ) -> Result<Vec<Package>, Failure<M::Error>> {
        let Some(input) = metadata.open("primary").map_err(Failure::Open)? else {
            return Ok(Vec::new());
        };
        let wrong = |error| Failure::Read("primary", error);
        let mut fragments = Fragments::open(input).map_err(wrong)?;
        let (mut packages, mut ordinal) = (Vec::new(), 0);
        let closing = !self.filter.packages.is_empty();
        // Where neither streams nor packages are named, a machine may enable whatever it likes.
        let choosing_streams = closing || !self.filter.modules.is_empty();
        while let Some(tag) = fragments.next().map_err(wrong)? {
            if tag.name != "package" {
                continue;
            }
            let text = fragments.text().map_err(wrong)?;
            let mut package = read_package(text, words, closing).map_err(wrong)?;
            package.ordinal = ordinal;
            ordinal += 1;
            let nevra = nevra(&package, words);
            package.stream = self.streams.of(&nevra);
            if self.admits(&package, words) && (!choosing_streams || self.streams.shows(&nevra)) {
                package.needs.shrink();
                packages.push(package);
            }
        }
        Ok(packages)
    }

    fn admits(&self, package: &Package, words: &Words) -> bool {
        let [name, evr, architecture] = texts(package, words);
        let wanted = self.architectures.is_empty()
            || architecture == "noarch"
            || self.architectures.iter().any(|one| one == architecture);
        // What is built from is nothing that an installation takes.
        let source = matches!(architecture, "src" | "nosrc") && !self.filter.packages.is_empty();
        wanted && !source && !fit(&self.exclude, name, evr, architecture)
    }

    fn includes(&self, package: &Package, words: &Words) -> bool {
        let [name, evr, architecture] = texts(package, words);
        fit(&self.include, name, evr, architecture)
    }

    /// The first architecture that is named goes before the second, and all 64 bits before 32.
    fn rank(&self, architecture: &str) -> usize {
        let named = self.architectures.iter().position(|one| one == architecture);
        match architecture {
            "noarch" => 0,
            "i386" | "i486" | "i586" | "i686" | "athlon" | "s390" | "ppc" | "armv7hl" => {
                named.map_or(200, |place| place + 1)
            }
            _ => named.map_or(100, |place| place + 1),
        }
    }

    /// Closes the package list; who has which files is learned only as far as somebody asks for one.
    fn close<M: Metadata>(
        &self,
        universe: &mut Universe,
        shelves: &[Shelf<'_, M>],
    ) -> Result<Closed, Failure<M::Error>> {
        let mut paths = universe.wanted_paths();
        paths.extend(self.filter.packages.iter().filter(|one| one.starts_with('/')).cloned());
        if !paths.is_empty() {
            for shelf in shelves {
                let by_ordinal: HashMap<_, _> =
                    shelf.places.clone().map(|at| (universe.packages[at].ordinal, at)).collect();
                find_in("primary", shelf.metadata, universe, &paths, |owner| match owner {
                    Owner::Ordinal(ordinal) => by_ordinal.get(&ordinal).copied(),
                    Owner::Pkgid(_) => None,
                })?;
            }
            paths.retain(|path| !universe.knows_file(path));
        }
        let closed = self.close_once(universe)?;
        let is_file = |one: &Unsatisfied| one.relation.contains('/');
        if paths.is_empty() || !closed.1.iter().any(is_file) {
            return Ok(closed);
        }
        for shelf in shelves {
            let by_pkgid: HashMap<Box<str>, _> =
                shelf.places.clone().map(|at| (universe.packages[at].pkgid.clone(), at)).collect();
            find_in("filelists", shelf.metadata, universe, &paths, |owner| match owner {
                Owner::Pkgid(pkgid) => by_pkgid.get(pkgid).copied(),
                Owner::Ordinal(_) => None,
            })?;
        }
        self.close_once(universe)
    }

    fn close_once<E>(&self, universe: &Universe) -> Result<Closed, Failure<E>> {
        let rank = |architecture: &str| self.rank(architecture);
        let mut closure = Closure::new(universe, &rank);
        for asked in &self.filter.packages {
            want(&mut closure, universe, asked)?;
        }
        if !self.include.is_empty() {
            for (place, package) in universe.packages.iter().enumerate() {
                if !package.beside && self.includes(package, &universe.words) {
                    closure.take(place);
                }
            }
        }
        closure.close(self.filter.recommends);
        Ok(closure.finish())
    }
}

/// Takes what one line of the package list asks for.
fn want<E>(closure: &mut Closure<'_>, universe: &Universe, asked: &str) -> Result<(), Failure<E>> {
    // A name, a file or a capability may look like a pattern; what is there by that name goes first.
    if !universe.named(asked).is_empty() || asked.starts_with(['/', '(']) {
        closure.want(asked);
        return Ok(());
    }
    let pattern = Patterns::new(&[asked.to_owned()]).map_err(Failure::Pattern)?;
    let mut newest: HashMap<_, usize> = HashMap::new();
    for (place, package) in universe.packages.iter().enumerate() {
        let [name, evr, architecture] = texts(package, &universe.words);
        if !package.beside && fit(&pattern, name, evr, architecture) {
            let best = newest.entry((name, architecture)).or_insert(place);
            let [_, best_evr, _] = texts(&universe.packages[*best], &universe.words);
            if version::compare(evr, best_evr).is_gt() {
                *best = place;
            }
        }
    }
    let mut places: Vec<_> = newest.into_values().collect();
    places.sort_unstable();
    if places.is_empty() {
        closure.want(asked);
    } else if is_pattern(asked) {
        for place in places {
            closure.take(place);
        }
    } else if let Some(place) = places.first() {
        closure.take(*place);
    }
    Ok(())
}

fn find_in<M: Metadata>(
    kind: &'static str,
    metadata: &M,
    universe: &mut Universe,
    paths: &HashSet<String>,
    place: impl Fn(Owner<'_>) -> Option<usize>,
) -> Result<(), Failure<M::Error>> {
    if let Some(input) = metadata.open(kind).map_err(Failure::Open)? {
        let found = find_files(input, paths, place);
        universe.learn_files(found.map_err(|error| Failure::Read(kind, error))?);
    }
    Ok(())
}

/// Keeps the newest versions of each package, counted by architecture and module stream.
fn keep_newest(packages: &mut Vec<Package>, newest: usize, words: &Words) {
    let mut versions: HashMap<_, Vec<&str>> = HashMap::new();
    for package in packages.iter() {
        let key = (package.name, package.architecture, package.stream);
        versions.entry(key).or_default().push(words.text(package.evr));
    }
    for all in versions.values_mut() {
        all.sort_by(|one, other| version::compare(other, one));
        all.dedup();
        all.truncate(newest);
    }
    packages.retain(|package| {
        let key = (package.name, package.architecture, package.stream);
        versions.get(&key).is_some_and(|all| all.contains(&words.text(package.evr)))
    });
}

fn texts<'w>(package: &Package, words: &'w Words) -> [&'w str; 3] {
    [package.name, package.evr, package.architecture].map(|word| words.text(word))
}

/// Names a package as module metadata does: the epoch is always there.
fn nevra(package: &Package, words: &Words) -> String {
    let [name, evr, architecture] = texts(package, words);
    let epoch = if evr.contains(':') { "" } else { "0:" };
    format!("{name}-{epoch}{evr}.{architecture}")
}

fn selected<'p>(
    packages: impl Iterator<Item = &'p Package>,
    words: &Words,
    unsatisfied: BTreeSet<Unsatisfied>,
) -> Selected {
    let mut all = Selected { unsatisfied, ..Selected::default() };
    for package in packages {
        // The same package listed twice is one, or the counts in the new metadata would not agree.
        if all.pkgids.insert(package.pkgid.clone()) {
            all.ordinals.insert(package.ordinal);
            all.names.insert(words.text(package.name).to_owned());
            all.nevras.insert(nevra(package, words));
        }
    }
    all
}
