//! A site of its own for one test: its own root, name, bridge and subnet; nothing of it is left when it is dropped.

use std::fs::TryLockError;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Finished, run};

/// How many sites there may be at once, each with 32 addresses of one /24.
const SITES: u8 = 8;

/// Images are built once for all sites, and stay: they are a cache.
pub const IMAGES: &str = "booddies-suite";

/// A site below a root of its own.
pub struct Site {
    root: tempfile::TempDir,
    number: u8,
    _claim: fs_err::File,
}

impl Site {
    /// Makes the root and its `site.toml`; nothing runs yet.
    pub fn new() -> Self {
        let (number, claim) = claim();
        let root = tempfile::Builder::new().prefix("booddies-suite-").tempdir().expect("a root");
        let site = Self { root, number, _claim: claim };
        site.clear();
        site.configure("site.toml", &site.described_with(&site.bridge()));
        site
    }

    /// A site whose seven images are built.
    pub fn built() -> Self {
        let site = Self::new();
        // Whoever comes first builds; the others wait for it, and find all built.
        let lock = fs_err::File::create(std::env::temp_dir().join("booddies-suite-images.lock"));
        let lock = lock.expect("a lock file");
        lock.file().lock().expect("the lock is taken");
        site.runctl(&["build"]).ok();
        site
    }

    /// `site.toml` as it is, with another name of the bridge.
    pub fn described_with(&self, bridge: &str) -> String {
        format!(
            "name = \"{}\"\n[network]\nbridge = \"{bridge}\"\nsubnet = \"{}\"\n[image]\nprefix = \"{IMAGES}\"\n",
            self.name(),
            self.subnet(),
        )
    }

    /// Writes one of its configuration files.
    pub fn configure(&self, file: &str, content: &str) {
        let path = self.path("etc/booddies").join(file);
        fs_err::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
        fs_err::write(path, content).expect("configuration is written");
    }

    /// Writes all that is shipped, each text as `adapt` makes it; `site.toml` stays its own.
    pub fn configure_as_shipped(&self, adapt: impl Fn(&str, String) -> String) {
        let shipped = crate::repository().join("etc/booddies");
        for folder in ["", "answers", "distros"] {
            for entry in fs_err::read_dir(shipped.join(folder)).expect("it is shipped") {
                let path = entry.expect("it can be read").path();
                let name = path.strip_prefix(&shipped).expect("it lies inside");
                let name = name.to_str().expect("it is text");
                if path.is_file() && name != "site.toml" {
                    let text = fs_err::read_to_string(&path).expect("it is text");
                    self.configure(name, &adapt(name, text));
                }
            }
        }
    }

    /// runctl on this site, ready to be run or spawned.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("--root").arg(self.root.path()).args(arguments);
        command.env("BOODDIES_IMAGES", crate::repository().join("images")).env("NO_COLOR", "1");
        command
    }

    /// Runs runctl on this site to its end.
    pub fn runctl(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments))
    }

    /// A path below the root.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// A path below `/var/lib/booddies`.
    pub fn state(&self, below: &str) -> PathBuf {
        self.path("var/lib/booddies").join(below)
    }

    /// Its name, which containers and network carry.
    pub fn name(&self) -> String {
        format!("suite{}", self.number)
    }

    /// Its bridge.
    pub fn bridge(&self) -> String {
        format!("brsuite{}", self.number)
    }

    /// Its subnet, `address/27`.
    pub fn subnet(&self) -> String {
        format!("{}/27", self.host(0))
    }

    /// The nth address of its subnet; services have those that the shipped files give them.
    pub fn host(&self, n: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 90, 7, self.number * 32 + n)
    }

    /// The fixed address of a service.
    pub fn address(&self, service: &str) -> Ipv4Addr {
        let services = ["boot", "data", "gito", "cgit", "regi", "ntpd", "rack"];
        let n = services.iter().position(|name| *name == service).expect("it is a service");
        self.host(2 + u8::try_from(n).expect("there are seven"))
    }

    /// A service's container.
    pub fn container(&self, service: &str) -> String {
        format!("{}-{service}", self.name())
    }

    /// Removes whatever a site of this name has left in the engine and on the host.
    fn clear(&self) {
        let labelled = format!("label=booddies.site={}", self.name());
        for container in docker(&["ps", "-aq", "--filter", &labelled]).stdout.split_whitespace() {
            drop(docker(&["rm", "-f", "-v", container]));
        }
        for network in
            docker(&["network", "ls", "-q", "--filter", &labelled]).stdout.split_whitespace()
        {
            drop(docker(&["network", "rm", network]));
        }
        let bridge = self.bridge();
        let passage =
            ["-w", "10", "-D", "DOCKER-USER", "-i", &bridge, "-o", &bridge, "-j", "ACCEPT"];
        drop(run(Command::new("iptables").args(passage)));
        drop(run(Command::new("ip").args(["link", "delete", &self.bridge()])));
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Site {
    /// Lets runctl take its own things down, then sees to what is left.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let status = self.runctl(&["status"]);
            eprintln!("the site as the test left it:\n{}{}", status.stdout, status.stderr);
        }
        drop(self.runctl(&["down"]));
        self.clear();
    }
}

/// runctl as `tests/run` built it, or as cargo puts it beside this test.
pub fn program() -> PathBuf {
    std::env::var_os("SUITE_RUNCTL").map_or_else(beside_the_test, PathBuf::from)
}

fn beside_the_test() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let program = folder.join("runctl");
    assert!(program.exists(), "{} is not built: cargo build -p runctl", program.display());
    program
}

/// Runs docker to its end.
pub fn docker(arguments: &[&str]) -> Finished {
    run(Command::new("docker").args(arguments))
}

/// Whether an engine answers; without one, what needs it is skipped aloud.
pub fn engine_answers(what: &str) -> bool {
    let answers = docker(&["info"]).code == 0;
    if !answers {
        crate::skip(what, "no docker engine answers");
    }
    answers
}

/// Takes the first free number; the lock goes with the process, however it ends.
fn claim() -> (u8, fs_err::File) {
    for number in 0..SITES {
        let path = std::env::temp_dir().join(format!("booddies-suite-{number}.lock"));
        let file = fs_err::File::create(Path::new(&path)).expect("a lock file");
        match file.file().try_lock() {
            Ok(()) => return (number, file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => panic!("{}: {error}", path.display()),
        }
    }
    panic!("{SITES} sites run already");
}
