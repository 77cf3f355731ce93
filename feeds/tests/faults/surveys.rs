//! Whole surveys against an upstream that misbehaves: what is served afterwards is all of one version, or what was served before.
//!
//! The upstream's signature is good in every case: what it signed may be wrong, what it delivers may be wrong, and it may
//! change in between. `FEEDS_FAULT_CASES` sets how many cases are tried.

use std::collections::BTreeMap;
use std::time::Duration;

use feeds::digest::Sha256;
use feeds::store::{RelPath, Store, Tree};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio_rustls::TlsAcceptor;

use crate::believed::believing;
use crate::metalink::METALINK;
use crate::repository::{Files, Flaw, Kind};
use crate::site::{Asked, Mirrors, Site};
use crate::upstream::Fault;
use crate::{cases, run};

/// Longer than any survey that is not stuck, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// More than all cases together may take at any time.
const LARGEST_MEMORY: u64 = 256 << 20;
// Versions: what a mirror has that fell behind, what was served before, what is surveyed, what it changes to meanwhile.
const BEHIND: u64 = 0;
const BEFORE: u64 = 1;
const NOW: u64 = 2;
const LATER: u64 = 3;

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// One upstream that misbehaves.
#[derive(Clone, Debug)]
struct Case {
    protocol: Protocol,
    kind: Kind,
    part: bool,
    mirrors: Mirrors,
    /// Whether the mirror that is asked first is older than what is served.
    behind: bool,
    /// Whether there is an installation tree.
    tree: bool,
    flaw: Flaw,
    /// What goes wrong with the requests for some of the files, by their place among all.
    faults: Vec<(usize, Vec<Fault>)>,
    /// After how many requests it has another version, if it changes.
    changes: Option<usize>,
}

fn case() -> impl Strategy<Value = Case> {
    let flaws = vec![
        Flaw::OddNames,
        Flaw::Ahead,
        Flaw::Outside,
        Flaw::Absolute,
        Flaw::WrongLength,
        Flaw::WrongBytes,
        Flaw::NoDigest,
        Flaw::Twice,
        Flaw::Bomb,
        Flaw::Entities,
        Flaw::Expired,
        Flaw::OtherDigest,
        Flaw::Lags,
        Flaw::OtherTime,
        Flaw::ImageDigest,
        Flaw::ImageOutside,
        Flaw::ImageUnproved,
    ];
    let faults = vec![
        Fault::Short,
        Fault::Missing,
        Fault::Broken,
        Fault::Busy,
        Fault::Reset,
        Fault::Corrupt,
        Fault::Longer,
        Fault::Overstated,
        Fault::Rangeless,
        Fault::Misplaced,
        Fault::Circle,
        Fault::Farewell,
    ];
    let kind = prop_oneof![2 => Just(Kind::Yum), 1 => Just(Kind::Apt)];
    let mirrors = (any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    let flaw = prop_oneof![8 => Just(Flaw::None), 6 => prop::sample::select(flaws)];
    let fault = prop_oneof![
        3 => Just(Fault::None),
        8 => prop::sample::select(faults),
        1 => Just(Fault::Stall),
    ];
    let faults = prop::collection::vec((0_usize..60, prop::collection::vec(fault, 1..4)), 0..4);
    let changes = prop::option::weighted(0.3, 0_usize..7);
    let protocol = prop_oneof![Just(Protocol::Http1), Just(Protocol::Http2)];
    let ways = (protocol, any::<bool>());
    (kind, ways, mirrors, flaw, faults, changes).prop_map(
        |(kind, (protocol, part), (metalink, behind, tree), flaw, faults, changes)| {
            let yum = kind == Kind::Yum;
            let metalink = yum && (metalink || flaw.is_of_metalink());
            Case {
                protocol,
                kind,
                part,
                mirrors: if metalink { Mirrors::Metalink } else { Mirrors::Operator },
                // What is served with a date that has yet to come locks nothing out, not even what is older.
                behind: behind && flaw != Flaw::Ahead,
                tree: yum && (tree || flaw.is_of_tree()),
                flaw,
                faults,
                changes,
            }
        },
    )
}

#[test]
fn serve_one_whole_version_and_blame_by_name() {
    believing("surveys::serve_one_whole_version_and_blame_by_name", |tls| {
        let config = ProptestConfig {
            cases: cases(),
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let tried = TestRunner::new(config).run(&case(), |case| {
            run(async {
                let patient = tokio::time::timeout(PATIENCE, try_one(&case, tls));
                patient.await.unwrap_or_else(|_| Err(TestCaseError::fail("it does not end")))
            })?;
            prop_assert!(peak_memory() < LARGEST_MEMORY, "{} bytes", peak_memory());
            Ok(())
        });
        tried.unwrap_or_else(|wrong| panic!("{wrong}"));
    });
}

async fn try_one(case: &Case, tls: &TlsAcceptor) -> Result<(), TestCaseError> {
    let site = Site::new((case.protocol == Protocol::Http2).then(|| tls.clone())).await;
    let asked = Asked {
        kind: case.kind,
        part: case.part,
        signer: "upstream",
        mirrors: case.mirrors,
        behind: case.behind,
        treeinfo: None,
    };
    let make = |version, flaw| site.make(asked, case.tree, version, flaw);
    let before = make(BEFORE, Flaw::None);
    site.put(&before, &[]);
    let asked_before = Site::pinned(asked, &before);
    let served = site.mirror(asked_before, None).await.map_err(TestCaseError::fail)?;
    publish(&site, &served);

    let (now, later) = (make(NOW, case.flaw), make(LATER, Flaw::None));
    let faulty = site.put(&now, &case.faults);
    if case.behind {
        site.put_behind(&make(BEHIND, Flaw::None));
    }
    let asked = Site::pinned(asked, &now);
    let addressed =
        |(path, bytes): (&String, &Vec<u8>)| (format!("/{}", site.address(path)), bytes.clone());
    let next = case.changes.map(|after| (after, later.iter().map(addressed).collect()));
    site.upstream.change(next);
    match site.mirror(asked, Some(&served)).await {
        Ok(tree) => {
            publish(&site, &tree);
            let found = is_of_one_version(&site, &tree, case.part, &[&now, &later])?;
            let whole = case.flaw.is_none(case.kind) || found == 1;
            prop_assert!(whole, "what is wrong was taken");
            holds(&site, asked, &tree).await?;
        }
        Err(told) => {
            let sound = case.flaw.is_none(case.kind);
            let excused = !sound || !faulty.is_empty() || case.changes.is_some();
            prop_assert!(excused, "it fails for nothing: {told}");
            // Its files are named, or what cannot name one; an APT suite goes by its own name.
            let mut names: Vec<&str> = now.keys().chain(later.keys()).map(String::as_str).collect();
            names.extend(["suite `stable`", "of `proof`", "pool/../../../two", "/etc/passwd"]);
            names.extend(["metalink of yum proof", "`repomd.xml` of `http"]);
            let blames = names.iter().any(|name| told.contains(name));
            prop_assert!(blames, "nobody is blamed: {told}");
            if sound && case.changes.is_none() {
                let by_name = faulty.iter().any(|path| told.contains(path.as_str()));
                let is_head = |path: &String| {
                    ["Release", "repomd", METALINK].iter().any(|name| path.contains(name))
                };
                let head = faulty.iter().any(is_head);
                // Who takes leave of a connection for many takes all of them along.
                let leaves = |(_, faults): &(_, Vec<_>)| faults.contains(&Fault::Farewell);
                let others = case.protocol == Protocol::Http2 && case.faults.iter().any(leaves);
                prop_assert!(by_name || head || others, "another is blamed: {told}");
            }
            is_of_one_version(&site, &current(&site), case.part, &[&before])?;
            holds(&site, asked_before, &served).await?;
        }
    }
    all_objects_are_what_they_are_called(site.store())?;

    // Once it behaves, nothing of all that stands in the way.
    site.upstream.change(None);
    site.put(&later, &[]);
    let asked = Site::pinned(asked, &later);
    let tree = site.mirror(asked, Some(&current(&site))).await.map_err(TestCaseError::fail)?;
    publish(&site, &tree);
    is_of_one_version(&site, &tree, case.part, &[&later])?;
    Ok(())
}

fn publish(site: &Site, tree: &Tree) {
    let scope = RelPath::new("data").expect("a path");
    site.store().publish(&scope, vec![tree.clone()], &[]).expect("published");
}

fn current(site: &Site) -> Tree {
    let generation = site.store().current().expect("it can be read").expect("it is there");
    generation.lock.trees.into_iter().next().expect("one tree")
}

/// Compares every file that is served with those of versions of the upstream; tells the place of the one that it is.
fn is_of_one_version(
    site: &Site,
    tree: &Tree,
    part: bool,
    all: &[&Files],
) -> Result<usize, TestCaseError> {
    let served = site.store().published().join("current").join(tree.path.as_str());
    let mut read = BTreeMap::new();
    for path in tree.files.keys() {
        let bytes = fs_err::read(served.join(path.as_str())).expect("what is listed is served");
        read.insert(path.as_str(), bytes);
    }
    // Under metadata of our own the packages are the upstream's, and all else is not.
    let is_upstreams = |path: &str| (is_package(path) || !part) && path != METALINK;
    let is = |files: &Files| {
        let files: BTreeMap<_, _> = files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes))
            .filter(|(path, _)| is_upstreams(path))
            .collect();
        let none_lacks = files.iter().all(|(path, bytes)| read.get(path) == Some(bytes));
        none_lacks && read.keys().all(|path| files.contains_key(path) || !is_package(path))
    };
    let found = all.iter().position(|files| is(files));
    found.ok_or_else(|| TestCaseError::fail(format!("it is of no version: {:?}", tree.files)))
}

fn is_package(path: &str) -> bool {
    path.starts_with("pool/")
}

/// Reads what is served as clients do: all of it must be proved by who signs it, and nothing may be there that is not.
async fn holds(site: &Site, asked: Asked, tree: &Tree) -> Result<(), TestCaseError> {
    let signer = if asked.part { "site" } else { "upstream" };
    let asked = Asked { part: false, signer, ..asked };
    let read = site.read_served(asked, tree).await.map_err(TestCaseError::fail)?;
    let packages = |tree: &Tree| -> Vec<_> {
        tree.files
            .iter()
            .filter(|(path, _)| is_package(path.as_str()))
            .map(|(path, object)| (path.clone(), *object))
            .collect()
    };
    prop_assert_eq!(packages(&read), packages(tree));
    Ok(())
}

/// Never is a wrong byte kept.
fn all_objects_are_what_they_are_called(store: &Store) -> Result<(), TestCaseError> {
    for folder in fs_err::read_dir(store.root().join("objects")).expect("it is there") {
        for object in fs_err::read_dir(folder.expect("read").path()).expect("it is there") {
            let path = object.expect("read").path();
            let sha256 = Sha256::of(&fs_err::read(&path).expect("read"));
            prop_assert!(path.ends_with(sha256.to_string()), "{} is {sha256}", path.display());
        }
    }
    Ok(())
}

/// The most memory that this process has had at any time.
fn peak_memory() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").expect("there is /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is told");
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
    kilobytes << 10
}
