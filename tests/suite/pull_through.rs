//! What regi pulls from upstreams when it is asked for: over plain HTTP, and by TLS and a password.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use suite::site::{IMAGES, docker, engine_answers};
use suite::{Site, run};

use crate::clients::{code, lay_image, operator, until};
use crate::registry::{registry, skopeo};

/// Who may pull from the guarded upstream: a password that YAML and shells would misread.
const USER: &str = "somebody";
const PASSWORD: &str = "s3cr3t #it's";

/// A registry of somebody else's, off the site's bridge, over plain HTTP.
struct Elsewhere {
    container: String,
    address: String,
}

impl Elsewhere {
    /// A registry that serves everybody, over plain HTTP.
    fn of(site: &Site) -> Self {
        let image = format!("{IMAGES}/regi:latest");
        let folder = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/tmp/kept";
        let variables = ["-e", "REGISTRY_HTTP_ADDR=:5000", "-e", folder];
        let registry = ["serve", "/etc/docker/registry/booddies.yml"];
        let program = ["--entrypoint", "docker-registry", &image];
        let elsewhere = Self::begun(site, &[&variables[..], &program, &registry].concat());
        let url = format!("http://{}/v2/", elsewhere.address);
        until(|| run(Command::new("curl").args(["-sSf", &url])).code == 0);
        elsewhere
    }

    /// regi as another site has it, where nobody pulls without a password: TLS by an authority of its own, and tokens.
    fn guarded(site: &Site, folder: &Path) -> Self {
        let (own, rendered) = (folder.join("own"), folder.join("rendered"));
        let lay = |folder: &Path, files: &[(&str, &str)]| {
            fs_err::create_dir_all(folder).expect("a folder");
            for (name, text) in files {
                fs_err::write(folder.join(name), text).expect("a file");
            }
        };
        let users = format!("{USER}:{{PLAIN}}{PASSWORD}\n");
        let may_write = "map $http_authorization $may_write { \"Bearer theirs\" 1; default 0; }";
        let token = r#"{"token":"theirs","access_token":"theirs"}"#;
        lay(&own, &[("passwords", &users), ("push.conf", may_write), ("token.json", token)]);
        let pull = "map $may_write $refused_read { 1 0; default 1; }";
        lay(&rendered, &[("listen.conf", "listen 5000 ssl;"), ("pull.conf", pull)]);
        lay(&rendered, &[("routes.conf", ""), ("ways.conf", ""), ("upstreams", "")]);

        let volumes = [(&own, "/etc/regi"), (&rendered, "/etc/booddies")]
            .map(|(folder, place)| format!("{}:{place}:ro", folder.display()));
        let mounts = ["-v", &volumes[0], "-v", &volumes[1], "--tmpfs", "/run:uid=971,gid=971"];
        let image = format!("{IMAGES}/regi:latest");
        // Its certificate names the address that it is given now.
        let start =
            "until [ -e /etc/regi/server.pem ]; do sleep 0.1; done; exec /usr/local/bin/start";
        let kept = ["--tmpfs", "/var/lib/registry:uid=971,gid=971", "--entrypoint", "sh", &image];
        let elsewhere = Self::begun(site, &[&mounts[..], &kept, &["-c", start]].concat());
        elsewhere.certify(&own);
        elsewhere
    }

    fn begun(site: &Site, what: &[&str]) -> Self {
        let container = format!("{}-elsewhere", site.name());
        let label = format!("booddies.site={}", site.name());
        let begin = ["run", "-d", "--network", "bridge", "--name", &container, "--label", &label];
        docker(&[&begin[..], what].concat()).ok();
        let asked = ["inspect", "-f", "{{.NetworkSettings.IPAddress}}", &container];
        let address = format!("{}:5000", docker(&asked).ok().trim());
        Self { container, address }
    }

    /// Signs its own certificate, and waits for it to be shown.
    fn certify(&self, own: &Path) {
        let (key, certificate) = (own.join("server.key"), own.join("server.pem"));
        let address = self.address.trim_end_matches(":5000");
        let names = format!("subjectAltName=IP:{address},DNS:{address}");
        let made = own.join("made.pem");
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=elsewhere", "-addext", &names, "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&made))
        .ok();
        run(Command::new("chmod").args(["-R", "a+rX"]).arg(own)).ok();
        run(Command::new("chmod").arg("a+rx").arg(own.parent().expect("a folder"))).ok();
        fs_err::rename(&made, &certificate).expect("a certificate");
        let url = format!("https://{}/v2/", self.address);
        let ask =
            || run(Command::new("curl").arg("-sS").arg("--cacert").arg(&certificate).arg(&url));
        until(|| ask().code == 0);
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(docker(&["rm", "-f", "-v", &self.container]));
    }
}

#[test]
fn images_of_a_named_upstream_come_when_they_are_asked_for_and_stay() {
    if !engine_answers("pulling through regi") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let layout = format!("oci:{}", lay_image(folder.path()).display());
    site.runctl(&["up", "regi"]).ok();
    assert_eq!(code(&site, "hub/library/box/manifests/1", &[]), "404", "it is off by default");

    let elsewhere = Elsewhere::of(&site);
    let table =
        format!("[[pull_through]]\nname = \"hub\"\nupstream = \"http://{}\"\n", elsewhere.address);
    site.configure("regi.toml", &format!("uplink = \"bridge\"\n{table}"));
    site.runctl(&["up", "regi"]).ok();
    let theirs = format!("docker://{}/library/box:1", elsewhere.address);
    let quietly = ["copy", "--quiet", "--dest-tls-verify=false"];
    skopeo(&site, &[&quietly[..], &[&layout, &theirs]].concat()).ok();

    let begun = || until(|| code(&site, "hub/", &[]) != "502");
    begun();
    let ours = format!("{}/hub/library/box:1", registry(&site));
    let copy = format!("dir:{}", folder.path().join("copy").display());
    skopeo(&site, &["copy", "--quiet", &format!("docker://{ours}"), &copy]).ok();

    assert_eq!(code(&site, "hub/library/absent/manifests/1", &[]), "404");
    assert_eq!(code(&site, "other/library/box/manifests/1", &[]), "404");
    let push = format!("docker://{}/hub/library/own:1", registry(&site));
    let user = operator(&site);
    let refused =
        skopeo(&site, &["copy", "--quiet", "--dest-creds", &user, &layout, &push]).fails();
    assert!(refused.contains("nobody pushes here"), "{refused}");
    assert_eq!(code(&site, "hub/library/box/manifests/1", &["-X", "DELETE"]), "401");

    drop(elsewhere);
    docker(&["pull", "--quiet", &ours]).ok();
    docker(&["rmi", &ours]).ok();
    // Even when it is begun where nobody answers.
    site.runctl(&["restart", "regi"]).ok();
    begun();
    skopeo(&site, &["copy", "--quiet", &format!("docker://{ours}"), &copy]).ok();
}

#[test]
fn regi_logs_in_at_an_upstream_that_speaks_tls() {
    if !engine_answers("pulling through regi by a password") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let layout = format!("oci:{}", lay_image(folder.path()).display());
    let elsewhere = Elsewhere::guarded(&site, folder.path());
    let authority = folder.path().join("own/server.pem");
    let theirs = format!("docker://{}/library/box:1", elsewhere.address);
    let login = format!("{USER}:{PASSWORD}");
    let skopeo_there = |arguments: &[&str]| {
        run(Command::new("skopeo").args(arguments).env("SSL_CERT_FILE", &authority))
    };
    skopeo_there(&["copy", "--quiet", "--dest-creds", &login, &layout, &theirs]).ok();
    skopeo_there(&["inspect", "--raw", "--no-creds", &theirs]).fails();

    let configure = |login: &str| {
        let file = folder.path().join("login");
        fs_err::write(&file, format!("{login}\n")).expect("a login");
        let mut text = String::from("uplink = \"bridge\"\n[[pull_through]]\nname = \"hub\"\n");
        writeln!(text, "upstream = \"https://{}\"", elsewhere.address).expect("a string takes it");
        writeln!(text, "authority = \"{}\"", authority.display()).expect("a string takes it");
        writeln!(text, "login = \"{}\"", file.display()).expect("a string takes it");
        site.configure("regi.toml", &text);
        site.runctl(&["up", "regi"]).ok();
    };
    let begun = || until(|| code(&site, "hub/", &[]) != "502");
    let ours = format!("docker://{}/hub/library/box:1", registry(&site));
    let copy = format!("dir:{}", folder.path().join("copy").display());
    let pull = || skopeo(&site, &["copy", "--quiet", &ours, &copy]);

    configure("somebody:wrong");
    begun();
    pull().fails();
    configure(&login);
    site.runctl(&["restart", "regi"]).ok();
    begun();
    pull().ok();

    // Who we are there is told to nobody.
    let container = site.container("regi");
    for told in [&["inspect", &container][..], &["logs", &container], &["top", &container]] {
        let told = docker(told);
        let told = format!("{}{}", told.stdout, told.stderr);
        assert!(!told.contains("s3cr3t"), "{told}");
    }
}
