//! Images from a registry that misbehaves, into one that does so, too: what a tag of the site's registry names is always one
//! whole version, and every failure blames the one who failed.
//!
//! `FEEDS_FAULT_CASES` sets how many cases are tried.

mod image;
mod target;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use feeds::events::Silent;
use feeds::oci::{Authority, Copied, Endpoint, Error, Login, Registry, Retry, Source, Terms, copy};
use image::{Flaw, TAG, make, named};
use proptest::prelude::*;
use target::{Mishap, Target};
use upstream::{Fault, LOGIN, REPOSITORY, Upstream};

use crate::cases;

/// Longer than any copy that is not stuck, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(2);
const ATTEMPTS: u32 = 3;
/// Where the image goes.
const TO: &str = "library/box:1";
const PREVIOUS: &str = "1.previous";

/// Two registries that misbehave, or one.
#[derive(Clone, Debug)]
struct Case {
    flaw: Flaw,
    /// What goes wrong with the requests for some manifests and blobs, by their place among all.
    faults: Vec<(usize, Vec<Fault>)>,
    /// After how many requests the tag moves on, if it does.
    moves: Option<usize>,
    /// What goes wrong with the site's registry, by how many requests come before.
    mishaps: HashMap<usize, Mishap>,
}

fn case() -> impl Strategy<Value = Case> {
    let flaws = vec![Flaw::Oversized, Flaw::Overlong, Flaw::Absent, Flaw::Nonsense, Flaw::Deep];
    let faults = vec![
        Fault::Missing,
        Fault::Broken,
        Fault::Busy,
        Fault::Reset,
        Fault::Short,
        Fault::Corrupt,
        Fault::Longer,
        Fault::Overstated,
        Fault::Rangeless,
        Fault::Misplaced,
        Fault::Shifted,
        Fault::Page,
        Fault::Misnamed,
        Fault::Huge,
        Fault::Circle,
        Fault::Away,
        Fault::Astray,
    ];
    let passing = vec![
        Fault::Broken,
        Fault::Busy,
        Fault::Reset,
        Fault::Short,
        Fault::Rangeless,
        Fault::Misplaced,
        Fault::Away,
    ];
    let flaw = prop_oneof![8 => Just(Flaw::None), 3 => prop::sample::select(flaws)];
    let fault = prop_oneof![
        3 => Just(Fault::None),
        4 => prop::sample::select(faults),
        6 => prop::sample::select(passing),
        1 => prop::sample::select(vec![Fault::Stall, Fault::Mute, Fault::Drip]),
    ];
    let faults = prop::collection::vec((0_usize..20, prop::collection::vec(fault, 1..3)), 0..4);
    let moves = prop::option::weighted(0.3, 0_usize..12);
    let faults = prop_oneof![1 => Just(Vec::new()), 3 => faults];
    let mishaps = prop_oneof![1 => Just(HashMap::new()), 1 => mishaps()];
    let all = (flaw, faults, moves, mishaps);
    all.prop_map(|(flaw, faults, moves, mishaps)| Case { flaw, faults, moves, mishaps })
}

fn mishaps() -> impl Strategy<Value = HashMap<usize, Mishap>> {
    let passing = vec![
        Mishap::Broken,
        Mishap::Busy,
        Mishap::Reset,
        Mishap::Cut,
        Mishap::Lost,
        Mishap::Forgets,
    ];
    let grave = vec![Mishap::Full, Mishap::Crammed, Mishap::Page, Mishap::Misnamed];
    let mishap = prop_oneof![
        6 => prop::sample::select(passing),
        4 => prop::sample::select(grave),
        1 => Just(Mishap::Mute),
    ];
    prop::collection::hash_map(0_usize..20, mishap, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tag_names_one_whole_version_and_blame_is_by_name(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let patient = tokio::time::timeout(PATIENCE, try_one(&case));
            patient.await.unwrap_or_else(|_| Err(TestCaseError::fail("it does not end")))
        })?;
    }
}

#[test]
fn who_is_mute_again_and_again_is_blamed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let content = make(1, Flaw::None);
        let (target, upstream) = (Target::start().await, Upstream::start(content.clone()).await);
        let stalls = |name: &String| (name.clone(), vec![Fault::Mute; 20]);
        let blobs = content.iter().filter(|(_, bytes)| bytes.starts_with(&[7])).map(|it| it.0);
        upstream.put(content.clone(), blobs.map(stalls).collect());
        let error = mirror(&upstream, &target).await.expect_err("a layer never comes");
        assert!(told(&error).contains(&upstream.host), "{}", told(&error));
    });
}

async fn try_one(case: &Case) -> Result<(), TestCaseError> {
    let (before, now, later) = (make(1, Flaw::None), make(2, case.flaw), make(3, Flaw::None));
    let (target, upstream) = (Target::start().await, Upstream::start(before.clone()).await);
    mirror(&upstream, &target).await.map_err(|error| TestCaseError::fail(told(&error)))?;
    prop_assert_eq!(target.whole(TAG), Ok(Some(named(&before))));

    // Of an index's own digest nothing is asked but by what its tag told: its faults are the tag's.
    let mut names: Vec<_> = now.keys().cloned().collect();
    names.sort();
    let mut faults: HashMap<String, Vec<Fault>> = HashMap::new();
    for (at, wrong) in &case.faults {
        faults.entry(names[at % names.len()].clone()).or_default().extend(wrong);
    }
    let passes = |faults: &Vec<Fault>| {
        let failures = faults.iter().filter(|fault| !matches!(fault, Fault::None | Fault::Away));
        faults.iter().all(|fault| fault.passes()) && failures.count() < ATTEMPTS as usize
    };
    let struck = case.mishaps.values();
    let endured = struck.clone().all(|it| it.passes()) && struck.len() < ATTEMPTS as usize;
    let harmless = case.flaw == Flaw::None && faults.values().all(passes) && endured;
    let mut guilty = Vec::new();
    guilty.extend((case.flaw != Flaw::None || !faults.is_empty()).then_some(&upstream.host));
    guilty.extend((!case.mishaps.is_empty()).then_some(&target.host));
    upstream.put(now.clone(), faults);
    target.suffer(case.mishaps.clone());
    upstream.change(case.moves.map(|after| (after, later.clone())));

    let there = match mirror(&upstream, &target).await {
        Ok(copied) => {
            let sound = case.flaw == Flaw::None && copied.digest == named(&now);
            prop_assert!(sound || copied.digest == named(&later), "what is wrong was taken");
            // A registry that misbehaves may lose that comfort, but it does not lie about it.
            let previous = target.whole(PREVIOUS);
            let lost = !case.mishaps.is_empty() && previous == Ok(None);
            prop_assert!(lost || previous == Ok(Some(named(&before))), "{previous:?}");
            vec![copied.digest]
        }
        Err(error) => {
            prop_assert!(!harmless, "it fails for nothing: {}", told(&error));
            let told = told(&error);
            let blamed = guilty.iter().any(|host| told.contains(&format!("registry {host}")));
            prop_assert!(blamed, "another is blamed: {told}");
            let mut may = vec![named(&before)];
            if !case.mishaps.is_empty() {
                // It may have done what it did not say.
                may.extend([named(&now), named(&later)]);
            }
            may
        }
    };
    let served = target.whole(TAG);
    let sound = matches!(&served, Ok(Some(served)) if there.contains(served));
    prop_assert!(sound, "the tag names {served:?}");
    prop_assert!(!upstream.betrayed(), "another host was shown who we are");

    // Once it behaves, nothing of all that stands in the way.
    target.suffer(HashMap::new());
    upstream.change(None);
    upstream.put(later.clone(), HashMap::new());
    mirror(&upstream, &target).await.map_err(|error| TestCaseError::fail(told(&error)))?;
    prop_assert_eq!(target.whole(TAG), Ok(Some(named(&later))));
    prop_assert_eq!(target.early(), Vec::<String>::new());
    Ok(())
}

/// Copies the image as one run does, which remembers nothing of those before.
async fn mirror(upstream: &Upstream, target: &Target) -> Result<Copied, Error> {
    let endpoint = |host: &str, login: Option<Login>| Endpoint {
        host: host.to_owned(),
        plain: true,
        authority: Authority::Only(Vec::new()),
        login,
        retry: Retry {
            attempts: ATTEMPTS,
            pause: Duration::from_millis(1),
            silence: Duration::from_millis(500),
        },
        parallel: 4,
    };
    let login = Login { user: LOGIN.0.to_owned(), password: LOGIN.1.to_owned() };
    let from = Arc::new(Registry::connect(&endpoint(&upstream.host, Some(login)))?);
    let source = Source::registry(&from, &format!("{}/{REPOSITORY}:{TAG}", upstream.host))?;
    let to = Registry::connect(&endpoint(&target.host, None))?;
    copy(&source, &Terms::default(), &to, TO, &Silent).await
}

/// An error with all its causes.
fn told(error: &Error) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
