//! gito and cgit: a repository is mirrored, cloned over ssh, pushed to and pushed on, shown, and carried away.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use suite::site::engine_answers;
use suite::{Finished, Site, SmallDisk, run, skip};
use tempfile::TempDir;

use crate::pages::chromium;

pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Finished {
    run(Command::new("git")
        .args([
            "-c",
            "user.name=Suite",
            "-c",
            "user.email=suite@example",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder))
}

/// git over ssh with the site administrator's key.
pub(crate) fn git_as_admin(site: &Site, folder: &Path, arguments: &[&str]) -> Finished {
    git_with(site, &site.state("secrets/gito/admin"), folder, arguments)
}

/// git over ssh with a key; gito answers whatever name it is called by.
fn git_with(site: &Site, key: &Path, folder: &Path, arguments: &[&str]) -> Finished {
    let ssh = format!(
        "ssh -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile={} -o StrictHostKeyChecking=accept-new -o HostName={}",
        key.display(),
        site.path("known_hosts").display(),
        site.address("gito"),
    );
    let identity = ["-c", "user.name=Suite", "-c", "user.email=suite@example"];
    let mut command = Command::new("git");
    run(command.args(identity).args(arguments).current_dir(folder).env("GIT_SSH_COMMAND", ssh))
}

fn page(site: &Site, path: &str) -> String {
    let url = format!("http://{}/{path}", site.address("cgit"));
    run(Command::new("curl").args(["--silent", "--show-error", "--fail", &url])).ok()
}

/// Makes a repository of one commit and one tag.
pub(crate) fn upstream(folder: &Path) {
    fs_err::create_dir_all(folder).expect("a folder");
    git(folder, &["init", "-q"]).ok();
    fs_err::write(folder.join("README"), "first words\n").expect("a file is written");
    git(folder, &["add", "."]).ok();
    git(folder, &["commit", "-q", "-m", "Say the first words"]).ok();
    git(folder, &["tag", "v1"]).ok();
}

/// A site, a folder beside it, and in that `origin`, a repository to mirror.
pub(crate) fn site_and_origin() -> (Site, TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    upstream(&origin);
    (Site::built(), folder, origin)
}

#[test]
fn a_mirrored_repository_is_cloned_over_ssh_and_shown() {
    if !engine_answers("gito and cgit") {
        return;
    }
    let (site, folder, origin) = site_and_origin();
    site.configure(
        "gito.toml",
        &format!(
            "[[git]]\nname = \"words\"\nurl = \"{}\"\nowner = \"Suite\"\ndescription = \"Some words\"\ncategory = \"proof\"\n",
            origin.display()
        ),
    );
    site.runctl(&["up", "gito", "cgit"]).ok();
    site.runctl(&["feed", "gito"]).ok();

    let url = format!("ssh://git@{}/words", site.address("gito"));
    git_as_admin(&site, folder.path(), &["clone", "-q", &url, "clone"]).ok();
    let clone = folder.path().join("clone");
    assert_eq!(git(&clone, &["rev-parse", "v1"]).ok(), git(&origin, &["rev-parse", "v1"]).ok());

    let index = page(&site, "");
    for word in ["words", "Some words", "Suite", "proof"] {
        assert!(index.contains(word), "{word} is not on the page:\n{index}");
    }
    assert!(page(&site, "words/log/").contains("Say the first words"));

    fs_err::write(origin.join("README"), "more words\n").expect("a file is written");
    git(&origin, &["commit", "-q", "-a", "-m", "Say more"]).ok();
    site.runctl(&["feed", "gito"]).ok();
    git_as_admin(&site, &clone, &["fetch", "-q"]).ok();
    assert_eq!(
        git(&clone, &["rev-parse", "origin/main"]).ok(),
        git(&origin, &["rev-parse", "main"]).ok()
    );
}

/// A repository that people push to, with something to look at.
fn shelf(folder: &Path) {
    fs_err::create_dir_all(folder).expect("a folder");
    git(folder, &["init", "-q"]).ok();
    let readme = "# Shelf\n\nSome *books*.\n\n<script>document.title = 'taken'</script>\n";
    fs_err::write(folder.join("README.md"), readme).expect("a file is written");
    fs_err::write(folder.join("book.py"), "def book():\n    return 'read'  # aloud\n")
        .expect("a file is written");
    git(folder, &["add", "."]).ok();
    git(folder, &["commit", "-q", "-m", "Put up a shelf"]).ok();
}

/// What a control repository and a Puppetfile on this host name comes along, once each, and git is told where it is.
#[test]
fn modules_of_puppetfiles_are_mirrored_and_found() {
    if !engine_answers("Puppet's modules") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let origin = |name: &str| folder.path().join(name);
    let url = |name: &str| format!("file://{}", origin(name).display());
    let origins = ["control", "apache", "ntp"].map(|name| {
        let origin = origin(name);
        shelf(&origin);
        origin
    });
    let named = |name: &str| format!("mod '{name}',\n  :git => '{}'\n", url(name));
    fs_err::write(origins[0].join("Puppetfile"), named("apache")).expect("it is written");
    git(&origins[0], &["add", "."]).ok();
    git(&origins[0], &["commit", "-q", "-m", "Name modules"]).ok();
    site.configure("Puppetfile", &format!("{}{}", named("apache"), named("ntp")));
    let control = format!("[[git]]\nname = \"control\"\nurl = \"{}\"\n", url("control"));
    let alone = "[[puppetfile]]\npath = \"Puppetfile\"\nmodules = \"alone\"\n";
    site.configure("gito.toml", &format!("{control}modules = \"puppet\"\n{alone}"));
    site.runctl(&["up", "gito", "cgit"]).ok();
    site.runctl(&["feed", "gito"]).ok();
    let found = page(&site, "gitconfig");
    for (name, mirrored) in [("apache", "puppet/apache"), ("ntp", "alone/ntp")] {
        let bare = site.state("gito/repositories").join(format!("{mirrored}.git"));
        let tip =
            |folder: &Path| git(folder, &["-c", "safe.directory=*", "rev-parse", "HEAD"]).ok();
        assert_eq!(tip(&bare), tip(&origin(name)));
        let told = format!("/{mirrored}\"]\n\tinsteadOf = {}\n", url(name));
        assert!(found.contains(&told), "{found}");
    }
    assert_eq!(found.matches("insteadOf").count(), 2, "{found}");
    site.runctl(&["feed", "gito", "--dry-run"]).ok();
}

#[test]
fn people_push_to_gito_look_at_cgit_and_carry_it_away() {
    if !engine_answers("people of gito") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let (origin, far) = (folder.path().join("origin"), folder.path().join("far.git"));
    shelf(&origin);
    // Where gito pushes on to is on its own disk, and not there yet.
    let target = "/var/lib/gito/far.git";
    site.configure(
        "gito.toml",
        &format!(
            "[[git]]\nname = \"home/shelf\"\nurl = \"{}\"\nowner = \"Ada\"\ndescription = \"Books\"\ncategory = \"home\"\nwriters = [\"ada\"]\npush_mirror = \"file://{target}\"\n",
            origin.display()
        ),
    );
    site.runctl(&["up", "gito", "cgit"]).ok();
    site.runctl(&["feed", "gito"]).ok();
    let lock = site.state("store/published/current/booddies.lock");
    let lock = fs_err::read_to_string(lock).expect("a lock");
    let tip = git(&origin, &["rev-parse", "HEAD"]).ok();
    assert!(lock.contains("\"home/shelf\"") && lock.contains(tip.trim()), "{lock}");

    let key = folder.path().join("ada");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).ok();
    let public = key.with_extension("pub").display().to_string();
    let clone_url = "ssh://git@gito01.rack.lan/home/shelf";
    assert!(page(&site, "home/shelf/").contains(clone_url));
    let clone = |to: &str| git_with(&site, &key, folder.path(), &["clone", "-q", clone_url, to]);
    assert!(clone("early").fails().contains("Permission denied"));
    let dry = site.runctl(&["gito", "user", "add", "ada", &public, "--dry-run"]).ok();
    assert!(dry.contains("ada would get this key"), "{dry}");
    site.runctl(&["gito", "user", "add", "ada", &public]).ok();
    let listed = site.runctl(&["gito", "user", "list"]).ok();
    assert!(listed.contains("ada") && listed.contains("admin"), "{listed}");
    clone("clone").ok();

    let clone = folder.path().join("clone");
    fs_err::write(clone.join("more"), "more\n").expect("a file is written");
    git(&clone, &["add", "."]).ok();
    git(&clone, &["commit", "-q", "-m", "Put more on it"]).ok();
    git_with(&site, &key, &clone, &["push", "-q"]).ok();
    assert!(page(&site, "home/shelf/log/").contains("Put more on it"));

    let queue = site.runctl(&["gito", "queue"]).ok();
    assert!(queue.contains("home/shelf") && queue.contains(target), "{queue}");
    let inside = site.state("gito/far.git");
    run(Command::new("git").args(["init", "-q", "--bare"]).arg(&inside)).ok();
    run(Command::new("chown").args(["-R", "970:970"]).arg(&inside)).ok();
    let queue = site.runctl(&["gito", "queue", "--retry"]).ok();
    assert!(queue.contains("nothing waits"), "{queue}");

    let (stick, tip) = (folder.path().join("stick"), git(&clone, &["rev-parse", "HEAD"]).ok());
    site.runctl(&["gito", "bundle", &stick.display().to_string()]).ok();
    let bundle = stick.join("home/shelf.git/0001.bundle").display().to_string();
    git(folder.path(), &["clone", "-q", "--bare", &bundle, "far.git"]).ok();
    assert_eq!(git(&far, &["rev-parse", "HEAD"]).ok(), tip);
    assert_eq!(git(&inside, &["-c", "safe.directory=*", "rev-parse", "main"]).ok(), tip);

    looks(&site, folder.path());
    site.runctl(&["gito", "user", "remove", "ada"]).ok();
    assert!(git_with(&site, &key, &clone, &["fetch"]).fails().contains("Permission denied"));
}

/// cgit in a browser: what a repository holds is shown, and nothing of it runs.
fn looks(site: &Site, folder: &Path) {
    let source = page(site, "home/shelf/tree/book.py");
    assert!(source.contains("class=\"hl kwa\""), "no colours in {source}");
    if Command::new("chromium").arg("--version").output().is_err() {
        skip("cgit in a browser", "chromium is not installed");
        return;
    }
    let at = |path: &str| format!("http://{}/{path}", site.address("cgit"));
    let index = chromium(folder, &["--dump-dom", &at("")]).ok();
    for word in ["home", "Books", "Ada"] {
        assert!(index.contains(word), "{word} is not on {index}");
    }
    let about = chromium(folder, &["--dump-dom", &at("home/shelf/about/")]).ok();
    assert!(about.contains("<h1>Shelf</h1>") && about.contains("<em>books</em>"), "{about}");
    assert!(!about.contains("<title>taken"), "{about}");
    colours(site, folder);
    for (name, path) in [("index", ""), ("source", "home/shelf/tree/book.py")] {
        let shot = folder.join(format!("{name}.png"));
        let to = format!("--screenshot={}", shot.display());
        chromium(folder, &[&to, "--window-size=1280,900", &at(path)]).ok();
        assert!(fs_err::metadata(&shot).expect("a screenshot").len() > 1000);
    }
}

/// Our colours of source come before cgit's own.
fn colours(site: &Site, folder: &Path) {
    let (theirs, ours) = (page(site, "cgit-static/cgit.css"), page(site, "look/look.css"));
    let import = "@import url(\"/cgit-static/cgit.css\");";
    assert!(ours.contains(import), "{ours}");
    let style = ours.replace(import, &theirs);
    let kinds = [
        ("num", "b35900"),
        ("str", "207a20"),
        ("com", "6b6b6b"),
        ("kwa", "0b4fb3"),
        ("kwd", "006a75"),
    ];
    let word = |(kind, _): &(&str, &str)| format!("<span class=\"hl {kind}\">{kind}</span>");
    let words: String = kinds.iter().map(word).collect();
    let script = "document.title = [...document.querySelectorAll('.hl')].map(it => getComputedStyle(it).color).join(' ')";
    let file = folder.join("colours.html");
    let text = format!(
        "<style>{style}</style><div id=cgit><table class=blob><tr><td class=lines><pre><code>{words}</code></pre></table></div><script>{script}</script>"
    );
    fs_err::write(&file, text).expect("a page is written");
    let shown = chromium(folder, &["--dump-dom", &format!("file://{}", file.display())]).ok();
    let part = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    let colour = |(_, hex): &(&str, &str)| {
        format!("rgb({}, {}, {})", part(hex, 0), part(hex, 2), part(hex, 4))
    };
    let wanted: Vec<_> = kinds.iter().map(colour).collect();
    assert!(shown.contains(&format!("<title>{}</title>", wanted.join(" "))), "{shown}");
}

#[test]
fn a_stranger_is_turned_away() {
    if !engine_answers("gito") {
        return;
    }
    let site = Site::built();
    site.runctl(&["up", "gito"]).ok();
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("stranger");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key)).ok();
    let asked = run(Command::new("ssh")
        .args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"])
        .args(["-o", "UserKnownHostsFile=/dev/null", "-i"])
        .arg(&key)
        .arg(format!("git@{}", site.address("gito"))));
    assert!(asked.fails().contains("Permission denied"));
}

#[test]
fn a_full_disk_names_the_repository_and_moves_nothing() {
    if !engine_answers("a full disk under gito") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let mut tables = String::new();
    for name in ["heavy", "light"] {
        let origin = folder.path().join(name);
        upstream(&origin);
        writeln!(tables, "[[git]]\nname = \"{name}\"\nurl = \"{}\"", origin.display())
            .expect("a string takes it");
    }
    site.configure("gito.toml", &tables);
    site.runctl(&["up", "gito"]).ok();
    site.runctl(&["feed", "gito"]).ok();
    for name in ["heavy", "light"] {
        let origin = folder.path().join(name);
        let ballast = "head -c 6000000 /dev/urandom > ballast";
        run(Command::new("sh").args(["-c", ballast]).current_dir(&origin)).ok();
        git(&origin, &["add", "."]).ok();
        git(&origin, &["commit", "-q", "-m", "Weigh more"]).ok();
    }

    let of = |name: &str| site.state("gito/repositories").join(format!("{name}.git"));
    let refs = |name: &str| git(&of(name), &["-c", "safe.directory=*", "show-ref"]).ok();
    let (before, light) = (refs("heavy"), refs("light"));
    let Some(disk) = SmallDisk::at(of("heavy"), 3) else {
        skip("a full disk under gito", "no tmpfs can be mounted");
        return;
    };
    let fed = site.runctl(&["feed", "gito"]);
    assert_eq!(fed.code, 13, "{}{}", fed.stdout, fed.stderr);
    let told = fed.stderr.lines().any(|line| line.contains("No space left"));
    assert!(told && fed.stdout.contains("git heavy"), "{}{}", fed.stdout, fed.stderr);
    assert_eq!(refs("heavy"), before);
    assert!(!of("heavy").join("booddies-incoming").exists());
    git(&of("heavy"), &["-c", "safe.directory=*", "fsck", "--full"]).ok();
    assert_ne!(refs("light"), light);

    drop(disk);
    site.runctl(&["feed", "gito"]).ok();
    assert_ne!(refs("heavy"), before);
}

#[test]
fn repositories_that_cannot_be_made_are_named_and_hold_back_no_other() {
    if !engine_answers("what lies in gitolite's way") {
        return;
    }
    let (site, folder, origin) = site_and_origin();
    let table =
        |name: &str| format!("[[git]]\nname = \"{name}\"\nurl = \"{}\"\n", origin.display());
    site.configure("gito.toml", &["dangling", "file", "file/below", "words"].map(table).concat());
    site.runctl(&["up", "gito"]).ok();
    let of = |name: &str| site.state("gito/repositories").join(name);
    // The first looks like nothing until gitolite makes a repository there; the others are seen before it is asked.
    fs_err::os::unix::fs::symlink("/nowhere", of("dangling.git")).expect("a link");
    fs_err::write(of("file.git"), "no repository").expect("a file is written");
    fs_err::write(of("file"), "no folder").expect("a file is written");

    let said = site.runctl(&["feed", "gito"]).fails_with(13);
    let all =
        ["dangling.git: File exists", "file.git is no repository", "below.git is no repository"];
    for told in all.into_iter().chain(["3 of 4 upstreams failed"]) {
        assert!(said.contains(told), "{said}");
    }
    let url = format!("ssh://git@{}/words", site.address("gito"));
    git_as_admin(&site, folder.path(), &["clone", "-q", &url, "words"]).ok();

    for obstacle in ["dangling.git", "file.git", "file"] {
        fs_err::remove_file(of(obstacle)).expect("it is moved away");
    }
    site.runctl(&["feed", "gito"]).ok();
}
