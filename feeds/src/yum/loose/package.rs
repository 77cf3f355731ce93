//! One loose package: what its header tells, written as createrepo tells it to clients.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};

use quick_xml::escape::escape;

use super::super::header::{Header, Headers};
use crate::store::{Object, RelPath};

/// Tags of a header (rpm's `rpmtag.h`).
mod tag {
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const SUMMARY: u32 = 1004;
    pub(super) const DESCRIPTION: u32 = 1005;
    pub(super) const BUILDTIME: u32 = 1006;
    pub(super) const BUILDHOST: u32 = 1007;
    pub(super) const SIZE: u32 = 1009;
    pub(super) const VENDOR: u32 = 1011;
    pub(super) const LICENSE: u32 = 1014;
    pub(super) const PACKAGER: u32 = 1015;
    pub(super) const GROUP: u32 = 1016;
    pub(super) const URL: u32 = 1020;
    pub(super) const ARCH: u32 = 1022;
    pub(super) const FILEMODES: u32 = 1030;
    pub(super) const FILEFLAGS: u32 = 1037;
    pub(super) const SOURCERPM: u32 = 1044;
    pub(super) const ARCHIVESIZE: u32 = 1046;
    pub(super) const CHANGELOGTIME: u32 = 1080;
    pub(super) const CHANGELOGNAME: u32 = 1081;
    pub(super) const CHANGELOGTEXT: u32 = 1082;
    pub(super) const DIRINDEXES: u32 = 1116;
    pub(super) const BASENAMES: u32 = 1117;
    pub(super) const DIRNAMES: u32 = 1118;
    pub(super) const LONGSIZE: u32 = 5009;
    /// Of the header of signatures: the length of the payload once unpacked.
    pub(super) const PAYLOADSIZE: u32 = 1007;
}

/// Relations: the element, and the tags of their names, flags and versions.
const RELATIONS: [(&str, u32, u32, u32); 8] = [
    ("provides", 1047, 1112, 1113),
    ("requires", 1049, 1048, 1050),
    ("conflicts", 1054, 1053, 1055),
    ("obsoletes", 1090, 1114, 1115),
    ("recommends", 5046, 5048, 5047),
    ("suggests", 5049, 5051, 5050),
    ("supplements", 5052, 5054, 5053),
    ("enhances", 5055, 5057, 5056),
];
const LESS: u64 = 1 << 1;
const GREATER: u64 = 1 << 2;
const EQUAL: u64 = 1 << 3;
/// The relation holds before the package's scripts run: prerequisite, before and after the installation.
const BEFORE: u64 = 1 << 6 | 1 << 9 | 1 << 10;
/// What only rpm itself can fulfil is told to nobody.
const RPMLIB: u64 = 1 << 24;
const GHOST: u64 = 1 << 6;
const FOLDER: u64 = 0o040_000;
const KIND: u64 = 0o170_000;
/// Changes that clients are told, the latest.
const CHANGES: usize = 10;

/// A package.
pub(super) struct Package {
    pub(super) place: RelPath,
    pub(super) object: Object,
    /// When it was built, in seconds since 1970.
    pub(super) built: u64,
    name: String,
    epoch: u64,
    version: String,
    release: String,
    architecture: String,
    texts: Texts,
    installed: u64,
    unpacked: u64,
    header_range: (usize, usize),
    /// What each kind of relation lists, as elements.
    relations: Vec<(&'static str, BTreeSet<String>)>,
    files: Vec<File>,
    changes: Vec<(u64, String, String)>,
}

/// What people read of it.
struct Texts {
    summary: String,
    description: String,
    packager: String,
    url: String,
    license: String,
    vendor: String,
    group: String,
    host: String,
    source: String,
}

struct File {
    path: String,
    /// The attribute that tells what it is beside a plain file.
    kind: &'static str,
}

impl Package {
    /// Reads what a package tells of itself.
    pub(super) fn read(headers: &Headers, place: RelPath, object: Object) -> Result<Self, String> {
        let header = &headers.header;
        let text = |tag| header.text(tag).unwrap_or_default();
        let needed = |tag, what: &str| {
            let usable = |text: &String| {
                let odd = |one: char| one.is_whitespace() || one.is_control();
                !text.is_empty() && !text.contains(odd)
            };
            header.text(tag).filter(usable).ok_or_else(|| format!("it has no usable {what}"))
        };
        let source = text(tag::SOURCERPM);
        let first =
            |tags: [u32; 2]| tags.iter().find_map(|tag| header.numbers(*tag).first().copied());
        let unpacked = headers.signatures.numbers(tag::PAYLOADSIZE).first().copied();
        let architecture = needed(tag::ARCH, "architecture")?;
        Ok(Self {
            built: header.numbers(tag::BUILDTIME).first().copied().unwrap_or(0),
            name: needed(tag::NAME, "name")?,
            epoch: header.numbers(tag::EPOCH).first().copied().unwrap_or(0),
            version: needed(tag::VERSION, "version")?,
            release: needed(tag::RELEASE, "release")?,
            // A package that was built from no other is the source of others.
            architecture: if source.is_empty() { "src".to_owned() } else { architecture },
            texts: Texts {
                summary: text(tag::SUMMARY),
                description: text(tag::DESCRIPTION),
                packager: text(tag::PACKAGER),
                url: text(tag::URL),
                license: text(tag::LICENSE),
                vendor: text(tag::VENDOR),
                group: text(tag::GROUP),
                host: text(tag::BUILDHOST),
                source,
            },
            installed: first([tag::LONGSIZE, tag::SIZE]).unwrap_or(0),
            unpacked: unpacked.or(first([tag::ARCHIVESIZE; 2])).unwrap_or(0),
            header_range: (headers.begins, headers.begins + header.bytes.len()),
            relations: RELATIONS.iter().map(|one| (one.0, relations(header, one))).collect(),
            files: files(header)?,
            changes: changes(header),
            place,
            object,
        })
    }

    /// Its name, epoch, version, release and architecture, as people write them.
    pub(super) fn nevra(&self) -> String {
        let Self { name, epoch, version, release, architecture, .. } = self;
        format!("{name}-{epoch}:{version}-{release}.{architecture}")
    }

    /// Writes its part of `primary.xml`.
    pub(super) fn write_primary(&self, output: &mut dyn Write) -> io::Result<()> {
        let Self { name, architecture, object, built, texts, .. } = self;
        let (begins, ends) = self.header_range;
        writeln!(output, "<package type=\"rpm\">\n  <name>{}</name>", xml(name))?;
        writeln!(output, "  <arch>{}</arch>\n  {}", xml(architecture), self.version())?;
        writeln!(output, "  <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>", object.sha256)?;
        for (element, text) in [
            ("summary", &texts.summary),
            ("description", &texts.description),
            ("packager", &texts.packager),
            ("url", &texts.url),
        ] {
            writeln!(output, "  <{element}>{}</{element}>", xml(text))?;
        }
        writeln!(output, "  <time file=\"{built}\" build=\"{built}\"/>")?;
        let (installed, unpacked) = (self.installed, self.unpacked);
        let size = object.size;
        writeln!(
            output,
            "  <size package=\"{size}\" installed=\"{installed}\" archive=\"{unpacked}\"/>"
        )?;
        writeln!(output, "  <location href=\"{}\"/>\n  <format>", xml(self.place.as_str()))?;
        for (element, text) in [
            ("license", &texts.license),
            ("vendor", &texts.vendor),
            ("group", &texts.group),
            ("buildhost", &texts.host),
            ("sourcerpm", &texts.source),
        ] {
            writeln!(output, "    <rpm:{element}>{}</rpm:{element}>", xml(text))?;
        }
        writeln!(output, "    <rpm:header-range start=\"{begins}\" end=\"{ends}\"/>")?;
        for (element, entries) in self.relations.iter().filter(|(_, entries)| !entries.is_empty()) {
            writeln!(output, "    <rpm:{element}>")?;
            entries.iter().try_for_each(|entry| writeln!(output, "      {entry}"))?;
            writeln!(output, "    </rpm:{element}>")?;
        }
        for file in self.files.iter().filter(|file| is_primary(&file.path)) {
            writeln!(output, "    {}", file.element())?;
        }
        writeln!(output, "  </format>\n</package>")
    }

    /// Writes its part of `filelists.xml`.
    pub(super) fn write_files(&self, output: &mut dyn Write) -> io::Result<()> {
        self.begin(output)?;
        self.files.iter().try_for_each(|file| writeln!(output, "  {}", file.element()))?;
        writeln!(output, "</package>")
    }

    /// Writes its part of `other.xml`: the latest changes, oldest first.
    pub(super) fn write_changes(&self, output: &mut dyn Write) -> io::Result<()> {
        self.begin(output)?;
        for (time, author, text) in &self.changes {
            let (author, text) = (xml(author), xml(text));
            writeln!(
                output,
                "  <changelog author=\"{author}\" date=\"{time}\">{text}</changelog>"
            )?;
        }
        writeln!(output, "</package>")
    }

    fn begin(&self, output: &mut dyn Write) -> io::Result<()> {
        let (name, architecture) = (xml(&self.name), xml(&self.architecture));
        let id = self.object.sha256;
        writeln!(output, "<package pkgid=\"{id}\" name=\"{name}\" arch=\"{architecture}\">")?;
        writeln!(output, "  {}", self.version())
    }

    fn version(&self) -> String {
        let (version, release) = (xml(&self.version), xml(&self.release));
        format!("<version epoch=\"{}\" ver=\"{version}\" rel=\"{release}\"/>", self.epoch)
    }
}

impl File {
    fn element(&self) -> String {
        format!("<file{}>{}</file>", self.kind, xml(&self.path))
    }
}

/// Tells whether a file is among those that packages require by their path: so says the format.
fn is_primary(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

/// Reads the relations of one kind, each once.
fn relations(
    header: &Header,
    (kind, names, flags, versions): &(&str, u32, u32, u32),
) -> BTreeSet<String> {
    let (flags, versions) = (header.numbers(*flags), header.texts(*versions));
    let mut entries = BTreeSet::new();
    for (index, name) in header.texts(*names).into_iter().enumerate() {
        let flags = flags.get(index).copied().unwrap_or(0);
        if flags & RPMLIB != 0 || name.starts_with(b"rpmlib(") {
            continue;
        }
        let name = String::from_utf8_lossy(name);
        let version = versions.get(index).map(|text| String::from_utf8_lossy(text));
        let version = version.map_or_else(String::new, |text| compared(flags, &text));
        let before = if *kind == "requires" && flags & BEFORE != 0 { " pre=\"1\"" } else { "" };
        entries.insert(format!("<rpm:entry name=\"{}\"{version}{before}/>", xml(&name)));
    }
    entries
}

/// Tells in attributes how a version is compared, and with what.
fn compared(flags: u64, evr: &str) -> String {
    let how = match flags & (LESS | GREATER | EQUAL) {
        EQUAL => "EQ",
        LESS => "LT",
        GREATER => "GT",
        both if both == LESS | EQUAL => "LE",
        both if both == GREATER | EQUAL => "GE",
        _ => return String::new(),
    };
    let (epoch, rest) = evr.split_once(':').unwrap_or(("0", evr));
    let (version, release) = rest.rsplit_once('-').map_or((rest, None), |(v, r)| (v, Some(r)));
    let release = release.map_or_else(String::new, |text| format!(" rel=\"{}\"", xml(text)));
    format!(" flags=\"{how}\" epoch=\"{}\" ver=\"{}\"{release}", xml(epoch), xml(version))
}

/// Puts the paths of its files together.
fn files(header: &Header) -> Result<Vec<File>, String> {
    let folders = header.texts(tag::DIRNAMES);
    let places = header.numbers(tag::DIRINDEXES);
    let (modes, flags) = (header.numbers(tag::FILEMODES), header.numbers(tag::FILEFLAGS));
    let mut files = Vec::new();
    for (index, name) in header.texts(tag::BASENAMES).into_iter().enumerate() {
        let folder = places.get(index).and_then(|place| folders.get(usize::try_from(*place).ok()?));
        let folder = folder.ok_or("a file of it lies in no folder")?;
        let path = String::from_utf8_lossy(folder) + String::from_utf8_lossy(name);
        let kind = if modes.get(index).is_some_and(|mode| mode & KIND == FOLDER) {
            " type=\"dir\""
        } else if flags.get(index).is_some_and(|flags| flags & GHOST != 0) {
            " type=\"ghost\""
        } else {
            ""
        };
        files.push(File { path: path.into_owned(), kind });
    }
    Ok(files)
}

fn changes(header: &Header) -> Vec<(u64, String, String)> {
    let times = header.numbers(tag::CHANGELOGTIME);
    let lossy = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let names = header.texts(tag::CHANGELOGNAME).into_iter().map(lossy);
    let texts = header.texts(tag::CHANGELOGTEXT).into_iter().map(lossy);
    let all = times.into_iter().zip(names).zip(texts);
    let mut latest: Vec<_> =
        all.map(|((time, name), text)| (time, name, text)).take(CHANGES).collect();
    latest.reverse();
    latest
}

/// Escapes a text; what XML cannot hold at all is left out.
fn xml(text: &str) -> Cow<'_, str> {
    let fits = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    if text.chars().all(fits) {
        escape(text)
    } else {
        let left: String = text.chars().filter(|character| fits(*character)).collect();
        escape(&left).into_owned().into()
    }
}
