//! cgit: pages over gito's repositories, which it only reads.

use std::fmt::Write as _;

use super::{ConfigFile, Folder, Mount, OnChange, Probe, ServiceSpec, common};
use crate::service::Service;
use crate::site::Site;

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let repositories = site.layout.service(Service::Gito);
    let probe = Probe::Http { url: format!("http://{}/", site.hosts.of(Service::Cgit).address) };
    let mut spec = common(site, Service::Cgit, probe);
    // gito's own user, since gitolite's umask lets nobody else read.
    spec.user = Some("970:970".into());
    spec.mounts.push(Mount::read_only(repositories.clone(), "/var/lib/gito"));
    spec.tmpfs =
        vec![("/run", "size=16m,mode=0755,uid=970,gid=970"), ("/tmp", "size=16m,mode=1777")];
    spec.folders.push(Folder { path: repositories, uid: 970, gid: 970, mode: 0o750 });
    spec.files = vec![ConfigFile::new(
        site.layout.rendered(Service::Cgit).join("cgitrc"),
        cgitrc(site),
        OnChange::Nothing,
    )];
    spec
}

/// `project-list` (which gitolite keeps) and `scan-path` stand last: what they find takes the settings before them.
fn cgitrc(site: &Site) -> String {
    let mut text = "# Rendered by runctl from cgit.toml.\n".to_owned();
    let settings = [
        ("root-title", site.cgit.title.as_str()),
        ("root-desc", &site.cgit.description),
        ("clone-prefix", &site.cgit.clone_prefix),
        ("css", "/look/look.css"),
        ("logo", "/cgit-static/cgit.png"),
        ("favicon", "/cgit-static/favicon.ico"),
        ("virtual-root", "/"),
        ("robots", "noindex, nofollow"),
        ("snapshots", ""),
        ("source-filter", "/usr/local/lib/cgit/source"),
        ("about-filter", "/usr/local/lib/cgit/about"),
        ("readme", ":README.md"),
        ("readme", ":readme.md"),
        ("readme", ":README"),
        ("readme", ":README.txt"),
        ("readme", ":README.rst"),
        ("cache-size", "0"),
        ("enable-index-owner", "1"),
        ("enable-commit-graph", "1"),
        ("enable-log-filecount", "1"),
        ("enable-git-config", "1"),
        ("enable-http-clone", "0"),
        ("remove-suffix", "1"),
        ("section-sort", "1"),
        ("project-list", "/var/lib/gito/projects.list"),
        ("scan-path", "/var/lib/gito/repositories"),
    ];
    for (key, value) in settings.into_iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = writeln!(text, "{key}={value}");
    }
    text
}
