//! Those who pull from regi: skopeo, podman and containerd on a host that ran trust.sh, artifacts that are no images, users
//! where nobody is anonymous.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use sha2::Digest as _;
use suite::site::engine_answers;
use suite::{Finished, Site, run, skip};

use crate::registry::{registry, skopeo};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn digest(bytes: &[u8]) -> String {
    let digits = |hex: String, byte: &u8| format!("{hex}{byte:02x}");
    sha2::Sha256::digest(bytes).iter().fold("sha256:".to_owned(), digits)
}

fn descriptor(kind: &str, bytes: &[u8]) -> String {
    format!(r#"{{"mediaType":"{kind}","digest":"{}","size":{}}}"#, digest(bytes), bytes.len())
}

/// Lays an image of one file that every engine can unpack, in the OCI layout.
pub(crate) fn lay_image(folder: &Path) -> PathBuf {
    let layout = folder.join("layout");
    fs_err::create_dir_all(layout.join("blobs/sha256")).expect("a folder");
    fs_err::write(folder.join("hello"), "hello\n").expect("a file");
    let tar = folder.join("layer.tar");
    run(Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(folder).arg("hello")).ok();
    let layer = fs_err::read(tar).expect("a layer");
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        digest(&layer)
    );
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        descriptor("application/vnd.oci.image.layer.v1.tar", &layer),
    );
    for bytes in [&layer[..], config.as_bytes(), manifest.as_bytes()] {
        let name = digest(bytes).replacen("sha256:", "blobs/sha256/", 1);
        fs_err::write(layout.join(name), bytes).expect("a blob");
    }
    let top = descriptor(MANIFEST, manifest.as_bytes());
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{top}]}}"#);
    fs_err::write(layout.join("index.json"), index).expect("an index");
    fs_err::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a mark");
    layout
}

/// The user of regi.toml with the password.
pub(crate) fn operator(site: &Site) -> String {
    let password = fs_err::read_to_string(site.state("secrets/regi-password")).expect("a password");
    format!("booddies:{}", password.trim())
}

/// curl that trusts the site's authority; `path` is below `/v2/`.
fn curl(site: &Site, path: &str, arguments: &[&str]) -> Finished {
    let url = format!("https://{}/v2/{path}", registry(site));
    let authority = site.state("secrets/ca.pem");
    run(Command::new("curl").args(["-sS", "--cacert"]).arg(authority).args(arguments).arg(url))
}

pub(crate) fn code(site: &Site, path: &str, arguments: &[&str]) -> String {
    let arguments = [&["-o", "/dev/null", "-w", "%{http_code}"], arguments].concat();
    curl(site, path, &arguments).ok()
}

pub(crate) fn until(mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !ready() {
        assert!(Instant::now() < end, "it does not come up");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn nobody_pulls_without_a_password_where_that_is_wished() {
    if !engine_answers("pulling with a password") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let laid = lay_image(folder.path());
    site.configure(
        "regi.toml",
        &format!(
            "anonymous_pull = false\n[[image]]\nname = \"proof/box:1\"\nlayout = \"{}\"\n",
            laid.display()
        ),
    );
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();
    let remote = format!("docker://{}/proof/box:1", registry(&site));
    let refused = skopeo(&site, &["inspect", "--raw", "--no-creds", &remote]).fails();
    assert!(refused.contains("auth"), "{refused}");
    skopeo(&site, &["inspect", "--raw", "--creds", &operator(&site), &remote]).ok();
    assert_eq!(code(&site, "proof/box/manifests/1", &[]), "401");

    artifact(&site);
}

/// Something that is no image: its own media type, an empty configuration, as oras pushes it.
fn artifact(site: &Site) {
    let token = format!("https://{}/token?service=regi", registry(site));
    let asked = run(Command::new("curl")
        .args(["-sSf", "--cacert"])
        .arg(site.state("secrets/ca.pem"))
        .args(["-u", &operator(site), &token]))
    .ok();
    let asked: serde_json::Value = serde_json::from_str(&asked).expect("a token");
    let bearer = format!("Authorization: Bearer {}", asked["token"].as_str().expect("a token"));
    let push = |method: &str, path: &str, more: &[&str]| {
        let arguments = [&["-f", "-i", "-X", method, "-H", &bearer], more].concat();
        curl(site, path, &arguments).ok()
    };
    let (notes, empty) = ("a note of its own kind\n", "{}");
    for blob in [notes, empty] {
        let begun = push("POST", "tools/notes/blobs/uploads/", &["-d", ""]);
        let place =
            begun.lines().find_map(|line| line.strip_prefix("Location: ")).expect("a place");
        let place = place.trim().rsplit_once("/v2/").expect("it is below /v2/").1;
        let and = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{and}digest={}", digest(blob.as_bytes()));
        push(
            "PUT",
            &place,
            &["-H", "Content-Type: application/octet-stream", "--data-binary", blob],
        );
    }
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"application/vnd.example.note","config":{},"layers":[{}]}}"#,
        descriptor("application/vnd.oci.empty.v1+json", empty.as_bytes()),
        descriptor("application/vnd.example.note.text", notes.as_bytes()),
    );
    let kind = format!("Content-Type: {MANIFEST}");
    push("PUT", "tools/notes/manifests/1", &["-H", &kind, "--data-binary", &manifest]);
    let accept = format!("Accept: {MANIFEST}");
    let read = |path: &str| curl(site, path, &["-f", "-H", &bearer, "-H", &accept]).ok();
    assert_eq!(read("tools/notes/manifests/1"), manifest.trim());
    let blob = format!("tools/notes/blobs/{}", digest(notes.as_bytes()));
    assert_eq!(read(&blob).trim(), notes.trim());
}

/// Another host, as far as its `/etc` goes: what is written there is gone with the command.
fn elsewhere(folder: &Path, script: &str) -> Command {
    let own = folder.join("etc");
    fs_err::create_dir_all(&own).expect("a folder");
    let begin = format!(
        "set -e; mount -t tmpfs tmpfs {0}; mkdir {0}/upper {0}/work; \
         mount -t overlay -o lowerdir=/etc,upperdir={0}/upper,workdir={0}/work overlay /etc; \
         rm -rf /etc/docker/certs.d /etc/containers/certs.d /etc/containerd/certs.d; {script}",
        own.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &begin]).env_remove("SSL_CERT_FILE");
    command
}

/// containerd of its own; it ends with this.
struct Containerd {
    process: Child,
    socket: String,
}

impl Containerd {
    /// None where it is not installed.
    fn below(folder: &Path) -> Option<Self> {
        let path = |name: &str| folder.join(name).display().to_string();
        let config = path("containerd.toml");
        let text = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
        fs_err::write(&config, text).expect("a file");
        let log = fs_err::File::create(path("containerd.log")).expect("a log").into_parts().0;
        let socket = path("containerd.sock");
        let process = Command::new("containerd")
            .args(["--config", &config, "--root", &path("root"), "--state", &path("state")])
            .args(["--address", &socket])
            .stderr(log)
            .spawn()
            .ok()?;
        let containerd = Self { process, socket };
        until(|| containerd.ctr("version").code == 0);
        Some(containerd)
    }

    fn ctr(&self, verb: &str) -> Finished {
        run(Command::new("ctr").args(["--address", &self.socket, verb]))
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_host_that_ran_trust_sh_pulls_with_whatever_it_has() {
    if !engine_answers("clients of regi") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let laid = lay_image(folder.path());
    let layout = laid.display();
    site.configure(
        "regi.toml",
        &format!("[[image]]\nname = \"proof/box:1\"\nlayout = \"{layout}\"\n"),
    );
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();
    let image = format!("{}/proof/box:1", registry(&site));
    let trust = format!("sh {}", site.state("store/published/trust.sh").display());

    let inspect = format!("skopeo inspect --raw docker://{image}");
    if run(&mut elsewhere(folder.path(), "true")).code != 0 {
        skip("clients of regi on another host", "no overlay can be mounted over /etc");
        return;
    }
    assert!(run(&mut elsewhere(folder.path(), &inspect)).fails().contains("certificate"));
    run(&mut elsewhere(folder.path(), &format!("{trust}; {inspect}"))).ok();

    let below = folder.path().display();
    let podman = format!("podman --root {below}/podman --runroot {below}/run --storage-driver vfs");
    if Command::new("podman").arg("--version").output().is_ok() {
        let pull = format!("{trust}; {podman} pull -q {image}; {podman} images -q {image}");
        run(&mut elsewhere(folder.path(), &pull)).ok();
    } else {
        skip("podman pulls from regi", "podman is not installed");
    }
    match Containerd::below(folder.path()) {
        Some(containerd) => {
            let ctr = format!("ctr --address {}", containerd.socket);
            let hosts = "--hosts-dir /etc/containerd/certs.d --snapshotter native";
            let pull = format!("{trust}; {ctr} images pull {hosts} {image}; {ctr} images ls -q");
            assert!(run(&mut elsewhere(folder.path(), &pull)).ok().contains(&image));
        }
        None => skip("containerd pulls from regi", "containerd is not installed"),
    }
}
