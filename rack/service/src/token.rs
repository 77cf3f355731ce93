//! Tokens: made from the system's randomness, looked up by their hash, and never shown whole in a log.
//!
//! The database keeps the token itself, in a file that nobody but the service reads: a machine whose first request was
//! lost asks again, and must be sent to the same place. Looking it up by its hash leaves no time to be measured.

use rand::RngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

/// Characters of a token that may be seen.
const SEEN: usize = 6;
/// Hexadecimal digits of a token.
const DIGITS: usize = 64;
/// A run of so many is taken for one wherever it stands, in case a client has damaged it.
const SUSPECT: usize = 24;

/// Makes a token of 256 bits.
pub(crate) fn fresh() -> String {
    let mut bytes = [0; DIGITS / 2];
    OsRng.fill_bytes(&mut bytes);
    hexadecimal(&bytes)
}

/// What a token is looked up by.
pub(crate) fn hash(token: &str) -> String {
    hexadecimal(&Sha256::digest(token.as_bytes()))
}

/// As much of a token as may be told.
pub(crate) fn masked(token: &str) -> String {
    let shown: String = token.chars().take(SEEN).collect();
    if shown.len() < token.len() { shown + "..." } else { shown }
}

/// A path as the log has it: what stands where a token belongs, and whatever looks like one, is masked.
pub(crate) fn masked_in_path(path: &str) -> String {
    let mut holds_token = false;
    let mut parts = Vec::new();
    for part in path.split('/') {
        parts.push(if holds_token { masked(part) } else { masked_in_text(part) });
        holds_token = matches!(part, "install" | "callback");
    }
    parts.join("/")
}

/// A text in which whatever looks like a token is masked.
pub(crate) fn masked_in_text(text: &str) -> String {
    let mut masked_text = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len());
        let (run, after) = from.split_at(length);
        masked_text.push_str(before);
        if run.len() < SUSPECT {
            masked_text.push_str(run);
        } else {
            masked_text.push_str(&masked(run));
        }
        rest = after;
    }
    masked_text + rest
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_no_two_are_the_same() {
        let (one, other) = (fresh(), fresh());
        assert_eq!(one.len(), DIGITS);
        assert_ne!(one, other);
        assert_ne!(hash(&one), one);
    }

    #[test]
    fn no_path_shows_a_whole_token() {
        let token = fresh();
        let seen = format!("{}...", &token[..SEEN]);
        for (path, expected) in [
            (format!("/install/{token}/preseed.cfg"), format!("/install/{seen}/preseed.cfg")),
            (format!("/callback/{token}/started"), format!("/callback/{seen}/started")),
            (format!("//install/{token}"), format!("//install/{seen}")),
            (format!("/elsewhere?x={token}&y=1"), format!("/elsewhere?x={seen}&y=1")),
            ("/install/%61bcdefghij/x".to_owned(), "/install/%61bcd.../x".to_owned()),
            ("/boot/52-54-00-12-34-56".to_owned(), "/boot/52-54-00-12-34-56".to_owned()),
        ] {
            assert_eq!(masked_in_path(&path), expected);
        }
    }
}
