//! regi: the OCI registry. Whoever is on the bridge may pull; the password of `regi.toml`'s user is needed to push.

mod pull_through;

use std::path::{Path, PathBuf};

use super::{ConfigFile, Folder, Mount, OnChange, Probe, Secret, ServiceSpec, common};
use crate::service::Service;
use crate::site::Site;

/// User and group `regi`.
const REGI: u32 = 971;
/// User and group of data, which serves the script.
const DATA: u32 = 33;
/// Where the host's engine looks for the authorities of registries; the engine has one place, whatever the root.
const ENGINE_TRUST: &str = "/etc/docker/certs.d";

/// Memory of registry and nginx, and of one more registry for each upstream that is pulled through.
const MEMORY: u64 = 512 << 20;
const PER_UPSTREAM: u64 = 128 << 20;

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
    spec.memory = MEMORY + PER_UPSTREAM * site.regi.pull_through.len() as u64;
    spec.uplink.clone_from(&site.regi.uplink);
    spec.folders.push(Folder::private(kept, REGI));
    spec.folders.push(Folder::private(secrets.clone(), 0));
    spec.folders.push(Folder::private(own.clone(), REGI));
    let rendered = site.layout.rendered(Service::Regi);
    spec.files = vec![
        ConfigFile::new(
            rendered.join("listen.conf"),
            listen_conf(site.regi.port),
            OnChange::Replace,
        ),
        ConfigFile::new(
            rendered.join("pull.conf"),
            pull_conf(site.regi.anonymous_pull),
            OnChange::Replace,
        ),
    ];
    spec.files.extend(pull_through::files(&site.regi.pull_through, &rendered));
    // nginx reads certificate and token when it starts, and on this.
    spec.rereads_secrets = Some("SIGHUP");
    spec.secrets = certificates(site, &secrets, &own);
    spec.secrets.extend(credentials(site, &secrets, &own));
    spec.secrets.push(trust(site, &secrets));
    spec.secrets.extend(pull_through::secrets(&site.regi.pull_through, &own, (REGI, REGI)));
    spec
}

fn listen_conf(port: u16) -> String {
    format!("# Rendered by runctl from regi.toml.\nlisten {port} ssl;\n")
}

/// Whether reading takes a token, too.
fn pull_conf(anonymous: bool) -> String {
    let rule = if anonymous { "default 0;" } else { "1 0; default 1;" };
    format!("# Rendered by runctl from regi.toml.\nmap $may_write $refused_read {{ {rule} }}\n")
}

/// Those who may push beside the user of regi.toml: lines of `user:hash`.
pub fn users(site: &Site) -> PathBuf {
    site.layout.secrets().join("regi-users")
}

/// The script by which other hosts come to trust regi; data serves it as `/trust.sh`.
pub fn trust_script(site: &Site) -> PathBuf {
    site.layout.store().join("published/trust.sh")
}

/// The names by which regi is reached.
fn names(site: &Site) -> Vec<String> {
    let host = site.hosts.of(Service::Regi);
    vec![
        format!("{}.{}", host.name, site.domain),
        host.name.clone(),
        format!("{}.{}", Service::Regi, site.domain),
        Service::Regi.to_string(),
        host.address.to_string(),
    ]
}

/// The script with the authority in it: a host that runs it needs nothing else from anybody.
fn trust(site: &Site, secrets: &Path) -> Secret {
    let names = names(site).into_iter().map(|name| format!("{name}:{}", site.regi.port));
    let names = names.collect::<Vec<_>>().join(" ");
    Secret::Rendered {
        path: trust_script(site),
        template: include_str!("regi/trust.sh").replace("@REGISTRIES@", &names),
        password: secrets.join("ca.pem"),
        owner: (DATA, DATA),
    }
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
            names: names(site),
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
            others: users(site),
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
