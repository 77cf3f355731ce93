//! Images out of tars with an OCI layout, as skopeo and podman write them: they keep their digests.

use std::path::Path;
use std::process::Command;

use suite::site::{docker, engine_answers};
use suite::{Site, run, skip};

use crate::clients::lay_image;
use crate::regi::{json, table};
use crate::registry::{registry, skopeo};

#[test]
fn tars_with_an_oci_layout_keep_their_digests() {
    if !engine_answers("tars with an OCI layout") {
        return;
    }
    let site = Site::built();
    let folder = tempfile::tempdir().expect("a folder");
    let layout = format!("oci:{}", lay_image(folder.path()).display());
    let tar = |tool: &str| folder.path().join(format!("{tool}.tar"));
    let to = format!("oci-archive:{}", tar("skopeo").display());
    skopeo(&site, &["copy", "--quiet", &layout, &to]).ok();
    let mut tools = vec!["skopeo"];
    if Command::new("podman").arg("--version").output().is_ok() {
        saved_by_podman(folder.path(), &tar("podman"));
        tools.push("podman");
    } else {
        skip("tars that podman saves", "podman is not installed");
    }

    let of = |tool: &&str| {
        table(&format!("{tool}/box:1"), &format!("archive = \"{}\"", tar(tool).display()))
    };
    site.configure("regi.toml", &tools.iter().map(of).collect::<String>());
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();
    for tool in &tools {
        let index = run(Command::new("tar").arg("-xOf").arg(tar(tool)).arg("index.json")).ok();
        let image = format!("{}/{tool}/box:1", registry(&site));
        let remote = format!("docker://{image}");
        let served = skopeo(&site, &["inspect", "--format", "{{.Digest}}", &remote]).ok();
        assert_eq!(json(&index)["manifests"][0]["digest"], served.trim());
        docker(&["pull", "--quiet", &image]).ok();
        docker(&["rmi", &image]).ok();
    }
    let again = site.runctl(&["--json", "feed", "regi"]).ok();
    assert_eq!(again.matches("unchanged").count(), tools.len(), "{again}");

    // Half a tar is none, and what was served is served.
    let half = fs_err::read(tar("skopeo")).expect("a tar");
    fs_err::write(tar("skopeo"), &half[..half.len() / 2]).expect("half a tar");
    let fed = site.runctl(&["feed", "regi"]);
    let told = format!("{}{}", fed.stdout, fed.stderr);
    let failed = |line: &str| line.contains("skopeo/box:1") && line.contains("failed");
    assert!(fed.code != 0 && fed.stdout.lines().any(failed), "{told}");
    assert!(fed.stderr.contains("skopeo.tar: it has no"), "{told}");
    let remote = format!("docker://{}/skopeo/box:1", registry(&site));
    skopeo(&site, &["inspect", "--raw", &remote]).ok();
}

/// Takes the image into a store of podman's own, and saves it.
fn saved_by_podman(folder: &Path, tar: &Path) {
    let podman = |arguments: &[&str]| {
        let (root, state) = (folder.join("podman"), folder.join("podman-run"));
        run(Command::new("podman")
            .arg("--root")
            .arg(root)
            .arg("--runroot")
            .arg(state)
            .args(["--storage-driver", "vfs"])
            .args(arguments)
            .current_dir(folder))
        .ok()
    };
    // It makes a name out of the path, and takes no capitals.
    let id = podman(&["pull", "--quiet", "oci:layout"]);
    let tar = tar.display().to_string();
    podman(&["save", "--quiet", "--format", "oci-archive", "--output", &tar, id.trim()]);
}
