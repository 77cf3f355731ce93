//! What is served gives way to nothing older, and mirrors that have nothing better are passed over.

use super::*;

/// 2023-11-14.
const THEN: i64 = 1_700_000_000;

/// An upstream whose files change, as they are mirrored from it.
struct Changing {
    site: Site,
    files: Arc<Mutex<Files>>,
    source: Source,
}

impl Changing {
    async fn new(names: &[&str]) -> Self {
        let (site, files) = (Site::new(), Arc::new(Mutex::default()));
        let url = serve_changing(Arc::clone(&files)).await;
        let source = site.source(vec![site.suite("test", &url)], names);
        Self { site, files, source }
    }

    fn put(&self, files: Files) {
        *self.files.lock().expect("unpoisoned") = files;
    }

    fn put_dated(&self, date: i64) {
        self.put(self.site.repository("test", date, &["a 1"]));
    }

    async fn survey(&self, served: Option<&Tree>) -> Result<Plan, Error> {
        survey(&self.source, served, &self.site.transfer, &Silent).await
    }

    async fn serve_dated(&self, date: i64) -> Tree {
        self.put_dated(date);
        let plan = self.survey(None).await.expect("surveyed");
        plan.fetch(&self.site.transfer, &Silent).await.expect("fetched")
    }
}

#[tokio::test]
async fn what_is_served_gives_way_to_nothing_older_unless_told() {
    for names in [&[][..], &["a"]] {
        let mut world = Changing::new(names).await;
        let served = world.serve_dated(THEN).await;
        for as_new in [THEN, THEN + 1] {
            world.put_dated(as_new);
            world.survey(Some(&served)).await.expect("it is no older");
        }
        world.put_dated(THEN - 1);
        let refused = world.survey(Some(&served)).await.expect_err("older");
        assert_eq!(refused.class(), Class::Verification);
        assert!(refused.hint().is_some_and(|hint| hint.contains("accept_older")));
        let told = refused.to_string();
        let times =
            "is of 2023-11-14T22:13:19Z, older than what is served, of 2023-11-14T22:13:20Z";
        assert!(
            told.starts_with("the suite `test` of `http://") && told.ends_with(times),
            "{told}"
        );
        let elsewhere =
            Tree { upstream: "http://elsewhere.example/ test main".into(), ..served.clone() };
        world.survey(Some(&elsewhere)).await.expect("another upstream has times of its own");
        world.source.suites[0].components.push("contrib".to_owned());
        let refused = world.survey(Some(&served)).await.expect_err("older");
        assert!(matches!(refused, Error::Older { .. }), "components are all of one age");
        world.source.suites[0].components.truncate(1);
        world.source.accept_older = true;
        world.survey(Some(&served)).await.expect("it was written down");
    }
}

#[tokio::test]
async fn a_release_with_its_signature_beside_gives_way_to_nothing_older() {
    let world = Changing::new(&[]).await;
    let without = |date| {
        let mut files = world.site.repository("test", date, &["a 1"]);
        files.remove("dists/test/InRelease").expect("it was there");
        world.put(files);
    };
    without(THEN);
    let plan = world.survey(None).await.expect("surveyed");
    let served = plan.fetch(&world.site.transfer, &Silent).await.expect("fetched");
    without(THEN - 1);
    let refused = world.survey(Some(&served)).await.expect_err("older");
    assert!(matches!(refused, Error::Older { .. }), "{refused:?}");
}

#[tokio::test]
async fn an_upstream_whose_clock_was_ahead_once_is_not_locked_out() {
    let world = Changing::new(&[]).await;
    let served = world.serve_dated(4_000_000_000).await;
    world.put_dated(THEN);
    world.survey(Some(&served)).await.expect("its clock is right now");
}

#[tokio::test]
async fn mirrors_that_fell_behind_or_lie_are_named_and_passed_over() {
    let mut world = Changing::new(&[]).await;
    let served = world.serve_dated(THEN).await;
    let behind = serve(world.site.repository("test", THEN - 1, &["a 0"])).await;
    let mut forged = world.site.repository("test", THEN + 1, &["a 3"]);
    let signed = forged.get_mut("dists/test/InRelease").expect("it is there");
    let at = signed.windows(5).position(|word| word == b"Date:").expect("it has one");
    signed[at] = b'd';
    let forged = serve(forged).await;
    world.put(world.site.repository("test", THEN + 2, &["a 4"]));
    let good = world.source.suites[0].urls[0].clone();
    world.source.suites[0].urls = [good.clone(), behind.clone(), forged.clone()].into();
    let told = Tree { upstream: format!("{good} test main"), ..served };
    let plan = world.survey(Some(&told)).await.expect("the first one has it");
    assert!(got(&plan).contains(&"pool/a_4.deb"));

    let (warned, mirrors) = (Warned::default(), [behind.clone(), forged.clone(), good]);
    world.source.suites[0].urls = mirrors.into();
    // What is served came from the first of them.
    let told = Tree { upstream: format!("{behind} test main"), ..told };
    let plan = survey(&world.source, Some(&told), &world.site.transfer, &warned).await;
    let plan = plan.expect("the last one has it");
    assert!(got(&plan).contains(&"pool/a_4.deb"));
    let told = warned.0.into_inner().expect("unpoisoned");
    let [first, second] = &told[..] else { panic!("{told:?}") };
    assert!(first.starts_with(&format!("apt suite test: {behind} is of no use: ")), "{first}");
    assert!(second.starts_with(&format!("apt suite test: {forged} is of no use: ")), "{second}");
    plan.fetch(&world.site.transfer, &Silent).await.expect("each file is asked for there first");
}
