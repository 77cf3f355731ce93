//! rack: our own service over the book of machines; what it remembers lies in one `SQLite` file.

use super::{ConfigFile, Folder, Mount, OnChange, Probe, Secret, ServiceSpec, common};
use crate::service::Service;
use crate::site::Site;

/// Who it runs as.
const USER: (u32, u32) = (973, 973);

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let address = site.hosts.of(Service::Rack).address;
    let mut spec =
        common(site, Service::Rack, Probe::Http { url: format!("http://{address}/healthz") });
    let kept = site.layout.service(Service::Rack);
    let secrets = site.layout.secrets().join("rack");
    let control = site.layout.control();
    spec.user = Some(format!("{}:{}", USER.0, USER.1));
    spec.mounts.push(Mount::writable(kept.clone(), "/var/lib/rack"));
    spec.mounts.push(Mount::writable(control.clone(), "/run/rack"));
    spec.mounts.push(Mount::read_only(secrets.clone(), "/etc/rack"));
    spec.folders.push(Folder::private(site.layout.secrets(), 0));
    spec.folders.extend([kept, control, secrets.clone()].map(|path| Folder::private(path, USER.0)));
    spec.environment = vec![
        ("RACK_LISTEN".into(), format!("{address}:80")),
        ("RACK_LIFETIME".into(), site.rack.token_lifetime.to_string()),
    ];
    spec.memory = 64 << 20;
    spec.pids = 64;
    spec.secrets = site
        .secrets
        .iter()
        .map(|secret| Secret::Copy {
            path: secrets.join(&secret.name),
            original: secret.path.clone(),
            mode: 0o400,
            owner: USER,
        })
        .collect();
    // It looks at the file's time: nothing else need happen.
    let book = site.layout.rendered(Service::Rack).join("book.json");
    spec.files = vec![ConfigFile::new(book, contents(site), OnChange::Nothing)];
    spec
}

/// The book as JSON; it holds no secret.
fn contents(site: &Site) -> String {
    let mut text = serde_json::to_string(&site.book()).expect("a book is plain data");
    text.push('\n');
    text
}
