//! Tells systemd how a unit fares; says nothing where no systemd asked.

use sd_notify::NotifyState;

/// The unit is ready.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// What the unit is doing, for `systemctl status`.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// The unit is alive.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// The unit is going down.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}
