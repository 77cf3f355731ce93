//! The verbs of `runctl machine` on files: what would be a mistake is told by its place, and never written.

use std::process::Command;

use suite::{Site, run};

const DISTRO: &str = r#"
title = "Debian"
[[version]]
name = "12"
[architectures]
x86_64 = "amd64"
[boot]
kernel = "linux"
initrds = ["initrd.gz"]
[network]
static = "ip={{ machine.address }}"
dhcp = "ip=dhcp"
[answer]
kind = "preseed"
files = { "preseed.cfg" = "answers/own.preseed" }
[method.install]
answered = true
arguments = "auto url={{ answer }} {{ network }}"
"#;

const KERNEL: &str = r#"
[[kernel]]
name = "debian-12"
distro = "debian"
version = "12"
[[kernel.file]]
name = "linux"
urls = ["http://mirror.example/linux"]
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
[[kernel.file]]
name = "initrd.gz"
urls = ["http://mirror.example/initrd.gz"]
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"#;

fn described() -> Site {
    let site = Site::new();
    site.configure("distros/debian.toml", DISTRO);
    site.configure("boot.toml", KERNEL);
    site.configure("answers/own.preseed", "d-i netcfg/get_hostname string {{ machine.name }}\n");
    site.configure("profiles.toml", "[[profile]]\nname = \"web\"\ndistro = \"debian\"\n");
    // In the set, as the feed would have published it.
    let folder = site.state("store/published/generations/1/boot/debian-12");
    fs_err::create_dir_all(&folder).expect("a folder");
    for file in ["linux", "initrd.gz"] {
        fs_err::write(folder.join(file), "x").expect("a file");
    }
    let current = site.state("store/published/current");
    fs_err::os::unix::fs::symlink("generations/1", current).expect("a link");
    site
}

fn machines(site: &Site) -> String {
    fs_err::read_to_string(site.path("etc/booddies/machines.toml")).unwrap_or_default()
}

#[test]
fn a_machine_is_added_changed_rendered_and_forgotten() {
    let site = described();
    let address = site.host(21).to_string();
    let mac = "52:54:00:00:00:01";
    site.runctl(&["machine", "add", "web-1", "--mac", mac, "--profile", "web"]).ok();
    site.runctl(&["machine", "set", "web-1", "--address", &address, "--parameter", "role=web"])
        .ok();
    let text = machines(&site);
    assert!(text.contains(&address) && text.contains("role = \"web\""), "{text}");

    let script = site.runctl(&["machine", "render", "web-1", "--file", "boot"]).ok();
    assert!(
        script.contains(&format!(
            "auto url=http://{}/install/TOKEN/preseed.cfg ip={address}",
            site.host(8)
        )),
        "{script}"
    );
    let all = site.runctl(&["machine", "render", "web-1"]).ok();
    assert!(all.contains("==> preseed.cfg <==\nd-i netcfg/get_hostname string web-1"), "{all}");
    let grub =
        site.runctl(&["machine", "render", "web-1", "--file", "boot", "--loader", "grub"]).ok();
    assert!(grub.contains("linux (http,"), "{grub}");

    let told = site.runctl(&["machine", "remove", "web-1", "--dry-run"]).ok();
    assert!(told.contains("-name = \"web-1\"") && machines(&site) == text, "{told}");
    site.runctl(&["machine", "rm", "web-1"]).ok();
    assert!(!machines(&site).contains("web-1"));
    let said = site.runctl(&["machine", "render", "web-1"]).fails();
    assert!(said.contains("there is no machine `web-1`"), "{said}");
}

#[test]
fn what_cannot_be_is_told_and_not_written() {
    let site = described();
    site.runctl(&["machine", "add", "a", "--mac", "52:54:00:00:00:01"]).ok();
    let before = machines(&site);
    let long = "n".repeat(300);
    for (arguments, said) in [
        (
            &["add", "b", "--mac", "52:54:00:00:00:01"][..],
            "MAC `52:54:00:00:00:01` is taken by machines.toml:",
        ),
        (
            &["add", "b", "--mac", "52:54:00:00:00:02", "--profile", "wob"][..],
            "did you mean `web`?",
        ),
        (
            &["add", "b", "--mac", "52:54:00:00:00:02", "--address", "192.0.2.1"][..],
            "is outside the subnet",
        ),
        (&["add", "two words", "--mac", "52:54:00:00:00:02"][..], "`two words` is not a host name"),
        (&["add", &long, "--mac", "52:54:00:00:00:02"][..], "is not a host name"),
        (&["add", "a", "--mac", "52:54:00:00:00:02"][..], "there is a machine `a` already"),
        (&["set", "z", "--no-profile"][..], "there is no machine `z`"),
        (&["set", "a"][..], "nothing to change was given"),
    ] {
        let told = site.runctl(&[&["machine"], arguments].concat()).fails();
        assert!(told.contains(said), "{arguments:?}: {told}");
        assert_eq!(machines(&site), before, "{arguments:?}");
    }
}

#[test]
fn a_file_of_machines_is_taken_whole_or_not_at_all() {
    let site = described();
    let file = site.path("machines.csv");
    let path = file.display().to_string();
    fs_err::write(&file, "name,macs,profile\na,52:54:00:00:00:01,web\nb,52:54:00:00:00,web\n")
        .expect("written");
    let told = site.runctl(&["machine", "import", &path]).fails();
    assert!(
        told.contains(&format!("{path}:3: `52:54:00:00:00` is not an Ethernet address")),
        "{told}"
    );
    assert_eq!(machines(&site), "");

    // Well written, and yet the site has no such profile.
    fs_err::write(&file, "name,macs,profile\na,52:54:00:00:00:01,wob\n").expect("written");
    for trial in [&["--dry-run"][..], &[]] {
        let told = site.runctl(&[&["machine", "import", &path], trial].concat()).fails();
        assert!(told.contains("there is no profile `wob`"), "{told}");
    }
    assert_eq!(machines(&site), "");

    fs_err::write(
        &file,
        "name,macs,profile,role\na,52:54:00:00:00:01,web,db\nb,52:54:00:00:00:02,,\n",
    )
    .expect("written");
    site.runctl(&["machine", "import", &path]).ok();
    site.runctl(&["machine", "import", &path]).ok();
    let text = machines(&site);
    assert_eq!(text.matches("[[machine]]").count(), 2, "{text}");
    assert!(text.contains("parameters = { role = \"db\" }"), "{text}");
}

#[test]
fn pushed_menus_join_the_operators_own_and_a_broken_one_stays_out() {
    let site = described();
    site.configure("rack.toml", "menus = \"boot-menus\"\n");
    site.configure("menus/own.ipxe", "#!ipxe\n# Own tools\nexit\n");
    let work = site.path("work");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-C"]).arg(&work).args(arguments);
        run(&mut git).ok()
    };
    fs_err::create_dir_all(&work).expect("a folder");
    git(&["init", "--quiet"]);
    for (file, text) in [
        ("pushed.ipxe", "#!ipxe\n# Pushed\nexit\n"),
        ("broken.ipxe", "#!ipxe\ngoto nowhere\n"),
        ("readme.txt", "no menu\n"),
    ] {
        fs_err::write(work.join(file), text).expect("a file");
    }
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "menus"]);
    let bare = site.state("gito/repositories/boot-menus.git").display().to_string();
    git(&["clone", "--quiet", "--bare", ".", &bare]);

    // Where rack has been started once, a feed writes its book anew.
    fs_err::create_dir_all(site.state("rendered/rack")).expect("a folder");
    let told = site.runctl(&["machine", "add", "a", "--mac", "52:54:00:00:00:01"]).stderr;
    assert!(told.contains("`broken` of the repository is left out"), "{told}");
    drop(site.runctl(&["feed", "boot", "--progress", "none"]));
    let book = fs_err::read_to_string(site.state("rendered/rack/book.json")).expect("a book");
    assert!(book.contains("Own tools") && book.contains("Pushed"), "{book}");
    assert!(!book.contains("nowhere"), "{book}");
}
