//! regi with a real registry: what it takes of layouts and of other registries, who may push, what is collected.

use std::path::Path;
use std::process::Command;

use sha2::Digest as _;
use suite::site::engine_answers;
use suite::{Site, run};

use crate::registry::{registry, skopeo};

/// Writes a blob of an OCI layout; returns its descriptor without the braces.
pub(crate) fn blob(folder: &Path, bytes: &[u8]) -> String {
    let digits = |hex: String, byte: &u8| format!("{hex}{byte:02x}");
    let hex = sha2::Sha256::digest(bytes).iter().fold(String::new(), digits);
    fs_err::write(folder.join("blobs/sha256").join(&hex), bytes).expect("a blob is written");
    format!(r#""digest":"sha256:{hex}","size":{}"#, bytes.len())
}

/// Lays an image of one platform.
pub(crate) fn image(folder: &Path, name: &str, architecture: &str) -> String {
    let config = format!(
        r#"{{"author":"{name}","architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}}}}"#
    );
    let config = blob(folder, config.as_bytes());
    let layer = blob(folder, format!("{name} for {architecture}").as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar",{layer}}}]}}"#
    );
    let kind = "application/vnd.oci.image.manifest.v1+json";
    format!(r#""mediaType":"{kind}",{}"#, blob(folder, manifest.as_bytes()))
}

/// Makes a layout of one image; returns the bytes of its index where it has several platforms.
pub(crate) fn layout(folder: &Path, name: &str, architectures: &[&str]) -> String {
    fs_err::create_dir_all(folder.join("blobs/sha256")).expect("a folder");
    let children = architectures.iter().map(|architecture| {
        let platform = format!(r#""platform":{{"os":"linux","architecture":"{architecture}"}}"#);
        format!("{{{},{platform}}}", image(folder, name, architecture))
    });
    let children = children.collect::<Vec<_>>().join(",");
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{children}]}}"#);
    let top = match architectures {
        [_] => index.clone(),
        _ => format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{kind}",{}}}]}}"#,
            blob(folder, index.as_bytes())
        ),
    };
    fs_err::write(folder.join("index.json"), top).expect("an index is written");
    index
}

pub(crate) fn table(name: &str, rest: &str) -> String {
    format!("[[image]]\nname = \"{name}\"\n{rest}\n")
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("a report in JSON")
}

#[test]
fn layouts_and_registries_are_mirrored_users_push_and_garbage_goes() {
    if !engine_answers("regi's images") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let (both, single) = (folder.path().join("both"), folder.path().join("single"));
    let index = layout(&both, "box", &["amd64", "arm64"]);
    layout(&single, "gone", &["amd64"]);
    let of = |folder: &Path| format!("layout = \"{}\"", folder.display());
    let cut = format!("{}\nplatforms = [\"linux/arm64\"]", of(&both));
    let laid = [
        table("laid/box:1.0", &of(&both)),
        table("cut/box:1", &cut),
        table("gone/box:1", &of(&single)),
    ]
    .concat();
    site.configure("regi.toml", &laid);
    site.runctl(&["up", "data", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();

    let remote = |name: &str| format!("docker://{}/{name}", registry(&site));
    let raw = |name: &str| skopeo(&site, &["inspect", "--raw", &remote(name)]).ok();
    assert_eq!(raw("laid/box:1.0"), index, "an index is another one");
    let lock = site.state("store/published/current/booddies.lock");
    let lock = json(&fs_err::read_to_string(lock).expect("a lock"));
    let names = lock["images"].as_array().expect("images").iter().map(|image| &image["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["cut/box:1", "gone/box:1", "laid/box:1.0"], "{lock}");
    let listed = json(&raw("cut/box:1"));
    assert_eq!(listed["manifests"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["manifests"][0]["platform"]["architecture"], "arm64");

    // From one registry to another, which is the same here: the newest of its tags.
    let authority = site.state("secrets/ca.pem").display().to_string();
    let from = format!(
        "registry = \"{}/laid/box\"\nauthority = \"{authority}\"\nnewest = 1\nreferrers = true",
        registry(&site)
    );
    site.configure("regi.toml", &format!("{laid}{}", table("mirror/box", &from)));
    site.runctl(&["feed", "regi"]).ok();
    assert_eq!(raw("mirror/box:1.0"), index);
    let again = site.runctl(&["--json", "feed", "regi"]).ok();
    assert_eq!(again.matches("unchanged").count(), 4, "{again}");

    users(&site, &remote);
    renewed(&site, &remote);
    trusted(&site, folder.path());

    let password = fs_err::read_to_string(site.state("secrets/regi-password")).expect("a password");
    let operator = format!("booddies:{}", password.trim());
    skopeo(&site, &["delete", "--creds", &operator, &remote("gone/box:1")]).ok();
    let would = json(&site.runctl(&["--json", "regi", "gc", "--dry-run"]).ok());
    let gone = json(&site.runctl(&["--json", "regi", "gc"]).ok());
    // What was laid, and what skopeo made of it for ada.
    assert_eq!(gone["blobs"], would["blobs"]);
    assert!(gone["blobs"].as_u64().is_some_and(|blobs| blobs >= 3), "{gone}");
    // It has forgotten what went, and takes it again.
    site.runctl(&["feed", "regi"]).ok();
    let copy = format!("dir:{}", folder.path().join("copy").display());
    skopeo(&site, &["copy", "--quiet", &remote("gone/box:1"), &copy]).ok();
    skopeo(&site, &["copy", "--quiet", "--all", &remote("mirror/box:1.0"), &copy]).ok();
}

/// A new certificate and a new token hold at once, in the container that runs.
fn renewed(site: &Site, remote: &dyn Fn(&str) -> String) {
    let started = || {
        let format = ["inspect", "--format", "{{.State.StartedAt}}", &site.container("regi")];
        run(Command::new("docker").args(format)).ok()
    };
    let shown = || {
        let ask = format!("openssl s_client -connect {} </dev/null 2>/dev/null", registry(site));
        run(Command::new("sh").args(["-c", &format!("{ask} | openssl x509 -noout -serial")])).ok()
    };
    let before = (started(), shown());
    fs_err::remove_file(site.state("secrets/regi/server.pem")).expect("there was a certificate");
    fs_err::write(site.state("secrets/regi-token"), "another\n").expect("a token is written");
    site.runctl(&["up", "regi"]).ok();
    let password = fs_err::read_to_string(site.state("secrets/regi-password")).expect("a password");
    let operator = format!("booddies:{}", password.trim());
    assert!(soon(|| shown() != before.1), "the old certificate is shown");
    let (from, to) = (remote("gone/box:1"), remote("renewed/box:1"));
    skopeo(site, &["copy", "--quiet", "--dest-creds", &operator, &from, &to]).ok();
    skopeo(site, &["delete", "--creds", &operator, &to]).ok();
    assert_eq!(started(), before.0, "its container was made anew");
}

/// Whether it comes true before nginx must have read its files again.
fn soon(condition: impl Fn() -> bool) -> bool {
    (0..100).any(|_| {
        let holds = condition();
        if !holds {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        holds
    })
}

/// A user who was added pushes, and one who was removed does not.
fn users(site: &Site, remote: &dyn Fn(&str) -> String) {
    let added = json(&site.runctl(&["--json", "regi", "user", "add", "ada"]).ok());
    let ada = format!("ada:{}", added["password"].as_str().expect("a password is shown"));
    let push = |name: &str| {
        let (from, to) = (remote("gone/box:1"), remote(name));
        skopeo(site, &["copy", "--quiet", "--dest-creds", &ada, &from, &to])
    };
    push("ada/box:1").ok();
    assert!(site.runctl(&["regi", "user", "list"]).ok().contains("ada"));
    let ask = |arguments: &[&str]| {
        let authority = site.state("secrets/ca.pem").display().to_string();
        run(Command::new("curl").args(["--silent", "--cacert", &authority]).args(arguments)).ok()
    };
    let token = ask(&["--user", &ada, &format!("https://{}/token", registry(site))]);
    let bearer = format!("Authorization: Bearer {}", json(&token)["token"].as_str().expect("one"));
    let upload = format!("https://{}/v2/ada/box/blobs/uploads/", registry(site));
    let write = || {
        ask(&["--output", "/dev/null", "--write-out", "%{http_code}", "--request", "POST"]
            .into_iter()
            .chain(["--header", &bearer, &upload])
            .collect::<Vec<_>>())
    };
    assert_eq!(write(), "202", "a token does not let its owner push");
    site.runctl(&["regi", "user", "remove", "ada"]).ok();
    assert!(soon(|| write() == "401"), "a token outlives its owner");
    push("ada/box:2").fails();
    let deleted = ["delete", "--creds", &ada, &remote("ada/box:1")];
    skopeo(site, &deleted).fails();
    let password = fs_err::read_to_string(site.state("secrets/regi-password")).expect("a password");
    let operator = format!("booddies:{}", password.trim());
    skopeo(site, &["delete", "--creds", &operator, &remote("ada/box:1")]).ok();
}

/// The script that data serves is the one whose digest is told, and lays the authority where engines look.
fn trusted(site: &Site, folder: &Path) {
    let told = json(&site.runctl(&["--json", "regi", "trust"]).ok());
    let script = folder.join("trust.sh");
    let url = format!("http://{}/trust.sh", site.address("data"));
    run(Command::new("curl").args(["-fsS", &url, "-o"]).arg(&script)).ok();
    let sum = run(Command::new("sha256sum").arg(&script)).ok();
    assert_eq!(sum.split_whitespace().next(), told["sha256"].as_str());
    let root = folder.join("host");
    run(Command::new("sh").arg(&script).env("ROOT", &root)).ok();
    let authority = fs_err::read_to_string(site.state("secrets/ca.pem")).expect("an authority");
    for engine in ["docker", "containers", "containerd"] {
        let path = root.join(format!("etc/{engine}/certs.d/{}/ca.crt", registry(site)));
        let laid = fs_err::read_to_string(path).expect("an authority is laid");
        assert_eq!(laid.trim(), authority.trim());
    }
    let folder = root.join("etc/containers/certs.d").join(registry(site));
    let inspect = ["inspect", "--raw", "--cert-dir"];
    let remote = format!("docker://{}/laid/box:1.0", registry(site));
    run(Command::new("skopeo").args(inspect).arg(folder).arg(remote)).ok();
}
