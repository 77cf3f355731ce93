//! A metalink of a small repository: its mirrors, what `repomd.xml` must be, and what it may be on slow mirrors.

use std::fmt::Write as _;

use feeds::digest::Sha256;
use url::Url;

use crate::repository::Flaw;

/// Where it lies.
pub(crate) const METALINK: &str = "metalink.xml";

/// Writes one; `before` are the versions of `repomd.xml` before the `present` one.
pub(crate) fn metalink(mirrors: &[Url], present: &[u8], before: &[Vec<u8>], flaw: Flaw) -> Vec<u8> {
    let time = if flaw == Flaw::OtherTime { "99999999999999999999" } else { "1700000000" };
    let version = |repomd: &[u8]| {
        format!(
            "<mm0:timestamp>{time}</mm0:timestamp><size>{}</size>\
             <verification><hash type=\"sha256\">{}</hash></verification>",
            repomd.len(),
            Sha256::of(repomd)
        )
    };
    let (first, alternates) = match flaw {
        Flaw::OtherDigest => (version(b"another"), Vec::new()),
        // The mirrors have yet to get what it tells of.
        Flaw::Lags => (version(b"newer"), [&[present.to_vec()], before].concat()),
        _ => (version(present), before.to_vec()),
    };
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" \
         xmlns:mm0=\"http://example/mm0\"><files><file name=\"repomd.xml\">{first}<mm0:alternates>"
    );
    for one in alternates {
        write!(text, "<mm0:alternate>{}</mm0:alternate>", version(&one)).expect("a text grows");
    }
    text += "</mm0:alternates><resources>";
    for (place, mirror) in mirrors.iter().enumerate() {
        write!(text, "<url preference=\"{}\">{mirror}repodata/repomd.xml</url>", 100 - place)
            .expect("a text grows");
    }
    (text + "</resources></file></files></metalink>\n").into_bytes()
}
