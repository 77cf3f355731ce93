//! A part of a YUM repository: dnf, createrepo and gpgv agree with the metadata that the site made and signed.

use std::path::{Path, PathBuf};
use std::process::Command;

use suite::repositories::SigningKey;
use suite::upstream::Upstream;
use suite::{Finished, Site, run};

/// Name, version, further lines of the spec file, paths.
pub(crate) type Spec = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// `app` needs all kinds of things; `noise` is asked for by nobody.
pub(crate) const SPECS: [Spec; 10] = [
    (
        "app",
        "1",
        "Requires: lib >= 2, /usr/bin/tool, /usr/share/deep/file, (plugin if server), (x or y)\nRecommends: nice",
        &["/usr/share/app"],
    ),
    ("lib", "1", "", &["/usr/share/lib"]),
    ("lib", "2", "", &["/usr/share/lib"]),
    ("lib", "3", "", &["/usr/share/lib"]),
    ("tool", "1", "Requires: (server and y)", &["/usr/bin/tool"]),
    ("deep", "1", "", &["/usr/share/deep/file"]),
    ("server", "1", "", &["/usr/share/server"]),
    ("plugin", "1", "Requires: stream = 18", &["/usr/share/plugin"]),
    ("y", "1", "", &["/usr/share/y"]),
    ("noise", "1", "", &["/usr/share/noise"]),
];
const STREAMS: [Spec; 2] =
    [("stream", "18", "", &["/usr/share/stream"]), ("stream", "20", "", &["/usr/share/stream"])];
const COMPS: &str = "<?xml version=\"1.0\"?><comps><group><id>kept</id><name>Kept</name><uservisible>true</uservisible>\
    <packagelist><packagereq type=\"mandatory\">app</packagereq></packagelist></group>\
    <group><id>gone</id><name>Gone</name><packagelist><packagereq>noise</packagereq></packagelist></group></comps>";
const UPDATES: &str = "<updates><update from=\"x\" status=\"final\" type=\"security\" version=\"1\"><id>KEPT-1</id><title>t</title>\
    <issued date=\"2024-01-01 00:00:00\"/><pkglist><collection short=\"c\"><name>c</name>\
    <package name=\"lib\" version=\"3\" release=\"1\" epoch=\"0\" arch=\"noarch\" src=\"\"><filename>lib-3-1.noarch.rpm</filename></package>\
    </collection></pkglist></update>\
    <update from=\"x\" status=\"final\" type=\"security\" version=\"1\"><id>GONE-1</id><title>t</title><pkglist><collection>\
    <package name=\"noise\" version=\"1\" release=\"1\" epoch=\"0\" arch=\"noarch\" src=\"\"><filename>n.rpm</filename></package>\
    </collection></pkglist></update></updates>";

fn modules() -> String {
    let stream = |version: &str| {
        format!(
            "---\ndocument: modulemd\nversion: 2\ndata:\n  name: stream\n  stream: \"{version}\"\n  version: 1\n  context: c0ffee00\n  \
             arch: noarch\n  summary: s\n  description: d\n  license:\n    module: [MIT]\n  artifacts:\n    rpms:\n    \
             - stream-0:{version}-1.noarch\n...\n"
        )
    };
    let default = "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: stream\n  stream: \"18\"\n...\n";
    [stream("18"), stream("20"), default.to_owned()].concat()
}

pub(crate) fn build(folder: &Path, (name, version, lines, paths): &Spec) {
    let build = folder.with_extension("rpmbuild");
    fs_err::create_dir_all(&build).expect("a folder");
    let make = |path: &&str| format!("install -D /dev/null %{{buildroot}}{path}\n");
    let install: String = paths.iter().map(make).collect();
    let text = format!(
        "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: {name}\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n{lines}\n\
         %description\n{name}\n%install\n{install}%files\n{}\n",
        paths.join("\n")
    );
    let spec = build.join(format!("{name}-{version}.spec"));
    fs_err::write(&spec, text).expect("the spec is written");
    let (top, into) = (build.display(), folder.display());
    run(Command::new("rpmbuild")
        .args(["--quiet", "-bb", "--define", &format!("_topdir {top}")])
        .args(["--define", &format!("_rpmdir {into}")])
        .arg(spec))
    .ok();
}

/// A site that mirrors a part of a repository of our own making.
struct World {
    site: Site,
    upstream: Upstream,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let os = folder.path().join("served/os");
        fs_err::create_dir_all(&os).expect("a folder");
        for spec in SPECS.iter().chain(&STREAMS) {
            build(&os, spec);
        }
        let comps = folder.path().join("comps.xml");
        fs_err::write(&comps, COMPS).expect("written");
        let gz = "--general-compress-type=gz";
        run(Command::new("createrepo_c").args(["--quiet", gz, "-g"]).arg(&comps).arg(&os)).ok();
        for (name, text) in [("updateinfo.xml", UPDATES.to_owned()), ("modules.yaml", modules())] {
            let file = folder.path().join(name);
            fs_err::write(&file, text).expect("written");
            run(Command::new("modifyrepo_c").arg(&file).arg(os.join("repodata"))).ok();
        }
        let key = SigningKey::made_in(folder.path());
        key.export(&folder.path().join("key.asc"));
        key.sign_beside(&os.join("repodata/repomd.xml"));
        let upstream = Upstream::serving(&folder.path().join("served"));
        Self { site: Site::new(), upstream, folder }
    }

    fn feed(&self, lines: &str) -> Finished {
        self.feed_all(&[("part", lines)])
    }

    /// Feeds parts of the upstream, each by its name and what is said of it.
    fn feed_all(&self, parts: &[(&str, &str)]) -> Finished {
        let (key, url) = (self.folder.path().join("key.asc"), self.upstream.url("os/"));
        let told = parts.iter().map(|(name, lines)| {
            let key = key.display();
            format!("[[yum]]\nname = \"{name}\"\nurls = [\"{url}\"]\nkeys = [\"{key}\"]\n{lines}\n")
        });
        self.site.configure("data.toml", &told.collect::<String>());
        self.site.runctl(&["feed", "data"])
    }

    fn tree(&self) -> PathBuf {
        self.tree_of("part")
    }

    fn tree_of(&self, name: &str) -> PathBuf {
        let tree = self.site.state("store/published/current/data/yum").join(name);
        fs_err::canonicalize(tree).expect("it is served")
    }

    fn dnf(&self, arguments: &[&str]) -> Finished {
        self.dnf_with(&["part"], arguments)
    }

    /// Runs dnf on some of the parts, and no other repository.
    fn dnf_with(&self, parts: &[&str], arguments: &[&str]) -> Finished {
        let root = self.folder.path();
        let repos = root.join("repos");
        fs_err::create_dir_all(&repos).expect("a folder");
        let told = parts.iter().map(|name| {
            let tree = self.tree_of(name);
            format!(
                "[{name}]\nname={name}\nbaseurl=file://{tree}\ngpgcheck=0\nrepo_gpgcheck=1\n\
                 gpgkey=file://{tree}/RPM-GPG-KEY-booddies\nenabled=1\n",
                tree = tree.display()
            )
        });
        fs_err::write(repos.join("parts.repo"), told.collect::<String>()).expect("written");
        run(Command::new("dnf")
            .args(["--assumeyes", "--releasever=9", "--refresh", "--setopt=install_weak_deps=0"])
            .arg("--disableplugin=local")
            .arg(format!("--installroot={}", root.join("machine").display()))
            .arg(format!("--setopt=reposdir={}", repos.display()))
            .arg(format!("--setopt=cachedir={}", root.join("cache").display()))
            .args(arguments))
    }

    fn repoquery(&self) -> Vec<String> {
        let format = "%{name}-%{version}";
        let arguments = ["-q", "repoquery", "--disable-modular-filtering", "--queryformat", format];
        let told = self.dnf(&arguments).ok();
        let mut all: Vec<_> = told.split_whitespace().map(str::to_owned).collect();
        all.sort();
        all
    }
}

#[test]
fn dnf_installs_a_part_and_sees_its_groups_advisories_and_modules() {
    let world = World::new();
    world.feed("packages = [\"app\"]").ok();
    let closed = ["app-1", "deep-1", "lib-3", "plugin-1", "server-1", "stream-18", "tool-1", "y-1"];
    assert_eq!(world.repoquery(), closed);
    world.dnf(&["install", "app"]).ok();
    for path in ["app", "deep/file", "plugin", "stream"] {
        assert!(world.folder.path().join("machine/usr/share").join(path).exists(), "{path}");
    }
    let groups = world.dnf(&["group", "list", "--ids"]).ok();
    assert!(groups.contains("kept") && !groups.contains("gone"), "{groups}");
    let advisories = world.dnf(&["updateinfo", "list", "--all"]).ok();
    assert!(advisories.contains("KEPT-1") && !advisories.contains("GONE-1"), "{advisories}");
    let streams = world.dnf(&["module", "list"]).ok();
    assert!(streams.contains("18") && !streams.contains("20"), "{streams}");

    world.feed("packages = [\"app\"]\nmodules = [\"stream:20\"]").fails_with(11);
    let told = world.feed("packages = [\"app\", \"ghost\"]").fails_with(11);
    assert!(told.contains("`ghost`"), "{told}");
    assert_eq!(world.repoquery(), closed, "what was served is gone");
}

#[test]
fn dnf_installs_from_two_repositories_of_which_one_leans_on_the_other() {
    let world = World::new();
    let base = "include = [\"lib\", \"tool\", \"deep\", \"server\", \"y\"]";
    let leaning = "packages = [\"app\"]\nleans_on = [\"base\"]";
    world.feed_all(&[("base", base), ("part", leaning)]).ok();
    assert_eq!(world.repoquery(), ["app-1", "plugin-1", "stream-18"]);
    world.dnf_with(&["part"], &["install", "app"]).fails_with(1);
    world.dnf_with(&["base", "part"], &["install", "app"]).ok();
    for path in ["app", "lib", "deep/file", "plugin", "stream", "y"] {
        assert!(world.folder.path().join("machine/usr/share").join(path).exists(), "{path}");
    }
    // What it leans on has less now, so more is its own.
    let base = "include = [\"lib\", \"tool\", \"deep\", \"server\"]";
    world.feed_all(&[("base", base), ("part", leaning)]).ok();
    assert_eq!(world.repoquery(), ["app-1", "plugin-1", "stream-18", "y-1"]);
    let lacking = format!("{leaning}\nexclude = [\"stream\"]");
    let told = world.feed_all(&[("base", base), ("part", &lacking)]).fails_with(13);
    assert!(told.contains("`stream = 18`") && told.contains("leans on (`base`)"), "{told}");
}

#[test]
fn the_same_part_has_the_same_bytes_signed_by_the_site_and_createrepo_agrees() {
    let world = World::new();
    world.feed("newest = 1\nexclude = [\"noise\"]").ok();
    let first = suite::mirrored::digests(&world.tree());
    assert!(
        !first.iter().any(|line| line.contains("noise") || line.contains("lib-2")),
        "{first:?}"
    );
    assert!(first.iter().any(|line| line.contains("stream-20")), "{first:?}");

    let (tree, folder) = (world.tree(), world.folder.path());
    let keyring = folder.join("site.gpg");
    run(Command::new("gpg")
        .args(["--batch", "--yes", "--dearmor", "--output"])
        .arg(&keyring)
        .arg(tree.join("RPM-GPG-KEY-booddies")))
    .ok();
    let repomd = tree.join("repodata/repomd.xml");
    run(Command::new("gpgv")
        .arg("--keyring")
        .arg(&keyring)
        .arg(repomd.with_extension("xml.asc"))
        .arg(&repomd))
    .ok();

    // createrepo, which reads the packages themselves where it must, lists the same ones by the same digests.
    let copy = folder.join("copy");
    run(Command::new("cp").arg("-rL").args([&tree, &copy])).ok();
    let pkgids = || {
        let listed = "zcat repodata/*-primary.xml.gz | grep -o 'pkgid=\"YES\">[0-9a-f]*' | sort";
        run(Command::new("sh").args(["-c", listed]).current_dir(&copy)).ok()
    };
    let before = pkgids();
    let update = ["--quiet", "--update", "--skip-stat", "--general-compress-type=gz"];
    run(Command::new("createrepo_c").args(update).arg(&copy)).ok();
    assert_eq!(pkgids(), before);
    assert_eq!(before.lines().count(), 9, "{before}");
    assert_eq!(world.repoquery().len(), 9);

    world.feed("newest = 2\nexclude = [\"noise\"]").ok();
    assert_ne!(suite::mirrored::digests(&world.tree()), first);
    world.feed("newest = 1\nexclude = [\"noise\"]").ok();
    assert_eq!(suite::mirrored::digests(&world.tree()), first);
}
