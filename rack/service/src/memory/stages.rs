//! Which stage may follow which: pure.

use rack::InstallState;

/// The stages that every install goes through, in their order. Others may be told between them.
const KNOWN: [&str; 7] =
    ["started", "partitioned", "written", "bootloader", "configured", "finished", "booted"];
/// The place of the last two in it.
const FINISHED: u32 = 6;
const BOOTED: u32 = 7;

/// What becomes of a stage that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is remembered; the install is now in this state and has reached this place.
    Taken(InstallState, u32),
    /// It was told before; a client that lost the answer asks again.
    Again,
    /// It cannot be.
    Refused(&'static str),
}

/// Follows an install in its state, having reached a place, by a stage.
pub(super) fn follow(state: InstallState, reached: u32, told: &str) -> Next {
    let place = (1..).zip(KNOWN).find(|(_, known)| *known == told).map(|(place, _)| place);
    match (state, place) {
        (InstallState::Armed | InstallState::Running, _) if told == "failed" => {
            Next::Taken(InstallState::Failed, reached)
        }
        (InstallState::Armed | InstallState::Running, Some(BOOTED)) => {
            Next::Refused("it has not told that it finished")
        }
        (InstallState::Armed | InstallState::Running, Some(FINISHED)) => {
            Next::Taken(InstallState::Finished, FINISHED)
        }
        (InstallState::Armed | InstallState::Running, Some(place)) => match place.cmp(&reached) {
            std::cmp::Ordering::Greater => Next::Taken(InstallState::Running, place),
            std::cmp::Ordering::Equal => Next::Again,
            std::cmp::Ordering::Less => Next::Refused("it is further already"),
        },
        (InstallState::Armed | InstallState::Running, None) => {
            Next::Taken(InstallState::Running, reached)
        }
        (InstallState::Finished, Some(place)) if place == reached => Next::Again,
        (InstallState::Finished, Some(BOOTED)) => Next::Taken(InstallState::Finished, BOOTED),
        (InstallState::Finished, _) => Next::Refused("it has finished"),
        (InstallState::Failed, _) if told == "failed" => Next::Again,
        (InstallState::Failed, _) => Next::Refused("it has failed"),
        (InstallState::Disarmed, _) => Next::Refused("it was called off"),
        (InstallState::Expired, _) => Next::Refused("it has expired"),
    }
}

#[cfg(test)]
mod tests {
    use InstallState::{Armed, Disarmed, Expired, Failed, Finished, Running};

    use super::*;

    #[test]
    fn an_install_goes_forward_only() {
        let mut state = (Armed, 0);
        for (place, stage) in (1..).zip(KNOWN) {
            let next = follow(state.0, state.1, stage);
            let expected = if place < FINISHED { Running } else { Finished };
            assert_eq!(next, Next::Taken(expected, place), "{stage}");
            state = (expected, place);
            assert_eq!(follow(state.0, state.1, stage), Next::Again, "{stage} twice");
        }
        assert_eq!(follow(Running, 3, "started"), Next::Refused("it is further already"));
        assert_eq!(follow(Running, 3, "finished"), Next::Taken(Finished, FINISHED));
    }

    #[test]
    fn free_words_are_taken_while_it_runs() {
        assert_eq!(follow(Armed, 0, "unpacking"), Next::Taken(Running, 0));
        assert_eq!(follow(Running, 4, "unpacking"), Next::Taken(Running, 4));
        assert_eq!(follow(Finished, 6, "unpacking"), Next::Refused("it has finished"));
    }

    #[test]
    fn an_end_is_an_end() {
        assert_eq!(follow(Running, 2, "failed"), Next::Taken(Failed, 2));
        assert_eq!(follow(Failed, 2, "failed"), Next::Again);
        assert_eq!(follow(Finished, 6, "failed"), Next::Refused("it has finished"));
        assert_eq!(follow(Running, 5, "booted"), Next::Refused("it has not told that it finished"));
        for (state, why) in [
            (Failed, "it has failed"),
            (Disarmed, "it was called off"),
            (Expired, "it has expired"),
        ] {
            for stage in ["started", "finished", "booted", "unpacking"] {
                assert_eq!(follow(state, 0, stage), Next::Refused(why));
            }
        }
    }
}
