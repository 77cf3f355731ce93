//! Host keys: who an ssh upstream must be. A key is pinned in a `known_hosts` file, or learned once from a host that the
//! operator named for that; a changed key is never taken.

use std::io::Write as _;
use std::path::Path;

use fs_err as fs;
use ssh_key::PublicKey;
use ssh_key::known_hosts::{Entry, HostPatterns, KnownHosts, Marker};

/// What the pinned keys say about one key of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Pinned.
    Known,
    /// Revoked, or another key is pinned for this host.
    Changed,
    /// Nothing is pinned for this host.
    Unknown,
}

/// The name under which a host stands in `known_hosts`.
pub(super) fn name(host: &str, port: u16) -> String {
    if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") }
}

/// Judges a key as it came from the wire against the text of a `known_hosts` file.
///
/// Lines that cannot be read (an unknown key type, say) are passed over, as OpenSSH does; so are hashed host names.
pub(super) fn judge(text: &str, name: &str, key: &[u8]) -> Verdict {
    let mut verdict = Verdict::Unknown;
    for entry in KnownHosts::new(text).flatten().filter(|entry| names(entry, name)) {
        let same = entry.public_key().to_bytes().is_ok_and(|pinned| pinned == key);
        match (entry.marker(), same) {
            (Some(Marker::Revoked), true) => return Verdict::Changed,
            (None, true) => verdict = Verdict::Known,
            (None, false) if verdict == Verdict::Unknown => verdict = Verdict::Changed,
            _ => {}
        }
    }
    verdict
}

fn names(entry: &Entry, name: &str) -> bool {
    match entry.host_patterns() {
        HostPatterns::Patterns(patterns) => {
            patterns.iter().any(|pattern| pattern.eq_ignore_ascii_case(name))
        }
        HostPatterns::HashedName { .. } => false,
    }
}

/// Adds a key to the file.
pub(super) fn learn(
    path: &Path,
    name: &str,
    key: &[u8],
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let key = PublicKey::from_bytes(key)?.to_openssh()?;
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{name} {}", key.trim_end())?;
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> PublicKey {
        PublicKey::from(ssh_key::public::Ed25519PublicKey([seed; 32]))
    }

    fn line(name: &str, seed: u8) -> String {
        format!("{name} {}\n", key(seed).to_openssh().unwrap())
    }

    #[test]
    fn a_pinned_key_is_known_and_another_is_not() {
        let text = format!("# pinned\n\nnonsense\n{}{}", line("a,b", 1), line("[b]:2222", 2));
        let of = |seed| key(seed).to_bytes().unwrap();
        assert_eq!(judge(&text, "b", &of(1)), Verdict::Known);
        assert_eq!(judge(&text, "b", &of(2)), Verdict::Changed);
        assert_eq!(judge(&text, &name("b", 2222), &of(2)), Verdict::Known);
        assert_eq!(judge(&text, "c", &of(1)), Verdict::Unknown);
    }

    #[test]
    fn a_revoked_key_is_never_taken() {
        let text = format!("{}@revoked {}", line("a", 1), line("a", 1));
        assert_eq!(judge(&text, "a", &key(1).to_bytes().unwrap()), Verdict::Changed);
    }

    #[test]
    fn a_learned_key_is_known_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let wire = key(3).to_bytes().unwrap();
        learn(&path, "a", &wire).unwrap();
        assert_eq!(judge(&fs::read_to_string(&path).unwrap(), "a", &wire), Verdict::Known);
    }
}
