//! Every path of booddies, below one root.

use std::path::{Path, PathBuf};

use crate::service::Service;

/// The paths of one installation: `/` as installed, or another root for a test, a demo or a second site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
    prefix: PathBuf,
    state: PathBuf,
}

impl Layout {
    /// Makes the layout below a root (absolute).
    pub fn below(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let prefix = option_env!("BOODDIES_PREFIX").unwrap_or("/usr/local").into();
        let state = root.join("var/lib/booddies");
        Self { root, prefix, state }
    }

    /// Keeps everything elsewhere: an absolute path as the site has it, below the root.
    #[must_use]
    pub fn with_state(self, state: &Path) -> Self {
        let state = self.root.join(state.strip_prefix("/").unwrap_or(state));
        Self { state, ..self }
    }

    /// The root itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `/etc/booddies`: what the operator writes.
    pub fn configuration(&self) -> PathBuf {
        self.root.join("etc/booddies")
    }

    /// `/var/lib/booddies`, or where site.toml wants it: everything that booddies keeps.
    pub fn state(&self) -> PathBuf {
        self.state.clone()
    }

    /// The store of the feeds: objects, partials, generations and `current`.
    pub fn store(&self) -> PathBuf {
        self.state().join("store")
    }

    /// What one service keeps.
    pub fn service(&self, service: Service) -> PathBuf {
        self.state().join(service.name())
    }

    /// Configuration that runctl renders for one service; mounted read-only.
    pub fn rendered(&self, service: Service) -> PathBuf {
        self.state().join("rendered").join(service.name())
    }

    /// Keys and passwords that runctl made; 0700.
    pub fn secrets(&self) -> PathBuf {
        self.state().join("secrets")
    }

    /// Locks of running verbs.
    pub fn locks(&self) -> PathBuf {
        self.state().join("locks")
    }

    /// What lasts until the host restarts.
    pub fn volatile(&self) -> PathBuf {
        self.root.join("run/booddies")
    }

    /// A repository of gito.
    pub fn repository(&self, name: &str) -> PathBuf {
        self.service(Service::Gito).join("repositories").join(format!("{name}.git"))
    }

    /// The folder of rack's control socket.
    pub fn control(&self) -> PathBuf {
        self.volatile().join(Service::Rack.name())
    }

    /// A program that goes into an image: as installed, or as cargo puts it beside runctl where `BOODDIES_IMAGES` says
    /// that images come from a checkout.
    pub fn program(&self, name: &str) -> PathBuf {
        let runctl = std::env::var_os("BOODDIES_IMAGES").and_then(|_| std::env::current_exe().ok());
        match runctl.as_deref().and_then(Path::parent) {
            Some(folder) => folder.join(name),
            None => self.below_prefix("libexec/booddies").join(name),
        }
    }

    /// Sources of the images, as installed (or `BOODDIES_IMAGES`).
    pub fn images(&self) -> PathBuf {
        std::env::var_os("BOODDIES_IMAGES")
            .map_or_else(|| self.below_prefix("share/booddies/images"), PathBuf::from)
    }

    fn below_prefix(&self, path: &str) -> PathBuf {
        self.root.join(self.prefix.strip_prefix("/").unwrap_or(&self.prefix)).join(path)
    }
}
