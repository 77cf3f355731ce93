//! regi: the OCI registry. Whoever is on the bridge may pull; the password of `regi.toml`'s user is needed to push.

use std::path::Path;

use super::{ConfigFile, Folder, Mount, OnChange, Probe, Secret, Service, ServiceSpec, common};
use crate::site::Site;

/// User and group `regi`.
const REGI: u32 = 971;
/// Where the host's engine looks for the authorities of registries; the engine has one place, whatever the root.
const ENGINE_TRUST: &str = "/etc/docker/certs.d";

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let host = site.hosts.of(Service::Regi);
    let kept = site.layout.service(Service::Regi);
    let secrets = site.layout.secrets();
    let own = secrets.join("regi");
    let probe = Probe::Registry {
        url: format!("https://{}:{}/v2/", host.address, site.regi.port),
        authority: secrets.join("ca.pem"),
    };
    let mut spec = common(site, Service::Regi, probe);
    spec.user = Some("971:971".into());
    spec.mounts.push(Mount::writable(kept.clone(), "/var/lib/registry"));
    spec.mounts.push(Mount::read_only(own.clone(), "/etc/regi"));
    spec.tmpfs = vec![("/run", "size=16m,mode=0755,uid=971,gid=971")];
    spec.memory = 512 << 20;
    spec.folders.push(Folder::private(kept, REGI));
    spec.folders.push(Folder::private(secrets.clone(), 0));
    spec.folders.push(Folder::private(own.clone(), REGI));
    spec.files = vec![ConfigFile::new(
        site.layout.rendered(Service::Regi).join("listen.conf"),
        listen_conf(site.regi.port),
        OnChange::Replace,
    )];
    spec.secrets = certificates(site, &secrets, &own);
    spec.secrets.extend(credentials(site, &secrets, &own));
    spec
}

fn listen_conf(port: u16) -> String {
    format!("# Rendered by runctl from regi.toml.\nlisten {port} ssl;\n")
}

/// The site's authority, regi's certificate, and the engine's trust in both of regi's names.
fn certificates(site: &Site, secrets: &Path, own: &Path) -> Vec<Secret> {
    let host = site.hosts.of(Service::Regi);
    let name = format!("{}.{}", host.name, site.domain);
    let (authority_key, authority) = (secrets.join("ca.key"), secrets.join("ca.pem"));
    let trusted = |name: String| Secret::Copy {
        path: Path::new(ENGINE_TRUST).join(format!("{name}:{}", site.regi.port)).join("ca.crt"),
        original: authority.clone(),
        mode: 0o644,
        owner: (0, 0),
    };
    vec![
        Secret::CertificateAuthority {
            key: authority_key.clone(),
            certificate: authority.clone(),
            name: format!("booddies site {}", site.name),
        },
        Secret::ServerCertificate {
            key: own.join("server.key"),
            certificate: own.join("server.pem"),
            authority_key,
            authority: authority.clone(),
            names: vec![
                name.clone(),
                host.name.clone(),
                format!("{}.{}", Service::Regi, site.domain),
                Service::Regi.to_string(),
                host.address.to_string(),
            ],
            owner: (REGI, REGI),
        },
        trusted(name),
        trusted(host.address.to_string()),
    ]
}

/// The password to push with, and the token that it buys.
fn credentials(site: &Site, secrets: &Path, own: &Path) -> Vec<Secret> {
    let (password, token) = (secrets.join("regi-password"), secrets.join("regi-token"));
    let owner = (REGI, REGI);
    vec![
        Secret::Password { path: password.clone(), owner: (0, 0) },
        Secret::PasswordFile {
            path: own.join("passwords"),
            user: site.regi.user.clone(),
            password,
            owner,
        },
        Secret::Password { path: token.clone(), owner: (0, 0) },
        Secret::Rendered {
            path: own.join("token.json"),
            template: r#"{"token":"{}","access_token":"{}"}"#.into(),
            password: token.clone(),
            owner,
        },
        Secret::Rendered {
            path: own.join("push.conf"),
            template: "map $http_authorization $may_write { \"Bearer {}\" 1; default 0; }\n".into(),
            password: token,
            owner,
        },
    ]
}
