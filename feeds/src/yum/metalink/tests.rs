//! Metalinks as mirror managers write them, and as an attacker would.

use super::*;

const PRESENT: &[u8] = b"<repomd>2</repomd>";
const BEFORE: &[u8] = b"<repomd>1</repomd>";

fn hash(kind: &str, bytes: &[u8]) -> String {
    let zeros = Digest::parse(kind, &"0".repeat(128));
    let mut hasher = Hasher::new(zeros.as_ref());
    hasher.update(bytes);
    let (sha256, other) = hasher.finish();
    let hex =
        if kind == "sha256" { Some(sha256.to_string()) } else { other.map(|o| o.to_string()) };
    let hex = hex.unwrap_or_else(|| "00".repeat(16));
    format!("<hash type=\"{kind}\">{hex}</hash>")
}

fn document(verification: &str, resources: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" xmlns:mm0=\"http://example/mm0\"><files>\
         <file name=\"other.xml\"><verification>{}</verification></file>\
         <file name=\"repomd.xml\"><mm0:timestamp>1</mm0:timestamp><size>{}</size>\
         <verification>{verification}</verification>\
         <mm0:alternates><mm0:alternate><mm0:timestamp>0</mm0:timestamp><size>{}</size>\
         <verification>{}</verification></mm0:alternate></mm0:alternates>\
         <resources maxconnections=\"1\">{resources}</resources></file></files></metalink>",
        hash("sha256", b"other"),
        PRESENT.len(),
        BEFORE.len(),
        hash("sha512", BEFORE),
    )
}

fn url(text: &str, preference: u32) -> String {
    format!("<url protocol=\"x\" type=\"x\" preference=\"{preference}\">{text}</url>")
}

fn read(text: &str) -> Result<Metalink, Unreadable> {
    parse(text.as_bytes(), &"https://l.example/metalink".parse().expect("a URL"))
}

#[test]
fn reads_mirrors_by_preference_and_all_versions() {
    let resources = [
        url("http://low.example/os/repodata/repomd.xml", 10),
        url("rsync://r.example/os/repodata/repomd.xml", 100),
        url("https://high.example/os?a=b&amp;c=d", 99),
        url("https://high.example/x+y/repodata/repomd.xml", 98),
        url("file:///etc/repodata/repomd.xml", 97),
        url("http://low.example/os/repodata/repomd.xml", 9),
    ];
    let verification = hash("md5", PRESENT) + &hash("sha1", PRESENT) + &hash("sha256", PRESENT);
    let metalink = read(&document(&verification, &resources.concat())).expect("well-formed");
    let mirrors: Vec<_> = metalink.mirrors.iter().map(Url::as_str).collect();
    assert_eq!(mirrors, ["https://high.example/x+y/", "http://low.example/os/"]);
    assert!(metalink.vouches_for(PRESENT) && metalink.vouches_for(BEFORE));
    assert!(!metalink.vouches_for(b"other") && !metalink.vouches_for(b""));
}

#[test]
fn believes_the_strongest_digest_alone() {
    let lying = hash("sha256", PRESENT) + &hash("sha512", b"<repomd>3</repomd>");
    let metalink = read(&document(&lying, "")).expect("well-formed");
    assert!(!metalink.vouches_for(PRESENT));
    assert!(metalink.vouches_for(b"<repomd>3</repomd>"));
    let pieces =
        "<pieces>".to_owned() + &hash("sha256", b"x") + "</pieces>" + &hash("sha256", PRESENT);
    assert!(!read(&document(&pieces, "")).expect("well-formed").vouches_for(b"x"));
}

#[test]
fn does_not_believe_weak_digests() {
    let weak = hash("md5", PRESENT) + &hash("sha1", PRESENT);
    let text = document(&weak, "").replace("sha512", "sha1");
    assert!(matches!(read(&text), Err(Unreadable::Lacks { .. })));
}

#[test]
fn refuses_hostile_documents() {
    let whole = document(&hash("sha256", PRESENT), &url("http://a.example/repodata/repomd.xml", 1));
    read(&whole).expect("well-formed");
    let bomb = whole.replacen("<metalink", "<!DOCTYPE x [<!ENTITY a \"aa\">]><metalink", 1);
    assert!(matches!(read(&bomb), Err(Unreadable::Unexpected { .. })));
    assert!(read(&whole.replace("</size>", "&mine;</size>")).is_err());
    assert!(read(&whole[..whole.len() - 5]).is_err());
    assert!(read(&"<a>".repeat(100)).is_err());
    assert!(read("<html/>").is_err());
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "(<[a-z!/&;?\\[\\]\" =]{0,8}>|<file name=\"repomd.xml\">|<hash>|</hash>|[a-z&;#0-9]{0,4}){0,12}") {
        drop(read(&text));
    }
}
