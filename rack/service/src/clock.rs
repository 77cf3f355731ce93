//! The only place that looks at the clock.

use jiff::Timestamp;

/// Milliseconds since 1970.
pub(crate) fn milliseconds() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn seconds() -> u64 {
    milliseconds() / 1000
}

/// UTC as log lines have it: ISO 8601 with milliseconds.
pub(crate) fn told() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
