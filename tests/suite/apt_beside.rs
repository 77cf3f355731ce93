//! APT repositories that lean on each other: apt installs from both, and both change together or not at all.

use suite::mirrored::digests;
use suite::repositories::{self, Package};
use suite::upstream::{Fault, Upstream};

use crate::apt_parts::{Machine, Mirror};
use crate::packages::apt;

const HELLO: Package = Package { needs: &["suite-words"], ..Package::plain("suite-hello") };
const WORDS: Package = Package::plain("suite-words");
const OTHER: Package = Package::plain("suite-unrelated");
const OLD: [Package; 3] = [HELLO, WORDS, OTHER];
const NEW: [Package; 3] = [
    Package { version: "2.0", ..HELLO },
    Package { version: "2.0", ..WORDS },
    Package { version: "2.0", ..OTHER },
];

/// `base` has what `part` needs.
const REPOSITORIES: [(&str, &str); 3] = [
    ("base", "suites = [\"stable\"]\nnewest = 1\ninclude = [\"suite-words\"]"),
    ("part", "suites = [\"stable\"]\npackages = [\"suite-hello\"]\nleans_on = [\"base\"]"),
    ("beside", "suites = [\"stable\"]\nnewest = 1\ninclude = [\"suite-unrelated\"]"),
];

/// A machine that has these repositories, believes the site alone, and knows what is in them.
fn machine(mirror: &Mirror, name: &str, repositories: &[&str]) -> Machine {
    let served: Vec<Upstream> = repositories.iter().map(|one| mirror.serve(one)).collect();
    let sources = repositories.iter().zip(&served).map(|(one, served)| {
        let key = mirror.published_as(one).join("booddies-archive-keyring.asc");
        format!("deb [signed-by={}] {} stable main\n", key.display(), served.url(""))
    });
    let sources = sources.collect::<String>();
    let machine = mirror.machine_of(name, &sources, served);
    machine.update().ok();
    machine
}

#[test]
fn apt_installs_from_two_repositories_of_which_one_leans_on_the_other() {
    let mirror = Mirror::of(|folder, key| repositories::apt(folder, &OLD, key));
    mirror.feed_all(&REPOSITORIES).ok();
    let alone = machine(&mirror, "alone", &["part"]);
    assert_eq!(alone.known(), ["suite-hello 1.0"]);
    let install = ["install", "-y", "suite-hello"];
    let refused = apt(&alone.root, "apt-get", &install).fails();
    assert!(refused.contains("suite-words"), "{refused}");

    let both = machine(&mirror, "both", &["base", "part"]);
    assert_eq!(both.known(), ["suite-hello 1.0", "suite-words 1.0"]);
    apt(&both.root, "apt-get", &install).ok();
    for package in [HELLO, WORDS] {
        assert!(both.root.join(package.installed_file()).exists(), "{}", package.name);
    }

    // What it leans on has less now, so more is its own.
    let (base, less) = ("base", "suites = [\"stable\"]\nnewest = 1\nexclude = [\"suite-words\"]");
    mirror.feed_all(&[(base, less), REPOSITORIES[1]]).ok();
    let alone = machine(&mirror, "complete", &["part"]);
    assert_eq!(alone.known(), ["suite-hello 1.0", "suite-words 1.0"]);
    apt(&alone.root, "apt-get", &install).ok();
}

#[test]
fn a_repository_stays_as_it_was_while_one_that_it_leans_on_cannot_be_fetched() {
    let mirror = Mirror::of(|folder, key| repositories::apt(folder, &OLD, key));
    mirror.feed_all(&REPOSITORIES).ok();
    let published = |name: &str| digests(&mirror.published_as(name));
    let before = ["base", "part", "beside"].map(published);

    let upstream = mirror.folder.path().join("upstream");
    fs_err::remove_dir_all(&upstream).expect("the old repository goes");
    repositories::apt(&upstream, &NEW, &mirror.key);
    // Its index tells of the new version, so that its survey is well.
    mirror.upstream.break_file("suite-words_2.0_all.deb", Fault::Status(404));
    let told = mirror.feed_all(&REPOSITORIES).fails_with(13);
    assert!(told.contains("suite-words_2.0_all.deb"), "{told}");
    assert!(told.contains("`apt part` leans on `apt base`"), "{told}");
    let [base, part, beside] = ["base", "part", "beside"].map(published);
    assert_eq!([base, part], before[..2], "one of both has changed");
    assert_ne!(beside, before[2], "what leans on nothing was held back");
    let both = machine(&mirror, "meanwhile", &["base", "part"]);
    assert_eq!(both.known(), ["suite-hello 1.0", "suite-words 1.0"]);

    mirror.upstream.heal();
    mirror.feed_all(&REPOSITORIES).ok();
    let both = machine(&mirror, "afterwards", &["base", "part"]);
    assert_eq!(both.known(), ["suite-hello 2.0", "suite-words 2.0"]);
}
