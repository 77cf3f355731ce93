//! regi: images are mirrored, pulled over TLS by docker and skopeo, and pushed only with the password.

use std::process::Command;

use suite::site::{IMAGES, docker, engine_answers};
use suite::{Finished, Site, run};

const PORT: u16 = 5000;

pub(crate) fn registry(site: &Site) -> String {
    format!("{}:{PORT}", site.address("regi"))
}

/// skopeo that trusts the site's authority, and nothing else.
pub(crate) fn skopeo(site: &Site, arguments: &[&str]) -> Finished {
    run(Command::new("skopeo").args(arguments).env("SSL_CERT_FILE", site.state("secrets/ca.pem")))
}

fn id_of(image: &str) -> String {
    docker(&["image", "inspect", "-f", "{{.Id}}", image]).ok()
}

#[test]
fn images_are_pulled_over_tls_and_pushed_with_the_password_only() {
    if !engine_answers("regi") {
        return;
    }
    let site = Site::built();
    let source = format!("{IMAGES}/ntpd:latest");
    site.configure(
        "regi.toml",
        &format!("[[image]]\nname = \"proof/ntpd:1\"\nengine = \"{source}\"\n"),
    );
    site.runctl(&["up", "regi"]).ok();
    site.runctl(&["feed", "regi"]).ok();

    let image = format!("{}/proof/ntpd:1", registry(&site));
    docker(&["pull", "--quiet", &image]).ok();
    assert_eq!(id_of(&image), id_of(&source), "the image is another one");
    docker(&["rmi", &image]).ok();

    let remote = format!("docker://{image}");
    let folder = tempfile::tempdir().expect("a folder");
    let copy = format!("dir:{}", folder.path().join("copy").display());
    skopeo(&site, &["copy", "--quiet", &remote, &copy]).ok();

    let pushed = format!("docker://{}/proof/pushed:1", registry(&site));
    let refused = skopeo(&site, &["copy", "--quiet", "--dest-no-creds", &copy, &pushed]).fails();
    assert!(
        refused.contains("auth") || refused.contains("401") || refused.contains("denied"),
        "{refused}"
    );
    let password = fs_err::read_to_string(site.state("secrets/regi-password")).expect("a password");
    let wrong =
        skopeo(&site, &["copy", "--quiet", "--dest-creds", "booddies:wrong", &copy, &pushed]);
    wrong.fails();
    let right = format!("booddies:{}", password.trim());
    skopeo(&site, &["copy", "--quiet", "--dest-creds", &right, &copy, &pushed]).ok();
    skopeo(&site, &["inspect", "--raw", &pushed]).ok();

    let nobody = folder.path().join("nobody");
    fs_err::create_dir(&nobody).expect("a folder without authorities");
    let distrusting = run(Command::new("skopeo")
        .args(["inspect", "--cert-dir"])
        .args([nobody.as_os_str(), remote.as_ref()])
        .env("SSL_CERT_FILE", "/dev/null"));
    assert!(distrusting.fails().contains("certificate"));
}
