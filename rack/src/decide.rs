//! What a machine that asks gets: pure, from the book and what the service remembers of its install.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::{Book, Mac, Profile};

/// How often an installer that never called back is served again.
pub const SERVED_AT_MOST: u32 = 3;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The interface it boots from.
    pub mac: Mac,
    /// The address it asks from.
    pub address: Option<Ipv4Addr>,
    /// What its loader was built for, as iPXE tells it: `x86_64`, `i386`, `arm64`.
    pub architecture: Option<String>,
    /// What started the loader: `pcbios` or `efi`.
    pub platform: Option<String>,
    /// The profile that somebody chose at its console.
    pub becomes: Option<String>,
}

/// How an install stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstallState {
    /// It will happen at the next boot.
    Armed,
    /// The installer has called back.
    Running,
    /// It is done: the machine boots its disk.
    Finished,
    /// It stopped; the reason is its detail.
    Failed,
    /// It was taken back.
    Disarmed,
    /// Its token ended before any installer used it.
    Expired,
}

/// An install of one machine, as the service remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// The machine's name; of an unknown machine its MAC.
    pub machine: String,
    /// What it becomes.
    pub profile: String,
    /// What proves that a request belongs to this install.
    pub token: String,
    /// When it was armed, in seconds since 1970.
    pub armed_at: u64,
    /// When its token ends.
    pub expires_at: u64,
    /// The last stage that it told.
    pub stage: String,
    /// What was said with it.
    pub detail: String,
    /// How often its boot script was served.
    pub served: u32,
    /// How it stands.
    pub state: InstallState,
}

/// What a machine gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The installer of its profile, with this token.
    Install {
        /// The profile.
        profile: String,
        /// The install's token.
        token: String,
    },
    /// It is to be installed and nobody has armed that: the service arms, and asks again.
    Arm {
        /// The profile.
        profile: String,
    },
    /// What its profile boots each time.
    Boot {
        /// The profile.
        profile: String,
    },
    /// Its own disk.
    LocalDisk {
        /// Why, told on its screen.
        why: String,
    },
    /// The menu.
    Menu,
}

impl Book {
    /// Decides what a machine that asks gets.
    pub fn decide(&self, asking: &Asking, install: Option<&Install>, now: u64) -> Decision {
        if let Some(machine) = self.machine_of(asking.mac) {
            return match &machine.profile {
                None => disk("it has no profile"),
                Some(name) => self.by_profile(name, install, now, false),
            };
        }
        match asking.becomes.as_ref().or(self.site.unknown.as_ref()) {
            Some(name) => self.by_profile(name, install, now, true),
            None => Decision::Menu,
        }
    }

    fn by_profile(
        &self,
        name: &str,
        install: Option<&Install>,
        now: u64,
        arms_itself: bool,
    ) -> Decision {
        let Ok(profile) = self.profile(name) else {
            return disk(format!("there is no profile `{name}`"));
        };
        // An install that somebody armed counts, whatever the profile is by now.
        match install {
            Some(install) if install.state == InstallState::Armed => armed(install, now),
            Some(install) if self.is_answered(profile) => disk(standing(install)),
            _ if !self.is_answered(profile) => Decision::Boot { profile: name.to_owned() },
            _ if arms_itself => Decision::Arm { profile: name.to_owned() },
            _ => disk("nobody has armed its install (runctl machine install)"),
        }
    }

    /// Whether a profile installs, and so must be armed.
    pub fn is_answered(&self, profile: &Profile) -> bool {
        self.chosen(profile).is_ok_and(|chosen| chosen.method.answered)
    }
}

fn armed(install: &Install, now: u64) -> Decision {
    if now >= install.expires_at {
        return disk("its install was armed too long ago");
    }
    if install.served >= SERVED_AT_MOST {
        return disk("its installer never called back");
    }
    Decision::Install { profile: install.profile.clone(), token: install.token.clone() }
}

fn standing(install: &Install) -> String {
    let Install { stage, detail, profile, .. } = install;
    match install.state {
        InstallState::Finished => format!("it is {profile} already"),
        InstallState::Failed => format!("its install failed at {stage}: {detail}"),
        InstallState::Disarmed => "its install was taken back".to_owned(),
        InstallState::Expired => "its install was armed too long ago".to_owned(),
        InstallState::Armed | InstallState::Running => format!("its install is at {stage}"),
    }
}

fn disk(why: impl Into<String>) -> Decision {
    Decision::LocalDisk { why: why.into() }
}

#[cfg(test)]
mod tests;
