//! Upstreams whose images come when they are asked for: one more registry each inside the container, as a cache.
//!
//! Such a registry does not start while its upstream is away, and waits long for one that is silent. So it asks nginx on
//! loopback instead, which always answers, and asks the upstream: its way out, with the upstream's name and authority.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::super::{ConfigFile, OnChange, Secret};
use crate::site::PullThrough;

/// On loopback: where the first registry listens, and the first way out.
const REGISTRIES: usize = 5101;
const WAYS: usize = 5201;

/// What the container reads: registries to start, routes to them, and their ways out.
pub(super) fn files(all: &[PullThrough], rendered: &Path) -> Vec<ConfigFile> {
    let (mut upstreams, mut routes, mut ways) =
        (String::new(), String::from(MARK), String::from(MARK));
    for (number, through) in all.iter().enumerate() {
        let (registry, way) = (REGISTRIES + number, WAYS + number);
        // Writing to a string cannot fail.
        let login = if through.login.is_some() { " login" } else { "" };
        let _: std::fmt::Result = writeln!(upstreams, "{} {registry} {way}{login}", through.name);
        routes.push_str(&route(&through.name, registry));
        ways.push_str(&way_out(through, way));
    }
    [("upstreams", upstreams), ("routes.conf", routes), ("ways.conf", ways)]
        .map(|(name, text)| ConfigFile::new(rendered.join(name), text, OnChange::Replace))
        .into()
}

const MARK: &str = "# Rendered by runctl from regi.toml.\n";

/// Leads what is asked for below a name to the registry of its upstream.
fn route(name: &str, registry: usize) -> String {
    format!(
        "location /v2/{name}/ {{
    include /etc/nginx/read-only.conf;
    rewrite ^/v2/{name}/(.*)$ /v2/$1 break;
    proxy_pass http://127.0.0.1:{registry};
}}
"
    )
}

/// Leads what a registry asks to its upstream; the name is looked up when it is needed, so that it need not be known now.
fn way_out(through: &PullThrough, way: usize) -> String {
    let host = through.upstream.split_once("://").map_or("", |(_, host)| host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let authority = match through.authority {
        Some(_) => format!("/etc/regi/{}", authority(&through.name)),
        None => "/etc/ssl/certs/ca-certificates.crt".to_owned(),
    };
    // `start` makes the variable out of the login.
    let login = match through.login {
        Some(_) => format!("\n        proxy_set_header Authorization $login_{way};"),
        None => String::new(),
    };
    format!(
        "server {{
    listen 127.0.0.1:{way};
    set $upstream {};
    location / {{
        include /etc/nginx/way.conf;
        proxy_set_header Host {host};{login}
        proxy_ssl_name {name};
        proxy_ssl_trusted_certificate {authority};
        proxy_pass $upstream;
    }}
}}
",
        through.upstream
    )
}

/// The authorities of upstreams, and who we are there, where the container sees them.
pub(super) fn secrets(all: &[PullThrough], own: &Path, owner: (u32, u32)) -> Vec<Secret> {
    let copy = |name: String, original: &Option<PathBuf>, mode| {
        let (path, original) = (own.join(name), original.clone()?);
        Some(Secret::Copy { path, original, mode, owner })
    };
    let of = |through: &PullThrough| {
        let login = format!("upstream-{}.login", through.name);
        let authority = copy(authority(&through.name), &through.authority, 0o644);
        [authority, copy(login, &through.login, 0o600)]
    };
    all.iter().flat_map(of).flatten().collect()
}

fn authority(name: &str) -> String {
    format!("upstream-{name}.pem")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn each_upstream_has_a_registry_a_route_and_a_way_out() {
        let upstream = |name: &str, upstream: &str| PullThrough {
            name: name.to_owned(),
            upstream: upstream.to_owned(),
            authority: None,
            login: None,
        };
        let hub = PullThrough {
            authority: Some("/etc/ssl/own.pem".into()),
            login: Some("/etc/booddies/hub.login".into()),
            ..upstream("hub", "https://registry.example")
        };
        let all = [upstream("near", "http://10.77.0.20:5000"), hub];
        let files = files(&all, Path::new("/rendered"));
        let texts = files.iter().map(|file| file.contents.as_str());
        assert_snapshot!(texts.collect::<Vec<_>>().join("---\n"), @r#"
        near 5101 5201
        hub 5102 5202 login
        ---
        # Rendered by runctl from regi.toml.
        location /v2/near/ {
            include /etc/nginx/read-only.conf;
            rewrite ^/v2/near/(.*)$ /v2/$1 break;
            proxy_pass http://127.0.0.1:5101;
        }
        location /v2/hub/ {
            include /etc/nginx/read-only.conf;
            rewrite ^/v2/hub/(.*)$ /v2/$1 break;
            proxy_pass http://127.0.0.1:5102;
        }
        ---
        # Rendered by runctl from regi.toml.
        server {
            listen 127.0.0.1:5201;
            set $upstream http://10.77.0.20:5000;
            location / {
                include /etc/nginx/way.conf;
                proxy_set_header Host 10.77.0.20:5000;
                proxy_ssl_name 10.77.0.20;
                proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
                proxy_pass $upstream;
            }
        }
        server {
            listen 127.0.0.1:5202;
            set $upstream https://registry.example;
            location / {
                include /etc/nginx/way.conf;
                proxy_set_header Host registry.example;
                proxy_set_header Authorization $login_5202;
                proxy_ssl_name registry.example;
                proxy_ssl_trusted_certificate /etc/regi/upstream-hub.pem;
                proxy_pass $upstream;
            }
        }
        "#);
        assert_eq!(secrets(&all, Path::new("/own"), (0, 0)).len(), 2);
        assert!(super::files(&[], Path::new("/rendered"))[0].contents.is_empty());
    }
}
