//! `updateinfo`, cut to the advisories about packages that are kept.

use std::collections::HashSet;
use std::io::{BufRead, Write};

use super::super::fragments::Fragments;
use super::element::Element;
use super::packages::{Uncut, write_head, write_tail};

/// Keeps the advisories that name a package of `nevras`, each with those packages only.
pub(super) fn cut(
    input: impl BufRead,
    nevras: &HashSet<String>,
    output: &mut impl Write,
) -> Result<(), Uncut> {
    let mut fragments = Fragments::open(input)?;
    write_head(fragments.root(), None, output)?;
    while let Some(tag) = fragments.next()? {
        let mut text = fragments.take()?;
        if tag.name == "update" {
            let mut update = Element::parse(&text)?;
            if !cut_one(&mut update, nevras) {
                continue;
            }
            text.clear();
            update.write(&mut text);
        }
        output.write_all(text.as_bytes())?;
        output.write_all(b"\n")?;
    }
    write_tail(fragments.root(), output)?;
    Ok(())
}

/// Cuts one advisory; tells whether a package is left.
fn cut_one(update: &mut Element, nevras: &HashSet<String>) -> bool {
    let mut left = false;
    for list in update.elements_mut().filter(|one| one.tag.name == "pkglist") {
        for collection in list.elements_mut() {
            collection.retain(|one| one.tag.name != "package" || nevras.contains(&nevra(one)));
        }
        list.retain(|one| one.tag.name != "collection" || one.child("package").is_some());
        left |= list.child("collection").is_some();
    }
    update.retain(|one| one.tag.name != "pkglist" || one.child("collection").is_some());
    left
}

fn nevra(package: &Element) -> String {
    let get = |key: &str| package.tag.attributes.get(key).map_or("", String::as_str);
    let epoch = if get("epoch").is_empty() { "0" } else { get("epoch") };
    format!("{}-{epoch}:{}-{}.{}", get("name"), get("version"), get("release"), get("arch"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<updates><update type=\"security\"><id>A-1</id><description>a &lt; b</description><pkglist>\
        <collection short=\"x\"><name>x</name>\
        <package name=\"a\" version=\"1\" release=\"1\" epoch=\"0\" arch=\"noarch\"><filename>a.rpm</filename></package>\
        <package name=\"b\" version=\"1\" release=\"1\" epoch=\"1\" arch=\"noarch\"/></collection>\
        <collection><package name=\"c\" version=\"1\" release=\"1\" arch=\"noarch\"/></collection></pkglist></update>\
        <update><id>A-2</id><pkglist><collection><package name=\"c\" version=\"2\" release=\"1\" arch=\"noarch\"/></collection></pkglist></update>\
        <update><id>A-3</id></update></updates>";

    fn kept(nevras: &[&str]) -> String {
        let nevras = nevras.iter().map(|one| (*one).to_owned()).collect();
        let mut output = Vec::new();
        cut(TEXT.as_bytes(), &nevras, &mut output).expect("it is cut");
        String::from_utf8(output).expect("text")
    }

    #[test]
    fn keeps_advisories_about_what_is_there() {
        let cut = kept(&["a-0:1-1.noarch"]);
        assert!(cut.contains("<id>A-1</id><description>a &lt; b</description>"), "{cut}");
        assert!(cut.contains("name=\"a\"") && cut.contains("<filename>a.rpm</filename>"));
        assert!(!cut.contains("name=\"b\"") && !cut.contains("name=\"c\""), "{cut}");
        assert!(!cut.contains("A-2") && !cut.contains("A-3"), "{cut}");
        assert_eq!(cut.matches("<collection").count(), 1);
        let cut = kept(&["b-1:1-1.noarch", "c-0:2-1.noarch"]);
        assert!(cut.contains("A-1") && cut.contains("A-2") && !cut.contains("name=\"a\""), "{cut}");
        assert!(!kept(&["b-0:1-1.noarch"]).contains("<id>"), "the epoch counts");
    }
}
