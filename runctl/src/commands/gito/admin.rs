//! gitolite's admin repository, reached as a person would: over ssh, with runctl's own key.

use std::path::PathBuf;

use feeds::git::{self, Access, Admin};

use crate::failure::{Class, Classify as _, Failure, Outcome};
use crate::service::Service;
use crate::site::Site;

/// Speaks with gitolite as its administrator, on a thread of its own.
pub(in crate::commands) async fn as_admin<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Admin) -> Result<T, git::Error> + Send + 'static,
) -> Outcome<T> {
    let address = site.hosts.of(Service::Gito).address.to_string();
    let admin = Admin {
        url: format!("ssh://git@{address}/gitolite-admin"),
        access: Access {
            identity: Some(secrets(site).join("admin")),
            known_hosts: Some(pin(site, &address)?),
            ..Access::default()
        },
    };
    tokio::task::spawn_blocking(move || work(&admin))
        .await
        .or_fail(Class::Unexpected, || "gitolite was not asked".to_owned())?
        .map_err(|error| {
            let failure = Failure::from(error);
            if failure.class == Class::Feed {
                failure.hint("gito must be running: runctl up gito")
            } else {
                failure
            }
        })
}

/// Where the keys of gito are.
pub(in crate::commands) fn secrets(site: &Site) -> PathBuf {
    site.layout.secrets().join("gito")
}

/// Where gito keeps what it has to push on.
pub(in crate::commands) fn queue(site: &Site) -> PathBuf {
    site.layout.service(Service::Gito).join("mirror-queue")
}

/// Writes gito's host key, as gito made it, where ssh looks for it: it is known, not learned.
fn pin(site: &Site, address: &str) -> Outcome<PathBuf> {
    let key = site.layout.service(Service::Gito).join("ssh/ssh_host_ed25519_key.pub");
    let key = fs_err::read_to_string(key)
        .or_fail(Class::Engine, || "gito has no host key yet".to_owned())
        .map_err(|failure| failure.hint("gito must be running: runctl up gito"))?;
    let path = secrets(site).join("known_hosts");
    fs_err::write(&path, format!("{address} {key}"))
        .or_fail(Class::Unexpected, || "cannot pin gito's host key".to_owned())?;
    Ok(path)
}
