//! What each standing of an install means for a machine that asks.

use super::*;
use crate::render::tests::book as book_for_tests;

const NOW: u64 = 1_000;

fn known() -> Asking {
    asking(Mac([0x52, 0x54, 0, 0, 0, 1]))
}

fn asking(mac: Mac) -> Asking {
    Asking { mac, address: None, architecture: None, platform: None, becomes: None }
}

fn install(state: InstallState) -> Install {
    Install {
        machine: "kvm-1".into(),
        profile: "web".into(),
        token: "TOKEN".into(),
        armed_at: 900,
        expires_at: 2_000,
        stage: "written".into(),
        detail: "no space".into(),
        served: 0,
        state,
    }
}

fn why(install: Option<&Install>, now: u64) -> String {
    match book_for_tests().decide(&known(), install, now) {
        Decision::LocalDisk { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_install_happens_when_it_is_armed_and_only_then() {
    let armed = install(InstallState::Armed);
    let decision = book_for_tests().decide(&known(), Some(&armed), NOW);
    assert_eq!(decision, Decision::Install { profile: "web".into(), token: "TOKEN".into() });
    assert_eq!(why(None, NOW), "nobody has armed its install (runctl machine install)");
    assert_eq!(why(Some(&install(InstallState::Running)), NOW), "its install is at written");
    assert_eq!(why(Some(&install(InstallState::Finished)), NOW), "it is web already");
    assert_eq!(
        why(Some(&install(InstallState::Failed)), NOW),
        "its install failed at written: no space"
    );
    assert_eq!(why(Some(&install(InstallState::Disarmed)), NOW), "its install was taken back");
}

#[test]
fn an_installer_that_never_calls_back_ends_at_the_disk() {
    let again = |served| Install { served, ..install(InstallState::Armed) };
    let decision = book_for_tests().decide(&known(), Some(&again(SERVED_AT_MOST - 1)), NOW);
    assert!(matches!(decision, Decision::Install { .. }));
    assert_eq!(why(Some(&again(SERVED_AT_MOST)), NOW), "its installer never called back");
    assert_eq!(why(Some(&again(0)), 2_000), "its install was armed too long ago");
}

#[test]
fn strangers_get_the_menu_or_what_the_site_says() {
    let stranger = asking(Mac([2, 0, 0, 0, 0, 9]));
    let mut book = book_for_tests();
    assert_eq!(book.decide(&stranger, None, NOW), Decision::Menu);
    let chosen = Asking { becomes: Some("web".into()), ..stranger.clone() };
    assert_eq!(book.decide(&chosen, None, NOW), Decision::Arm { profile: "web".into() });
    book.site.unknown = Some("web".into());
    assert_eq!(book.decide(&stranger, None, NOW), Decision::Arm { profile: "web".into() });
    // Nobody chooses for a machine that the site knows.
    let known = Asking { becomes: Some("other".into()), ..known() };
    assert!(matches!(book.decide(&known, None, NOW), Decision::LocalDisk { .. }));
}

#[test]
fn what_needs_no_answer_boots_each_time() {
    let mut book = book_for_tests();
    book.profiles[0].method = "text".into();
    assert_eq!(book.decide(&known(), None, NOW), Decision::Boot { profile: "web".into() });
    book.machines[0].profile = None;
    let disk = Decision::LocalDisk { why: "it has no profile".into() };
    assert_eq!(book.decide(&known(), None, NOW), disk);
}
