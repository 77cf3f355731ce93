//! Secrets are made once, and again only when they no longer hold. Owners need root, and are tested with the containers.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use super::*;

/// This process's own user: any test may give files to itself.
fn me() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Makes it if it is due; tells whether it was.
fn ensure(secret: &Secret) -> bool {
    let due = is_due(secret);
    if due {
        make(secret).unwrap();
        assert!(!is_due(secret), "{secret:?} is still due after it was made");
    }
    due
}

fn authority(folder: &Path) -> Secret {
    Secret::CertificateAuthority {
        key: folder.join("ca.key"),
        certificate: folder.join("ca.pem"),
        name: "booddies site demo".into(),
    }
}

fn server(folder: &Path, names: &[&str]) -> Secret {
    Secret::ServerCertificate {
        key: folder.join("server.key"),
        certificate: folder.join("server.pem"),
        authority_key: folder.join("ca.key"),
        authority: folder.join("ca.pem"),
        names: names.iter().map(ToString::to_string).collect(),
        owner: me(),
    }
}

#[test]
fn a_servers_certificate_follows_its_names_its_authority_and_the_calendar() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(ensure(&authority(folder)));
    assert!(!ensure(&authority(folder)));
    assert_eq!(mode(&folder.join("ca.key")), 0o600);
    assert_eq!(mode(&folder.join("ca.pem")), 0o644);

    assert!(ensure(&server(folder, &["regi01.rack.lan", "10.0.0.6"])));
    assert!(!ensure(&server(folder, &["regi01.rack.lan", "10.0.0.6"])));
    assert_eq!(mode(&folder.join("server.key")), 0o600);
    assert!(ensure(&server(folder, &["regi01.rack.lan", "10.0.0.7"])), "another address");

    make(&authority(folder)).unwrap();
    assert!(ensure(&server(folder, &["regi01.rack.lan", "10.0.0.7"])), "another authority");

    let path = folder.join("server.pem");
    let text = fs_err::read_to_string(&path).unwrap();
    let end = said(&text, UNTIL).unwrap();
    let near = today().saturating_add((RENEW_DAYS - 1).days()).date();
    fs_err::write(&path, text.replace(end, &near.to_string())).unwrap();
    assert!(is_due(&server(folder, &["regi01.rack.lan", "10.0.0.7"])), "its end is near");
}

#[test]
fn an_ssh_key_is_a_pair() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin");
    let secret = Secret::SshKey { path: path.clone(), comment: "runctl@demo".into(), owner: me() };
    assert!(ensure(&secret));
    assert_eq!(mode(&path), 0o600);
    let private = PrivateKey::read_openssh_file(&path).unwrap();
    let public = fs_err::read_to_string(public_half(&path)).unwrap();
    assert_eq!(private.public_key().to_openssh().unwrap(), public.trim());
    assert!(public.starts_with("ssh-ed25519 ") && public.ends_with(" runctl@demo\n"));
    fs_err::remove_file(public_half(&path)).unwrap();
    assert!(is_due(&secret));
}

#[test]
fn what_is_made_from_a_password_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let password = Secret::Password { path: file("password"), owner: me() };
    let hashed = |user: &str| Secret::PasswordFile {
        path: file("passwords"),
        user: user.into(),
        password: file("password"),
        others: file("others"),
        owner: me(),
    };
    let rendered = Secret::Rendered {
        path: file("token.json"),
        template: r#"{"token":"{}"}"#.into(),
        password: file("password"),
        owner: me(),
    };
    assert!(is_due(&hashed("push")) && is_due(&rendered));
    assert!(ensure(&password) && ensure(&hashed("push")) && ensure(&rendered));
    assert!(!ensure(&password) && !ensure(&hashed("push")) && !ensure(&rendered));
    assert_eq!(mode(&file("passwords")), 0o600);

    let clear = read_password(&file("password")).unwrap();
    assert_eq!(clear.len(), 32);
    assert_eq!(read(&file("token.json")).unwrap(), format!(r#"{{"token":"{clear}"}}"#));
    let line = read(&file("passwords")).unwrap();
    let hash = line.trim().strip_prefix("push:").unwrap();
    assert!(bcrypt::verify(&clear, hash).unwrap());
    assert!(is_due(&hashed("another")), "another user");

    fs_err::write(file("others"), "ada:hash\n").unwrap();
    assert!(ensure(&hashed("push")), "others came");
    let lines = read(&file("passwords")).unwrap();
    assert!(lines.starts_with("push:") && lines.ends_with("\nada:hash\n"), "{lines}");

    let later = SystemTime::now() + Duration::from_secs(5);
    let changed = fs_err::OpenOptions::new().write(true).open(file("password")).unwrap();
    changed.file().set_modified(later).unwrap();
    assert!(is_due(&hashed("push")) && is_due(&rendered), "the operator chose another");
}

#[test]
fn a_copy_follows_its_original() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let copy = Secret::Copy {
        path: file("deep/down/copy"),
        original: file("original"),
        mode: 0o640,
        owner: me(),
    };
    assert!(is_due(&copy));
    assert!(make(&copy).unwrap_err().to_string().contains("original"));
    fs_err::write(file("original"), "one").unwrap();
    assert!(ensure(&copy));
    assert_eq!(mode(&file("deep/down/copy")), 0o640);
    fs_err::write(file("original"), "two").unwrap();
    assert!(ensure(&copy));
    assert_eq!(read(&file("deep/down/copy")).unwrap(), "two");
}
