//! A site that mirrors one YUM and one APT repository of our own making.

use std::path::Path;

use crate::repositories::{self, Package, SigningKey};
use crate::site::Site;
use crate::upstream::Upstream;

/// Both repositories behind one upstream, and the site that is told of them.
pub struct Mirrored {
    /// The site.
    pub site: Site,
    /// Where it mirrors from.
    pub upstream: Upstream,
    /// Who signs there.
    pub key: SigningKey,
    folder: tempfile::TempDir,
}

/// What the repositories hold: `hello` needs `words`, `unrelated` is asked for by nobody.
pub const PACKAGES: [Package; 3] = [
    Package { needs: &["suite-words"], ..Package::plain("suite-hello") },
    Package::plain("suite-words"),
    Package::plain("suite-unrelated"),
];

impl Mirrored {
    /// Makes the repositories and configures the site; nothing is fed yet.
    pub fn new(site: Site, packages: &[Package]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SigningKey::made_in(folder.path());
        key.export(&folder.path().join("key.asc"));
        let served = folder.path().join("served");
        repositories::yum(&served.join("yum"), packages, &key);
        repositories::apt(&served.join("apt"), packages, &key);
        let upstream = Upstream::serving(&served);
        let mirrored = Self { site, upstream, key, folder };
        mirrored.configure();
        mirrored
    }

    /// The folder that the upstream serves.
    pub fn served(&self) -> std::path::PathBuf {
        self.folder.path().join("served")
    }

    fn configure(&self) {
        let key = self.folder.path().join("key.asc");
        let (apt, yum) = (self.upstream.url("apt/"), self.upstream.url("yum/"));
        self.site.configure(
            "data.toml",
            &format!(
                "[[apt]]\nname = \"proof\"\nurls = [\"{apt}\"]\nsuites = [\"stable\"]\nkeys = [\"{key}\"]\n\
                 packages = [\"suite-hello\"]\n\
                 [[yum]]\nname = \"proof\"\nurls = [\"{yum}\"]\nkeys = [\"{key}\"]\n",
                key = key.display(),
            ),
        );
    }

    /// The site's `data`, as a client on the bridge names it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.site.address("data"))
    }

    /// The folder of the served generation; what `current` means at this moment.
    pub fn current(&self) -> Option<std::path::PathBuf> {
        fs_err::canonicalize(self.site.state("store/published/current")).ok()
    }

    /// Digests of all that is served, by name: equal means whole and unchanged.
    pub fn served_now(&self) -> Vec<String> {
        self.current().map(|current| digests(&current)).unwrap_or_default()
    }
}

/// `sha256  path` of every file below a folder.
pub fn digests(folder: &Path) -> Vec<String> {
    let all = "find -L . -type f -print0 | sort -z | xargs -0 -r sha256sum";
    let listed = crate::run(std::process::Command::new("sh").args(["-c", all]).current_dir(folder));
    listed.ok().lines().map(str::to_owned).collect()
}
