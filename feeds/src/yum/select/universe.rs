//! The packages of a repository that may be chosen, and what each provides and asks for.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::rich::{Plain, Relation};
use super::version::{self, Range, Sense};
use super::words::{Word, Words};
use crate::yum::fragments::Fragments;
use crate::yum::xml::{Unreadable, attributes, resolve};

/// A capability in a range of versions, as a package provides it or asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capability {
    pub(super) name: Word,
    pub(super) evr: Word,
    pub(super) sense: Sense,
}

/// A package.
#[derive(Clone, Debug, Default)]
pub(super) struct Package {
    /// Its place among all packages of `primary.xml`, those that are not wanted included.
    pub(super) ordinal: usize,
    pub(super) name: Word,
    pub(super) architecture: Word,
    pub(super) evr: Word,
    pub(super) pkgid: Box<str>,
    /// The module stream that it belongs to, if any: packages of different streams are not versions of each other.
    pub(super) stream: Option<usize>,
    /// Another repository of the machines has it: it may be needed, and is never taken.
    pub(super) beside: bool,
    pub(super) needs: Needs,
}

/// What a package provides and asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    pub(super) provides: Vec<Capability>,
    pub(super) requires: Vec<Capability>,
    pub(super) conflicts: Vec<Capability>,
    pub(super) recommends: Vec<Capability>,
    pub(super) supplements: Vec<Capability>,
    pub(super) obsoletes: Vec<Capability>,
}

impl Needs {
    /// Gives back what memory was set aside.
    pub(super) fn shrink(&mut self) {
        self.provides.shrink_to_fit();
        self.requires.shrink_to_fit();
        self.conflicts.shrink_to_fit();
        self.recommends.shrink_to_fit();
        self.supplements.shrink_to_fit();
        self.obsoletes.shrink_to_fit();
    }
}

/// All packages that may be chosen.
pub(super) struct Universe {
    pub(super) words: Words,
    pub(super) packages: Vec<Package>,
    /// Those that may be taken, by name.
    named: HashMap<Word, Vec<usize>>,
    /// Who takes whose place: by the name of the older one.
    obsoleting: HashMap<Word, Vec<(usize, Capability)>>,
    /// Who provides what: by name, as (package, place among what it provides).
    provided: HashMap<Word, Vec<(u32, u32)>>,
    /// Who has a file that somebody asks for.
    files: HashMap<String, Vec<usize>>,
}

impl Universe {
    /// Orders packages for asking.
    pub(super) fn new(words: Words, packages: Vec<Package>) -> Self {
        let mut named: HashMap<_, Vec<_>> = HashMap::new();
        let mut provided: HashMap<_, Vec<_>> = HashMap::new();
        let mut obsoleting: HashMap<_, Vec<_>> = HashMap::new();
        for (place, package) in packages.iter().enumerate() {
            if !package.beside {
                named.entry(package.name).or_default().push(place);
            }
            for obsolete in &package.needs.obsoletes {
                obsoleting.entry(obsolete.name).or_default().push((place, *obsolete));
            }
            for (index, capability) in package.needs.provides.iter().enumerate() {
                if let (Ok(place), Ok(index)) = (u32::try_from(place), u32::try_from(index)) {
                    provided.entry(capability.name).or_default().push((place, index));
                }
            }
        }
        Self { words, packages, named, obsoleting, provided, files: HashMap::new() }
    }

    /// Names a package for people.
    pub(super) fn told(&self, place: usize) -> String {
        let Package { name, evr, architecture, .. } = &self.packages[place];
        let [name, evr, architecture] =
            [name, evr, architecture].map(|word| self.words.text(*word));
        format!("{name}-{evr}.{architecture}")
    }

    /// Returns the text of a capability as a relation is written.
    pub(super) fn relation_text(&self, capability: Capability) -> String {
        let name = self.words.text(capability.name);
        match capability.sense.sign() {
            "" => name.to_owned(),
            sign => format!("{name} {sign} {}", self.words.text(capability.evr)),
        }
    }

    /// Returns a capability as a relation, combined ones included.
    pub(super) fn relation(&self, capability: Capability) -> Option<Relation<'_>> {
        let name = self.words.text(capability.name);
        if name.starts_with('(') {
            return Relation::parse(name);
        }
        Some(Relation::Plain(Plain { name, range: self.range(capability) }))
    }

    fn range(&self, capability: Capability) -> Range<'_> {
        Range { sense: capability.sense, evr: self.words.text(capability.evr) }
    }

    /// Lists packages that take the place of another.
    pub(super) fn successors(&self, place: usize) -> Vec<usize> {
        let older = &self.packages[place];
        let own = Range { sense: Sense::EQUALS, evr: self.words.text(older.evr) };
        let all = self.obsoleting.get(&older.name).into_iter().flatten();
        let all = all.filter(|(by, obsolete)| {
            self.packages[*by].name != older.name && own.satisfies(self.range(*obsolete))
        });
        all.map(|(by, _)| *by).collect()
    }

    /// Lists packages that take the place of one that is no longer there.
    pub(super) fn heirs(&self, name: &str) -> Vec<usize> {
        let word = self.words.find(name);
        let all = word.and_then(|word| self.obsoleting.get(&word)).into_iter().flatten();
        all.map(|(by, _)| *by).collect()
    }

    /// Lists packages that may be taken, by name.
    pub(super) fn named(&self, name: &str) -> &[usize] {
        let word = self.words.find(name);
        word.and_then(|word| self.named.get(&word)).map_or(&[], Vec::as_slice)
    }

    /// Lists packages that satisfy a relation.
    pub(super) fn providers(&self, wanted: Plain<'_>) -> Vec<usize> {
        let word = self.words.find(wanted.name);
        let provided = word.and_then(|word| self.provided.get(&word)).into_iter().flatten();
        let by_name = provided.filter_map(|(place, index)| {
            let (place, index) = (usize::try_from(*place).ok()?, usize::try_from(*index).ok()?);
            let capability = self.packages.get(place)?.needs.provides.get(index)?;
            self.range(*capability).satisfies(wanted.range).then_some(place)
        });
        let files = self.files.get(wanted.name).into_iter().flatten().copied();
        let mut places: Vec<_> = by_name.chain(files).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Lists the paths that packages ask for.
    pub(super) fn wanted_paths(&self) -> HashSet<String> {
        let mut paths = HashSet::new();
        for package in &self.packages {
            let needs = &package.needs;
            let all = [&needs.requires, &needs.recommends, &needs.supplements, &needs.conflicts];
            for capability in all.into_iter().flatten() {
                let name = self.words.text(capability.name);
                if name.starts_with('/') {
                    if !paths.contains(name) {
                        paths.insert(name.to_owned());
                    }
                } else if name.starts_with('(') && name.contains('/') {
                    let mut take = |name: &str| {
                        if name.starts_with('/') {
                            paths.insert(name.to_owned());
                        }
                    };
                    if let Some(relation) = Relation::parse(name) {
                        relation.names(&mut take);
                    }
                }
            }
        }
        paths
    }

    /// Learns who has files.
    pub(super) fn learn_files(&mut self, found: Vec<(String, usize)>) {
        for (path, place) in found {
            let places = self.files.entry(path).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }

    /// Tells whether it is known who has a file.
    pub(super) fn knows_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
}

/// Reads a package of `primary.xml`: its name and versions, and, if asked, what it provides and asks for.
pub(super) fn read_package(
    text: &str,
    words: &mut Words,
    needs: bool,
) -> Result<Package, Unreadable> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut package = Package::default();
    let (mut field, mut content) = (String::new(), String::new());
    loop {
        let at = reader.buffer_position();
        let failed = |source| Unreadable::Xml { at, source: Box::new(source) };
        match reader.read_event().map_err(failed)? {
            Event::Start(start) => match start.local_name().as_ref() {
                "entry" if needs => {
                    let attributes = attributes(&start).map_err(failed)?;
                    let get = |key: &str| attributes.get(key).map_or("", String::as_str);
                    let capability = Capability {
                        name: words.keep(get("name")),
                        sense: Sense::parse(get("flags")).unwrap_or(Sense::ANY),
                        evr: words.keep(&version::evr(get("epoch"), get("ver"), get("rel"))),
                    };
                    let all = &mut package.needs;
                    match field.as_str() {
                        "provides" => all.provides.push(capability),
                        "requires" => all.requires.push(capability),
                        "conflicts" => all.conflicts.push(capability),
                        "recommends" => all.recommends.push(capability),
                        "supplements" => all.supplements.push(capability),
                        "obsoletes" => all.obsoletes.push(capability),
                        _ => {}
                    }
                }
                "entry" => {}
                "version" => {
                    let attributes = attributes(&start).map_err(failed)?;
                    let get = |key: &str| attributes.get(key).map_or("", String::as_str);
                    package.evr = words.keep(&version::evr(get("epoch"), get("ver"), get("rel")));
                }
                "format" if !needs => break,
                name => {
                    name.clone_into(&mut field);
                    content.clear();
                }
            },
            Event::Text(text) if is_read(&field) => content.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) if is_read(&field) => {
                resolve(&reference, at, &mut content)?;
            }
            Event::End(end) if end.local_name().as_ref() != "entry" => {
                let content = content.trim();
                match field.as_str() {
                    "name" if package.name == Word::default() => package.name = words.keep(content),
                    "arch" => package.architecture = words.keep(content),
                    "checksum" if package.pkgid.is_empty() => package.pkgid = content.into(),
                    _ => {}
                }
                field.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let lacks = |lacks| Unreadable::Lacks { record: words.text(package.name).to_owned(), lacks };
    if package.name == Word::default() {
        return Err(lacks("name"));
    }
    if package.pkgid.is_empty() {
        return Err(lacks("checksum"));
    }
    Ok(package)
}

/// Tells whether the text of an element counts.
fn is_read(element: &str) -> bool {
    matches!(element, "name" | "arch" | "checksum")
}

/// Which package a list of files belongs to: by its place in the document, or by what identifies it.
pub(super) enum Owner<'a> {
    Ordinal(usize),
    Pkgid(&'a str),
}

/// Finds who has files, in `primary.xml` or `filelists.xml`.
pub(super) fn find_files(
    input: impl BufRead,
    wanted: &HashSet<String>,
    place: impl Fn(Owner<'_>) -> Option<usize>,
) -> Result<Vec<(String, usize)>, Unreadable> {
    let mut fragments = Fragments::open(input)?;
    let (mut found, mut ordinal) = (Vec::new(), 0);
    while let Some(tag) = fragments.next()? {
        if tag.name != "package" {
            continue;
        }
        let owner = match tag.attributes.get("pkgid") {
            Some(pkgid) => Owner::Pkgid(pkgid),
            None => Owner::Ordinal(ordinal),
        };
        ordinal += 1;
        let Some(place) = place(owner) else { continue };
        let text = fragments.take()?;
        // Most packages have none of them, and looking costs less than reading.
        for (at, _) in text.match_indices("<file") {
            let Some((_, rest)) = text[at..].split_once('>') else { continue };
            let Some((raw, _)) = rest.split_once('<') else { continue };
            let path = quick_xml::escape::unescape(raw.trim()).unwrap_or_default();
            if wanted.contains(path.as_ref()) {
                found.push((path.into_owned(), place));
            }
        }
    }
    Ok(found)
}
