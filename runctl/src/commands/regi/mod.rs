//! `runctl regi`: who may push to regi, how other hosts come to trust it, what goes from it, and its room on the disk.

mod gc;
pub(super) mod page;
mod prune;
pub(super) mod record;
mod trust;
mod user;

use clap::Subcommand;
use feeds::oci::{Authority, Endpoint, Login, Registry, Retry};

use super::Context;
use crate::failure::{Class, Classify as _, Outcome};
use crate::service::Service;
use crate::site::Site;

/// The verbs of `runctl regi`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Add, list and remove those who may push beside the user of regi.toml.
    User {
        /// What to do about them.
        #[command(subcommand)]
        what: user::Verb,
    },
    /// Print how another host comes to trust regi: one command, with the digest of the script that it runs.
    Trust,
    /// Remove the blobs that no image needs any more; nobody can push meanwhile, everybody can pull.
    Gc(gc::Gc),
    /// Remove images that `feed regi` has put there and regi.toml lists no more, then their blobs as `gc` does.
    ///
    /// Which tags of a repository are listed is what the last `feed regi` found. What people pushed stays, and so does what
    /// a listed tag named before (`<tag>.previous`).
    Prune(prune::Prune),
}

/// Runs one of the verbs.
pub async fn regi(context: &Context, verb: &Verb) -> Outcome {
    match verb {
        Verb::User { what } => user::user(context, what).await,
        Verb::Trust => trust::trust(context),
        Verb::Gc(gc) => gc::gc(context, gc).await,
        Verb::Prune(prune) => prune::prune(context, prune).await,
    }
}

/// Prepares to speak with regi as the one who may push.
pub(super) fn connect(site: &Site) -> Outcome<Registry> {
    let secret = |name: &str| {
        fs_err::read(site.layout.secrets().join(name))
            .or_fail(Class::Engine, || "cannot read regi's secrets".to_owned())
            .map_err(|failure| failure.hint("regi must have been started once: runctl up regi"))
    };
    let password = String::from_utf8_lossy(&secret("regi-password")?).trim().to_owned();
    let endpoint = Endpoint {
        host: format!("{}:{}", site.hosts.of(Service::Regi).address, site.regi.port),
        plain: false,
        authority: Authority::Only(secret("ca.pem")?),
        login: Some(Login { user: site.regi.user.clone(), password }),
        retry: Retry::default(),
        parallel: site.regi.parallel,
    };
    Ok(Registry::connect(&endpoint)?)
}
