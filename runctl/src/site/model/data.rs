//! data.toml: what data mirrors.

use std::path::PathBuf;

/// data.toml
#[derive(Clone, Debug)]
pub struct Data {
    /// Generations kept.
    pub keep: usize,
    /// APT repositories, published as `data/apt/<name>`.
    pub apt: Vec<AptFeed>,
    /// YUM repositories, published as `data/yum/<name>`.
    pub yum: Vec<YumFeed>,
    /// Plain files, published as `data/files/<name>`.
    pub files: Vec<FilesFeed>,
}

/// How much an upstream is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By `OpenPGP`: key files (armoured or binary).
    Keys(Vec<PathBuf>),
    /// Not at all, and the operator wrote that down.
    None,
}

/// One APT repository.
#[derive(Clone, Debug)]
pub struct AptFeed {
    /// Folder and name.
    pub name: String,
    /// From where.
    pub upstream: AptUpstream,
    /// Architectures; none, where a folder of packages tells them itself.
    pub architectures: Vec<String>,
    /// Packages wanted, each with its dependency closure; empty mirrors everything that passes.
    pub packages: Vec<String>,
    /// Which packages pass.
    pub filter: Filter,
    /// Repositories above this one that the machines have too: what those have need not be in this one.
    pub leans_on: Vec<String>,
    /// Whether Recommends belong to the closure.
    pub recommends: bool,
    /// What comes along beside packages.
    pub extras: AptExtras,
    /// Whether what the upstream lists and does not have is left out, and the operator wrote that down.
    pub skip_missing: bool,
    /// Whether a state is taken that is older than what is served.
    pub accept_older: bool,
    /// For how many hours indexes of the site's own making hold; for ever, if that is not told.
    pub valid_hours: Option<u32>,
}

/// What comes along beside packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AptExtras {
    /// Languages of descriptions.
    pub translations: Vec<String>,
    /// Whether the lists of files come along.
    pub contents: bool,
    /// Whether the parts of Debian's installer come along.
    pub udebs: bool,
    /// Whether sources come along.
    pub sources: bool,
}

/// Which packages of an upstream are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// How many versions of each name and architecture.
    pub newest: Option<usize>,
    /// Patterns of names, of which one must match.
    pub include: Vec<String>,
    /// Patterns of names, of which none may match.
    pub exclude: Vec<String>,
}

impl Filter {
    /// Tells whether everything passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where an APT repository is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AptUpstream {
    /// A folder of packages on this host.
    Folder(PathBuf),
    /// The host's own APT sources, with their suites, components and keys, as they are when the feed runs.
    Host,
    /// Named sources.
    Sources {
        /// Base URLs, tried in order.
        urls: Vec<String>,
        /// Suites.
        suites: Vec<String>,
        /// Components.
        components: Vec<String>,
        /// Who signs.
        trust: Trust,
    },
}

/// One YUM repository.
#[derive(Clone, Debug)]
pub struct YumFeed {
    /// Folder and name.
    pub name: String,
    /// From where.
    pub upstream: YumUpstream,
    /// Who signs it.
    pub trust: Trust,
    /// What the keys must have signed.
    pub signed: YumSigned,
    /// Whether digests that can be forged are taken, and the operator wrote that down.
    pub weak_digests: bool,
    /// Whether a state is taken that is older than what is served.
    pub accept_older: bool,
    /// The installation tree beside the packages, if it is wanted.
    pub tree: Option<YumTree>,
    /// Architectures wanted; empty means all.
    pub architectures: Vec<String>,
    /// What is kept of it.
    pub filter: feeds::yum::Filter,
    /// Repositories above this one that the machines have too: what those have need not be in this one.
    pub leans_on: Vec<String>,
}

/// Where a YUM repository is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum YumUpstream {
    /// Base URLs, tried in order.
    Urls(Vec<String>),
    /// The URL of a list of base URLs.
    Mirrorlist(String),
    /// The URL of a metalink, which also tells what repomd.xml must be.
    Metalink(String),
    /// A folder of this host with packages that the site tells of itself.
    Folder(PathBuf),
}

/// What the keys of a YUM repository must have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YumSigned {
    /// `repomd.xml`.
    pub metadata: bool,
    /// The header of every package.
    pub packages: bool,
}

/// What is mirrored of an installation tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YumTree {
    /// Whether images of whole media come along.
    pub media: bool,
    /// What `.treeinfo` must be; none where nobody vouches for it, and the operator wrote that down.
    pub sha256: Option<String>,
}

/// A folder of plain files.
#[derive(Clone, Debug)]
pub struct FilesFeed {
    /// Folder and name.
    pub name: String,
    /// Name in the folder, URLs (tried in order), sha256.
    pub files: Vec<(String, Vec<String>, String)>,
    /// Files that signatures of their own prove.
    pub signed: Vec<SignedFile>,
    /// Lists of checksums that name more files.
    pub listed: Vec<ListedFiles>,
    /// ISO images whose files are laid out.
    pub images: Vec<IsoImage>,
}

/// A file that a signature of its own proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFile {
    /// Its name in the folder.
    pub name: String,
    /// URLs, tried in order.
    pub urls: Vec<String>,
    /// Certificates, of which one signed it.
    pub keys: Vec<PathBuf>,
    /// The URL of the signature; none where it lies beside the file.
    pub signature: Option<String>,
}

/// An ISO image that was carried in.
#[derive(Clone, Debug)]
pub struct IsoImage {
    /// The image.
    pub path: PathBuf,
    /// The folder that its root becomes; none where it is the tree's own.
    pub into: Option<String>,
    /// What the image must be, where that is written down.
    pub sha256: Option<String>,
}

/// Files that a list of checksums names.
#[derive(Clone, Debug)]
pub struct ListedFiles {
    /// The list's URL; `{version}` and `{arch}` stand for each of those below.
    pub sums: String,
    /// Who vouches for the list.
    pub trust: SumsTrust,
    /// Patterns of the names that are taken.
    pub names: Vec<String>,
    /// The folder that they are put into.
    pub into: String,
    /// What `{version}` stands for.
    pub versions: Vec<String>,
    /// What `{arch}` stands for.
    pub architectures: Vec<String>,
}

/// Who vouches for a list of checksums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SumsTrust {
    /// Keys, or nobody.
    Signed(Trust),
    /// Its own digest, written down.
    Sha256(String),
}
