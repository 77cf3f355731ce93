//! A site that mirrors one small repository of an upstream that misbehaves, whole or a part of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use feeds::digest::Sha256;
use feeds::events::Silent;
use feeds::store::{RelPath, Store, Tree};
use feeds::transfer::{Bases, Options, Transfer, below};
use feeds::trust::SiteKey;
use feeds::{apt, yum};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::metalink::{METALINK, metalink};
use crate::repository::{Files, Flaw, Kind};
use crate::tree::{TREEINFO, tree};
use crate::upstream::{Fault, Upstream};

/// Who names the mirrors of a YUM repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mirrors {
    Operator,
    Metalink,
}

/// What is mirrored, and whose signature is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Kind,
    /// Whether a part is mirrored, under metadata of our own.
    pub(crate) part: bool,
    pub(crate) signer: &'static str,
    pub(crate) mirrors: Mirrors,
    /// Whether a mirror is asked first that fell behind.
    pub(crate) behind: bool,
    /// What `.treeinfo` must be, if the installation tree is wanted.
    pub(crate) treeinfo: Option<Sha256>,
}

/// Below the mirror that fell behind.
const BEHIND: &str = "behind/";

pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) upstream: Upstream,
    pub(crate) upstreams_key: SiteKey,
    key: Arc<SiteKey>,
    transfer: Transfer,
}

impl Site {
    /// Sets one up beside an upstream that speaks HTTP/2 where it has a certificate to show, else HTTP/1.1.
    pub(crate) async fn new(tls: Option<TlsAcceptor>) -> Self {
        // Nothing is lost here when a machine fails: memory spares hundreds of waits for the disk.
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let key = |name: &str| {
            let key = SiteKey::open_or_create(&folder.path().join(name), "Tester").expect("a key");
            let public = key.public_key_binary().expect("its public half");
            fs_err::write(folder.path().join(format!("{name}.gpg")), public).expect("written");
            key
        };
        let (upstreams_key, key) = (key("upstream"), Arc::new(key("site")));
        let transfer = transfer(folder.path().join("store"));
        let upstream = Upstream::start_with(tls).await;
        Self { folder, upstream, upstreams_key, key, transfer }
    }

    pub(crate) fn store(&self) -> &Store {
        self.transfer.store()
    }

    /// The mirrors, in the order in which they are asked.
    fn bases(&self, asked: Asked) -> Bases {
        let good = self.upstream.base.clone();
        let behind = asked.behind.then(|| good.join(BEHIND).expect("a URL"));
        behind.into_iter().chain([good]).collect()
    }

    /// Makes a version of the upstream, as it is asked for.
    pub(crate) fn make(&self, asked: Asked, with_tree: bool, version: u64, flaw: Flaw) -> Files {
        let repository = |version, flaw| asked.kind.make(version, flaw, &self.upstreams_key);
        let mut files = repository(version, flaw);
        if with_tree {
            files.extend(tree(flaw));
        }
        if asked.mirrors == Mirrors::Metalink {
            const REPOMD: &str = "repodata/repomd.xml";
            let before: Vec<_> =
                (0..version).map(|older| repository(older, Flaw::None)[REPOMD].clone()).collect();
            let told = metalink(&self.bases(asked), &files[REPOMD], &before, flaw);
            files.insert(METALINK.to_owned(), told);
        }
        files
    }

    /// Asks for an installation tree as it is among these files, if it is.
    pub(crate) fn pinned(asked: Asked, files: &Files) -> Asked {
        Asked { treeinfo: files.get(TREEINFO).map(|text| Sha256::of(text)), ..asked }
    }

    /// Serves files on the mirror that fell behind.
    pub(crate) fn put_behind(&self, files: &Files) {
        for (path, bytes) in files {
            self.upstream.put(&format!("{BEHIND}{}", self.address(path)), bytes, &[]);
        }
    }

    /// How a path is asked for.
    pub(crate) fn address(&self, path: &str) -> String {
        let path = RelPath::new(path).expect("what lies in a repository has a path");
        below(&self.upstream.base, &path).path().trim_start_matches('/').to_owned()
    }

    /// Serves files, with what goes wrong with some; returns which these are.
    pub(crate) fn put(&self, files: &Files, faults: &[(usize, Vec<Fault>)]) -> BTreeSet<String> {
        for (path, bytes) in files {
            self.upstream.put(&self.address(path), bytes, &[]);
        }
        let mut touched = BTreeSet::new();
        for (place, faults) in faults {
            let (path, bytes) = files.iter().nth(place % files.len()).expect("it is there");
            self.upstream.put(&self.address(path), bytes, faults);
            touched.insert(path.clone());
        }
        touched
    }

    /// Surveys the upstream and fetches what is missing; a failure is told with all its causes.
    pub(crate) async fn mirror(&self, asked: Asked, served: Option<&Tree>) -> Result<Tree, String> {
        self.mirror_from(asked, &self.bases(asked), served, &self.transfer).await
    }

    /// Mirrors what is served once more, as a client reads it.
    pub(crate) async fn read_served(&self, asked: Asked, tree: &Tree) -> Result<Tree, String> {
        let served = self.store().published().join("current").join(tree.path.as_str());
        let served = Url::from_directory_path(served).expect("an absolute path");
        let client = transfer(self.folder.path().join("client"));
        let asked = Asked { mirrors: Mirrors::Operator, ..asked };
        self.mirror_from(asked, &[served].into(), None, &client).await
    }

    async fn mirror_from(
        &self,
        asked: Asked,
        bases: &Bases,
        served: Option<&Tree>,
        transfer: &Transfer,
    ) -> Result<Tree, String> {
        let plan = match asked.kind {
            Kind::Yum => {
                let source = self.yum(asked, bases);
                yum::survey(&source, served, transfer, &Silent)
                    .await
                    .map_err(|error| told(&error))?
            }
            Kind::Apt => {
                let source = self.apt(asked, bases);
                apt::survey(&source, served, transfer, &Silent)
                    .await
                    .map_err(|error| told(&error))?
            }
        };
        plan.fetch(transfer, &Silent).await.map_err(|error| told(&error))
    }

    fn public(&self, signer: &str) -> Vec<PathBuf> {
        vec![self.folder.path().join(format!("{signer}.gpg"))]
    }

    fn yum(&self, asked: Asked, bases: &Bases) -> yum::Source {
        let filter = yum::Filter { newest: Some(1), ..yum::Filter::default() };
        let part = yum::Selection::Part {
            filter,
            site_key: Arc::clone(&self.key),
            neighbours: Arc::default(),
        };
        yum::Source {
            name: "proof".to_owned(),
            upstream: match self.upstream.base.join(METALINK) {
                Ok(url) if asked.mirrors == Mirrors::Metalink => yum::Upstream::Metalink(url),
                _ => yum::Upstream::Urls(Arc::clone(bases)),
            },
            trust: yum::Trust::Keys(self.public(asked.signer)),
            signed: yum::Signed { metadata: true, packages: false },
            weak_digests: false,
            accept_older: false,
            tree: asked
                .treeinfo
                .map(|text| yum::InstallTree { media: false, treeinfo: Some(text) }),
            architectures: Vec::new(),
            selection: if asked.part { part } else { yum::Selection::Whole },
        }
    }

    fn apt(&self, asked: Asked, bases: &Bases) -> apt::Source {
        let part = apt::Selection::Subset(apt::Subset {
            neighbours: Arc::default(),
            packages: None,
            filter: apt::Filter { newest: 1.try_into().ok(), ..apt::Filter::default() },
            signing: apt::Signing { site_key: Arc::clone(&self.key), valid_for: None },
        });
        let suite = apt::Suite {
            urls: Arc::clone(bases),
            name: "stable".to_owned(),
            components: vec!["main".to_owned()],
            trust: apt::Trust::Files(self.public(asked.signer)),
        };
        apt::Source {
            name: "proof".to_owned(),
            suites: vec![suite],
            architectures: vec!["amd64".to_owned()],
            selection: if asked.part { part } else { apt::Selection::Whole },
            udebs: false,
            missing: apt::Missing::Fail,
            check_valid_until: true,
            accept_older: false,
            extras: apt::Extras::default(),
        }
    }
}

fn transfer(store: PathBuf) -> Transfer {
    let options = Options {
        retries: 2,
        pause: Duration::from_millis(1),
        idle_timeout: Duration::from_millis(400),
        ..Options::default()
    };
    Transfer::new(Store::open(store).expect("a store"), options).expect("a client")
}

fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
