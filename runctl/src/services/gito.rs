//! gito: gitolite behind sshd. The admin's key comes from here; the host key is gito's own, made on its first start.

use super::{ConfigFile, Folder, Mount, OnChange, Probe, Secret, ServiceSpec, common};
use crate::service::Service;
use crate::site::Site;

/// User and group `git`.
const GIT: u32 = 970;

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let home = site.layout.service(Service::Gito);
    let secrets = site.layout.secrets();
    let own = secrets.join("gito");
    let probe = Probe::Git {
        url: format!("ssh://git@{}/gitolite-admin", site.hosts.of(Service::Gito).address),
        key: own.join("admin"),
        host_key: home.join("ssh/ssh_host_ed25519_key.pub"),
    };
    let mut spec = common(site, Service::Gito, probe);
    spec.user = Some("970:970".into());
    spec.mounts.push(Mount::writable(home.clone(), "/var/lib/gito"));
    spec.mounts.push(Mount::read_only(own.join("admin.pub"), "/etc/gito/admin.pub"));
    spec.tmpfs = vec![("/tmp", "size=64m,mode=1777")];
    // git packs in memory.
    spec.memory = 1 << 30;
    spec.folders.push(Folder { path: home, uid: GIT, gid: GIT, mode: 0o750 });
    spec.folders.push(Folder::private(secrets, 0));
    spec.folders.push(Folder::private(own.clone(), 0));
    spec.files = vec![ConfigFile::new(
        site.layout.rendered(Service::Gito).join("ssh_config"),
        ssh_config(site),
        OnChange::Nothing,
    )];
    spec.secrets = vec![Secret::SshKey {
        path: own.join("admin"),
        comment: format!("runctl@{}", site.name),
        owner: (0, 0),
    }];
    if let Some(key) = &site.gito.admin_key {
        spec.mounts.push(Mount::read_only(key.clone(), "/etc/gito/operator.pub"));
    }
    if let Some(original) = &site.gito.identity {
        let path = own.join("identity");
        spec.mounts.push(Mount::read_only(path.clone(), "/etc/gito/identity"));
        let original = original.clone();
        spec.secrets.push(Secret::Copy { path, original, mode: 0o600, owner: (GIT, GIT) });
    }
    spec
}

/// How gito reaches the upstreams that it mirrors pushes to: a host's key is learned once, and only where that is
/// written down.
fn ssh_config(site: &Site) -> String {
    let learned = if site.gito.trust_hosts.is_empty() {
        String::new()
    } else {
        format!(
            "Host {}\n    StrictHostKeyChecking accept-new\n\n",
            site.gito.trust_hosts.join(" ")
        )
    };
    format!(
        "# Rendered by runctl from gito.toml.
{learned}Host *
    IdentityFile /etc/gito/identity
    IdentitiesOnly yes
    UserKnownHostsFile /var/lib/gito/.ssh/known_hosts
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 10
"
    )
}
