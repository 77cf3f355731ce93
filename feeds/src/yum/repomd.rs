//! `repomd.xml`: which metadata a repository has.

use super::record::{self, Listed};
use super::xml::Unreadable;

/// One metadata file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Its type, such as `primary`.
    pub(super) kind: String,
    pub(super) file: Listed,
    /// Its length once decompressed.
    pub(super) open_size: Option<u64>,
}

/// Reads `repomd.xml`; `weak` takes digests that can be forged.
pub(super) fn parse(text: &[u8], weak: bool) -> Result<Vec<Metadata>, Unreadable> {
    let mut all = Vec::new();
    let fields = ["location", "checksum", "size", "open-size"];
    record::read(text, "data", &fields, |record| {
        let number = |field| record.text(field).and_then(|text| text.parse().ok());
        let kind = record.attributes.get("type").cloned().unwrap_or_default();
        let file = record.listed(number("size"), weak)?;
        all.push(Metadata { kind, file, open_size: number("open-size") });
        Ok(())
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn repomd(location: &str, checksum: &str) -> String {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1</revision>
  <data type="primary">
    {checksum}<open-checksum type="sha256">0</open-checksum>
    {location}<timestamp>1</timestamp><size>12</size><open-size>34</open-size>
  </data>
  <data type="group"><checksum type="sha256">{SHA256}</checksum><location href="repodata/comps.xml"/></data>
</repomd>"#
        )
    }

    const LOCATION: &str = r#"<location href="repodata/a%2Bb&amp;c-primary.xml.gz"/>"#;

    #[test]
    fn lists_all_metadata() {
        let checksum = format!("<checksum type=\"sha256\">\n{SHA256}</checksum>");
        let all = parse(repomd(LOCATION, &checksum).as_bytes(), false).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].kind, "primary");
        assert_eq!(all[0].file.path.as_str(), "repodata/a+b&c-primary.xml.gz");
        assert_eq!((all[0].file.size, all[0].open_size), (Some(12), Some(34)));
        assert_eq!(all[0].file.sha256, SHA256.parse().ok());
        assert_eq!((all[1].kind.as_str(), all[1].file.size), ("group", None));
    }

    #[test]
    fn refuses_digests_that_can_be_forged_unless_told() {
        let sha1 = "<checksum type=\"sha\">a9993e364706816aba3e25717850c26c9cd0d89d</checksum>";
        let text = repomd(LOCATION, sha1);
        assert!(matches!(parse(text.as_bytes(), false), Err(Unreadable::Weak { .. })));
        assert!(parse(text.as_bytes(), true).unwrap()[0].file.other.is_some());
        let md5 = repomd(LOCATION, "<checksum type=\"md5\">00</checksum>");
        assert!(matches!(parse(md5.as_bytes(), true), Err(Unreadable::Lacks { .. })));
    }

    #[test]
    fn refuses_what_leaves_the_repository() {
        let checksum = format!("<checksum type=\"sha256\">{SHA256}</checksum>");
        for href in ["../x", "/etc/passwd", "a/%2e%2e/b", "a/..%2fb", "a%00b", ""] {
            let text = repomd(&format!("<location href=\"{href}\"/>"), &checksum);
            assert!(matches!(parse(text.as_bytes(), true), Err(Unreadable::Path(_))), "{href}");
        }
        let text = repomd("<location xml:base=\"http://h.example/\" href=\"a\"/>", &checksum);
        assert!(matches!(parse(text.as_bytes(), true), Err(Unreadable::Elsewhere { .. })));
    }

    #[test]
    fn refuses_entities_and_broken_documents() {
        let checksum = format!("<checksum type=\"sha256\">{SHA256}</checksum>");
        let whole = repomd(LOCATION, &checksum);
        let bomb = whole.replacen(
            "<repomd",
            "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><repomd",
            1,
        );
        assert!(matches!(parse(bomb.as_bytes(), true), Err(Unreadable::Unexpected { .. })));
        let entity = whole.replace(SHA256, "&mine;");
        assert!(parse(entity.as_bytes(), true).is_err());
        for end in [whole.len() / 2, whole.len() - 3] {
            assert!(parse(&whole.as_bytes()[..end], true).is_err(), "cut at {end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(<[a-z!/&;?\\[\\]\" =]{0,8}>|[a-z&;#0-9]{0,4}){0,12}") {
            drop(parse(text.as_bytes(), true));
        }
    }
}
