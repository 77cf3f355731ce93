//! What comes to gito goes on to other forges, fed or pushed; also from a repository that somebody removed and a feed
//! brought back.

use std::path::Path;
use std::process::Command;

use suite::site::engine_answers;
use suite::{Site, run};

use crate::git::{git, git_as_admin, site_and_origin};

/// A forge for gito alone: on its own disk, and reached as any other by a URL.
struct Forge<'s> {
    site: &'s Site,
}

impl Forge<'_> {
    const URL: &'static str = "file:///var/lib/gito/forge.git";

    fn open(&self) {
        let folder = self.site.state("gito/forge.git");
        run(Command::new("git").args(["init", "-q", "--bare"]).arg(&folder)).ok();
        run(Command::new("chown").args(["-R", "970:970"]).arg(&folder)).ok();
    }

    /// Asserts that the forge has what `folder` has, once nothing waits any more.
    fn has(&self, folder: &Path) {
        let queue = self.site.runctl(&["gito", "queue", "--retry"]).ok();
        assert!(queue.contains("nothing waits"), "{queue}");
        let there = self.site.state("gito/forge.git");
        let there = git(&there, &["-c", "safe.directory=*", "rev-parse", "main"]).ok();
        assert_eq!(there, git(folder, &["rev-parse", "HEAD"]).ok());
    }
}

fn change(folder: &Path, text: &str) {
    fs_err::write(folder.join("README"), text).expect("a file is written");
    git(folder, &["commit", "-q", "-a", "-m", text]).ok();
}

#[test]
fn what_is_fed_goes_on_and_a_repository_that_was_removed_is_served_again() {
    if !engine_answers("pushes of what is fed") {
        return;
    }
    let (site, folder, origin) = site_and_origin();
    let table = format!("[[git]]\nname = \"art/words\"\nurl = \"{}\"\n", origin.display());
    let pushed = format!("writers = [\"admin\"]\npush_mirror = \"{}\"\n", Forge::URL);
    site.configure("gito.toml", &format!("{table}{pushed}"));
    site.runctl(&["up", "gito"]).ok();

    // The forge is not there yet: what was fed waits in the same queue as what was pushed.
    let forge = Forge { site: &site };
    site.runctl(&["feed", "gito"]).ok();
    let queue = site.runctl(&["gito", "queue"]).ok();
    assert!(queue.contains("art/words") && queue.contains(Forge::URL), "{queue}");
    let retried = site.runctl(&["gito", "queue", "--retry"]).ok();
    assert!(retried.contains("does not appear to be a git repository"), "{retried}");
    forge.open();
    forge.has(&origin);
    change(&origin, "more words");
    site.runctl(&["feed", "gito"]).ok();
    forge.has(&origin);

    let bare = site.state("gito/repositories/art/words.git");
    let clone = folder.path().join("clone");
    let url = format!("ssh://git@{}/art/words", site.address("gito"));
    for (round, lost) in [&bare, &bare.join("hooks")].into_iter().enumerate() {
        fs_err::remove_dir_all(lost).expect("it is removed");
        site.runctl(&["feed", "gito"]).ok();
        if round == 0 {
            git_as_admin(&site, folder.path(), &["clone", "-q", &url, "clone"]).ok();
        }
        change(&clone, &format!("a person's words {round}"));
        git_as_admin(&site, &clone, &["push", "-q"]).ok();
        forge.has(&clone);
    }
    let before = git_as_admin(&site, folder.path(), &["ls-remote", &admin(&site)]).ok();
    site.runctl(&["feed", "gito"]).ok();
    assert_eq!(git_as_admin(&site, folder.path(), &["ls-remote", &admin(&site)]).ok(), before);
}

fn admin(site: &Site) -> String {
    format!("ssh://git@{}/gitolite-admin", site.address("gito"))
}
