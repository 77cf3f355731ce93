//! Upstreams that want to know who asks: a forge behind a password, one that speaks protocol version 2 only, and ssh.
//! Nobody who looks on learns a password.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use suite::forge::{Forge, MODERN, MOVED, PASSWORD, USER};
use suite::site::engine_answers;
use suite::{Finished, Site, run};

use crate::git::{git, site_and_origin, upstream};

/// Makes `name.git` below a folder, as a forge keeps it; returns the working copy that it was made of.
fn forged(folder: &Path, name: &str) -> PathBuf {
    let work = folder.join("work").join(name);
    upstream(&work);
    let bare = folder.join(format!("{name}.git"));
    let (from, to) = (work.display().to_string(), bare.display().to_string());
    git(folder, &["clone", "-q", "--bare", &from, &to]).ok();
    git(&work, &["remote", "add", "origin", &to]).ok();
    work
}

fn change(work: &Path, text: &str) {
    fs_err::write(work.join("README"), text).expect("a file is written");
    git(work, &["commit", "-q", "-a", "-m", text]).ok();
    git(work, &["push", "-q", "origin", "main"]).ok();
}

/// A file that only its owner reads.
fn secret(path: &Path, text: &str, mode: u32) {
    fs_err::write(path, text).expect("it is written");
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is private");
}

/// Feeds with a home of its own, and looks for the password in all that is said and left behind.
fn feed(site: &Site, home: &Path) -> Finished {
    let mut command = site.command(&["-vv", "feed", "gito"]);
    command.env("HOME", home).env("XDG_CONFIG_HOME", home.join("none"));
    let fed = run(&mut command);
    assert!(!format!("{fed:?}").contains(PASSWORD), "{fed:?}");
    let looked = ["-r", "-l", "-s", PASSWORD].map(str::to_owned);
    let left = run(Command::new("grep").args(looked).arg(site.state(".")).arg(site.path("etc")));
    assert_eq!(left.stdout, "", "the password is left behind");
    fed
}

fn mirrored(site: &Site, name: &str) -> String {
    let bare = site.state("gito/repositories").join(format!("{name}.git"));
    git(&bare, &["-c", "safe.directory=*", "rev-parse", "main"]).ok()
}

#[test]
fn a_password_reaches_the_forge_and_nobody_else() {
    if !engine_answers("forges behind a password") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let (root, home) = (folder.path().join("forge"), folder.path().join("home"));
    fs_err::create_dir_all(&home).expect("a folder");
    let names = ["by-file", "by-helper", "by-git", "by-git-helper", MODERN];
    let works = names.map(|name| forged(&root, name));
    let stranger = Forge::serving(&root, None);
    // Another name is another host.
    let elsewhere = stranger.url("").trim_end_matches('/').replace("127.0.0.1", "localhost");
    let forge = Forge::serving(&root, Some(elsewhere));

    let login = folder.path().join("login");
    secret(&login, &format!("{USER}\n{PASSWORD}\n"), 0o600);
    let helper = folder.path().join("helper");
    let answer = format!(
        "#!/bin/sh\n[ \"$1\" != get ] || printf 'username={USER}\\npassword={PASSWORD}\\n'\n"
    );
    secret(&helper, &answer, 0o700);
    let settings = format!("[credential]\n\thelper = {}\n", helper.display());
    fs_err::write(home.join(".gitconfig"), settings).expect("it is written");
    let file = login.display().to_string();
    let table = |name: &str, more: &str| {
        let url = forge.url(&format!("{name}.git"));
        format!("[[git]]\nname = \"{name}\"\nurl = \"{url}\"\n{more}\n")
    };
    let tables = [
        table("by-file", &format!("credentials = \"{file}\"")),
        table("by-helper", "credentials = \"helper\""),
        table("by-git", &format!("credentials = \"{file}\"\nfetch_by = \"git\"")),
        table("by-git-helper", "credentials = \"helper\"\nfetch_by = \"git\""),
        table(MODERN, &format!("credentials = \"{file}\"")),
    ];
    site.configure("gito.toml", &tables.concat());
    site.runctl(&["up", "gito"]).ok();

    let fed = feed(&site, &home);
    assert!(fed.stderr.contains("the system's git takes over"), "{}", fed.stderr);
    fed.ok();
    let tip = |work: &Path| git(work, &["rev-parse", "HEAD"]).ok();
    for (name, work) in names.iter().zip(&works) {
        assert_eq!(mirrored(&site, name), tip(work), "{name}");
    }
    let seen = forge.seen();
    assert!(seen.logins > 0 && seen.leaks.is_empty(), "{seen:?}");

    // Where nothing is new, each is asked once and nothing is fetched.
    feed(&site, &home).ok();
    let asked = forge.seen().requests;
    let of = |name: &str| asked.iter().filter(|it| it.contains(name)).count();
    for name in ["by-file", "by-helper"] {
        assert_eq!(of(&format!("/{name}.git/")), 1, "{asked:?}");
    }
    // Version 2 lists references by a request of its own; what was fetched would be one more.
    for name in ["by-git", "by-git-helper", MODERN] {
        assert_eq!(of(&format!("/{name}.git/")), 2, "{asked:?}");
    }
    for work in &works {
        change(work, "more words");
    }
    feed(&site, &home).ok();
    for (name, work) in names.iter().zip(&works) {
        assert_eq!(mirrored(&site, name), tip(work), "{name}");
    }
    assert!(forge.seen().leaks.is_empty());

    // A forge that sends whoever asks elsewhere: the password stays, whether the mirror is new or not.
    for by in ["auto", "git"] {
        for name in ["by-file", "new"] {
            let url = forge.url(&format!("{MOVED}/by-file.git"));
            site.configure(
                "gito.toml",
                &format!("[[git]]\nname = \"{name}\"\nurl = \"{url}\"\ncredentials = \"{file}\"\nfetch_by = \"{by}\"\n"),
            );
            feed(&site, &home).fails();
            assert_eq!(stranger.seen().logins, 0, "{by} {name}");
        }
    }
    // A password that is wrong is told by the repository's name, and not shown.
    secret(&login, &format!("{USER}\nnot-{PASSWORD}\n"), 0o600);
    site.configure("gito.toml", &tables[0]);
    assert!(feed(&site, &home).fails().contains("by-file"));
}

/// gito itself is a server that asks for a key, and shows one.
#[test]
fn upstreams_over_ssh_are_learned_once_and_believed_from_then_on() {
    if !engine_answers("upstreams over ssh") {
        return;
    }
    let (site, folder, origin) = site_and_origin();
    let key = folder.path().join("identity");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).ok();
    let trust =
        |hosts: &str| format!("identity = \"{}\"\ntrust_hosts = [{hosts}]\n", key.display());
    let first = format!("[[git]]\nname = \"first\"\nurl = \"{}\"\n", origin.display());
    let host = site.address("gito");
    let again = |by: &str| {
        let url = format!("ssh://git@{host}/first");
        format!("{first}[[git]]\nname = \"by-{by}\"\nurl = \"{url}\"\nfetch_by = \"{by}\"\n")
    };
    site.configure("gito.toml", &format!("{}{first}", trust("")));
    site.runctl(&["up", "gito"]).ok();
    site.runctl(&["feed", "gito"]).ok();
    let public = key.with_extension("pub").display().to_string();
    site.runctl(&["gito", "user", "add", "follower", &public]).ok();

    let known = site.state("secrets/gito/upstreams_known_hosts");
    for by in ["auto", "git"] {
        let feed = |hosts: &str| {
            site.configure("gito.toml", &format!("{}{}", trust(hosts), again(by)));
            site.runctl(&["feed", "gito"])
        };
        if known.exists() {
            fs_err::remove_file(&known).expect("it is removed");
        }
        let refused = feed("").fails();
        assert!(refused.contains("host key") || refused.contains("Host key"), "{refused}");
        feed(&format!("\"{host}\"")).ok();
        assert_eq!(mirrored(&site, &format!("by-{by}")), mirrored(&site, "first"));
        // What was learned is enough; where nothing is new, it is asked all the same.
        feed("").ok();
        let text = fs_err::read_to_string(&known).expect("a key was learned");
        let other = fs_err::read_to_string(&public).expect("a key");
        let other = other.split(' ').nth(1).expect("its second word").to_owned();
        let learned = text.trim().rsplit(' ').next().expect("its last word").to_owned();
        fs_err::write(&known, text.replace(&learned, &other)).expect("it is written");
        let refused = feed(&format!("\"{host}\"")).fails();
        assert!(refused.contains("host key") || refused.contains("Host key"), "{refused}");
    }
}
