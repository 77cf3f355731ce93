//! Mirror lists: the base URL of one mirror a line.

use url::Url;

/// A list of mirrors has some kilobytes.
pub(super) const LARGEST: u64 = 1 << 20;
/// Nobody asks more mirrors than these.
pub(super) const MOST: usize = 500;

/// Reads the mirrors that can be asked, in their order; comments and other protocols are passed over.
pub(super) fn parse(text: &[u8], from: &Url) -> Vec<Url> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut mirrors = Vec::new();
    for mirror in lines.filter_map(|line| askable(line, from)).take(MOST) {
        if !mirrors.contains(&mirror) {
            mirrors.push(mirror);
        }
    }
    mirrors
}

/// Reads an address that can be asked: over HTTP, or on this host if the list that names it lies here too.
pub(super) fn askable(text: &str, from: &Url) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    match url.scheme() {
        "http" | "https" => url.has_host().then_some(url),
        "file" => (from.scheme() == "file").then_some(url),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, from: &str) -> Vec<String> {
        let mirrors = parse(text.as_bytes(), &from.parse().expect("a URL"));
        mirrors.iter().map(Url::to_string).collect()
    }

    #[test]
    fn reads_what_can_be_asked_once_and_in_order() {
        let text = "# two mirrors\nhttps://b.example/os/\r\n\nftp://c.example/os/\nrsync://d.example/os\n\
            http://a.example/os\nhttps://b.example/os/\nfile:///etc/\n<html>\n";
        assert_eq!(
            read(text, "https://l.example/"),
            ["https://b.example/os/", "http://a.example/os"]
        );
        assert_eq!(read("file:///media/os\n", "file:///media/list"), ["file:///media/os"]);
    }

    #[test]
    fn takes_no_more_than_anybody_asks() {
        let many =
            (0..2000).fold(String::new(), |text, n| text + &format!("http://m{n}.example/\n"));
        assert_eq!(read(&many, "http://l.example/").len(), MOST);
        assert!(read("<html><body>no mirrors</body></html>", "http://l.example/").is_empty());
    }
}
