//! Small repositories, signed and right but for one flaw that no signature tells of.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use feeds::digest::Sha256;
use feeds::trust::SiteKey;

/// What an upstream serves, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What is wrong with what the upstream signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing.
    None,
    /// Nothing, although names look as if.
    OddNames,
    /// Nothing: its clock is ahead, or ours is behind.
    Ahead,
    /// A package lies outside of the repository.
    Outside,
    /// A package has an absolute path.
    Absolute,
    /// A package has another length than its index says.
    WrongLength,
    /// A package has other bytes than its index says.
    WrongBytes,
    /// Nothing proves a package.
    NoDigest,
    /// One path is listed as two files.
    Twice,
    /// An index grows without end when it is decompressed.
    Bomb,
    /// An index has text that stands for more text; in APT, which knows no such text, one endless line.
    Entities,
    /// Nobody may use it any more; YUM knows no such thing.
    Expired,
    /// The metalink tells of another `repomd.xml`.
    OtherDigest,
    /// Nothing: the metalink tells of a newer `repomd.xml`, and of this one as the one before.
    Lags,
    /// Nothing: the metalink tells another time.
    OtherTime,
    /// An image of the installation tree has other bytes than its checksum says.
    ImageDigest,
    /// An image lies outside of the tree.
    ImageOutside,
    /// An image has no checksum.
    ImageUnproved,
}

impl Flaw {
    /// Tells whether a mirror can be made.
    pub(crate) fn is_none(self, of: Kind) -> bool {
        match of {
            Kind::Yum if self == Self::Expired => true,
            Kind::Apt if self.is_of_metalink() || self.is_of_tree() => true,
            _ => matches!(
                self,
                Self::None | Self::OddNames | Self::Ahead | Self::Lags | Self::OtherTime
            ),
        }
    }

    /// Tells whether a metalink has it.
    pub(crate) fn is_of_metalink(self) -> bool {
        matches!(self, Self::OtherDigest | Self::Lags | Self::OtherTime)
    }

    /// Tells whether an installation tree has it.
    pub(crate) fn is_of_tree(self) -> bool {
        matches!(self, Self::ImageDigest | Self::ImageOutside | Self::ImageUnproved)
    }
}

/// Which kind of repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Yum,
    Apt,
}

impl Kind {
    /// Makes one; each version has other files.
    pub(crate) fn make(self, version: u64, flaw: Flaw, key: &SiteKey) -> Files {
        match self {
            Self::Yum => yum(version, flaw, key),
            Self::Apt => apt(version, flaw, key),
        }
    }

    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Yum => ".rpm",
            Self::Apt => ".deb",
        }
    }
}

/// More than anybody unpacks.
const BOMB: usize = 66 << 20;

/// A package as its index has it.
struct Listed {
    path: String,
    size: usize,
    digest: Option<Sha256>,
}

/// The packages of a repository: what is listed, and what is there.
fn packages(version: u64, flaw: Flaw, kind: Kind) -> (Vec<Listed>, Files) {
    let (mut listed, mut files) = (Vec::new(), Files::new());
    for name in ["one", "two", "three"] {
        let odd = if flaw == Flaw::OddNames { " +~#?&ü%2e%2e..;" } else { "" };
        let path = format!("pool/{name}{odd}-{version}{}", kind.ending());
        let bytes = format!("{name} {version} ").repeat(300).into_bytes();
        let mut one = Listed { size: bytes.len(), digest: Some(Sha256::of(&bytes)), path };
        files.insert(one.path.clone(), bytes);
        if name == "two" {
            match flaw {
                Flaw::Outside => one.path = "pool/../../../two".to_owned(),
                Flaw::Absolute => one.path = "/etc/passwd".to_owned(),
                Flaw::WrongLength => one.size += 1,
                Flaw::WrongBytes => one.digest = Some(Sha256([7; 32])),
                Flaw::NoDigest => one.digest = None,
                Flaw::Twice => {
                    let digest = Some(Sha256([8; 32]));
                    listed.push(Listed { path: one.path.clone(), size: one.size, digest });
                }
                _ => {}
            }
        }
        listed.push(one);
    }
    (listed, files)
}

fn yum(version: u64, flaw: Flaw, key: &SiteKey) -> Files {
    let (listed, mut files) = packages(version, flaw, Kind::Yum);
    let mut primary = String::from("<?xml version=\"1.0\"?>\n");
    let document = "<!DOCTYPE m [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>\n";
    primary += if flaw == Flaw::Entities { document } else { "" };
    writeln!(primary, "<metadata packages=\"{}\">", listed.len()).expect("a text grows");
    for (number, Listed { path, size, digest }) in listed.iter().enumerate() {
        let checksum = digest.map(|it| format!("<checksum type=\"sha256\">{it}</checksum>"));
        let entity = if flaw == Flaw::Entities { "&b;" } else { "" };
        writeln!(
            primary,
            "<package type=\"rpm\"><name>p{number}{entity}</name><arch>noarch</arch>\
             <version epoch=\"0\" ver=\"{version}\" rel=\"1\"/>{}<size package=\"{size}\"/>\
             <location href=\"{}\"/><format/></package>",
            checksum.unwrap_or_default(),
            escaped(path),
        )
        .expect("a text grows");
    }
    let mut bytes = primary.into_bytes();
    if flaw == Flaw::Bomb {
        // Within a record: blanks between two of them are passed over as they come.
        bytes.extend(b"<package>");
        bytes.resize(bytes.len() + BOMB, b' ');
        bytes.extend(b"</package>\n");
    }
    bytes.extend(b"</metadata>\n");
    let primary = gzip(&bytes);
    let made = if flaw == Flaw::Ahead { 4_000_000_000 } else { 1_700_000_000 + version };
    let (sha256, size) = (Sha256::of(&primary), primary.len());
    let repomd = format!(
        "<?xml version=\"1.0\"?>\n<repomd><revision>{made}</revision><data type=\"primary\">\
         <checksum type=\"sha256\">{sha256}</checksum><location href=\"repodata/primary.xml.gz\"/>\
         <timestamp>{made}</timestamp><size>{size}</size></data></repomd>\n"
    );
    let signature = key.sign_detached_armored(repomd.as_bytes(), 1).expect("signed");
    files.insert("repodata/primary.xml.gz".to_owned(), primary);
    files.insert("repodata/repomd.xml".to_owned(), repomd.into_bytes());
    files.insert("repodata/repomd.xml.asc".to_owned(), signature.into_bytes());
    files
}

/// Writes a path as an attribute of XML has it.
fn escaped(path: &str) -> String {
    let path = path.replace('%', "%25").replace('#', "%23").replace('?', "%3F");
    path.replace('&', "&amp;").replace(' ', "%20")
}

fn apt(version: u64, flaw: Flaw, key: &SiteKey) -> Files {
    let (listed, mut files) = packages(version, flaw, Kind::Apt);
    let mut text = String::new();
    for (number, Listed { path, size, digest }) in listed.iter().enumerate() {
        let proof = digest.map(|it| format!("SHA256: {it}\n")).unwrap_or_default();
        writeln!(
            text,
            "Package: p{number}\nVersion: {version}\nArchitecture: all\nFilename: {path}\nSize: {size}\n{proof}"
        )
        .expect("a text grows");
    }
    let mut bytes = text.into_bytes();
    let open = bytes.len();
    match flaw {
        Flaw::Bomb => bytes.resize(open + BOMB, b'\n'),
        Flaw::Entities => bytes.resize(open + BOMB, b'x'),
        _ => {}
    }
    let packed = gzip(&bytes);
    let date = match flaw {
        Flaw::Ahead => "Mon, 02 Oct 2096 07:06:40 UTC".to_owned(),
        _ => format!("Tue, 14 Nov 2023 22:13:{version:02} UTC"),
    };
    let until =
        if flaw == Flaw::Expired { "Valid-Until: Wed, 15 Nov 2023 00:00:00 UTC\n" } else { "" };
    let release = format!(
        "Suite: stable\nCodename: stable\nDate: {date}\n{until}Architectures: all amd64\n\
         No-Support-for-Architecture-all: Packages\nComponents: main\nSHA256:\n {} {} {INDEX}.gz\n \
         {} {open} {INDEX}\n",
        Sha256::of(&packed),
        packed.len(),
        Sha256::of(&bytes[..open])
    );
    let signed = key.sign_cleartext(&release, 1).expect("signed");
    files.insert(format!("dists/stable/{INDEX}.gz"), packed);
    files.insert("dists/stable/InRelease".to_owned(), signed.into_bytes());
    files
}

const INDEX: &str = "main/binary-amd64/Packages";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a vector takes all");
    encoder.finish().expect("compressed")
}
