//! `comps`: groups, cut to the packages that are kept. What is empty then goes, and what lists it forgets it.

use std::collections::HashSet;
use std::io::{BufRead, Write};

use super::super::fragments::Fragments;
use super::element::Element;
use super::packages::{Uncut, write_tail};

/// Groups have a megabyte or two.
const LARGEST: usize = 64 << 20;

/// Keeps what groups list of `names`.
pub(super) fn cut(
    input: impl BufRead,
    names: &HashSet<String>,
    output: &mut impl Write,
) -> Result<(), Uncut> {
    let mut fragments = Fragments::open(input)?;
    let (mut children, mut gone, mut size) = (Vec::new(), HashSet::new(), 0);
    while fragments.next()?.is_some() {
        let text = fragments.text()?;
        size += text.len();
        if size > LARGEST {
            let what = "more groups than there can be";
            return Err(Uncut::Read(crate::yum::Unreadable::Unexpected { at: size as u64, what }));
        }
        let mut child = Element::parse(text)?;
        if child.tag.name == "group" && !cut_group(&mut child, names) {
            gone.extend(child.child("id").map(Element::text));
        } else {
            children.push(child);
        }
    }
    output.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
    writeln!(output, "<{}>", fragments.root().raw.trim_end())?;
    for mut child in children {
        if !forget(&mut child, &gone) {
            continue;
        }
        let mut text = String::new();
        child.write(&mut text);
        writeln!(output, "{text}")?;
    }
    write_tail(fragments.root(), output)?;
    Ok(())
}

/// Cuts a group; tells whether a package is left.
fn cut_group(group: &mut Element, names: &HashSet<String>) -> bool {
    let mut left = false;
    for list in group.elements_mut().filter(|one| one.tag.name == "packagelist") {
        list.retain(|one| one.tag.name != "packagereq" || names.contains(&one.text()));
        left |= list.child("packagereq").is_some();
    }
    left
}

/// Takes groups that are gone out of a category or an environment; tells whether it still lists one.
fn forget(child: &mut Element, gone: &HashSet<String>) -> bool {
    if !matches!(child.tag.name.as_str(), "category" | "environment") {
        return true;
    }
    let mut left = false;
    for list in child.elements_mut() {
        list.retain(|one| one.tag.name != "groupid" || !gone.contains(&one.text()));
        left |= list.tag.name == "grouplist" && list.child("groupid").is_some();
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<?xml version=\"1.0\"?><!DOCTYPE comps PUBLIC \"-//x//EN\" \"comps.dtd\"><comps>\n <group><id>core</id><name xml:lang=\"de\">Kern</name>\n  <packagelist>\n   \
        <packagereq type=\"mandatory\">bash</packagereq>\n   <packagereq>gone</packagereq>\n  </packagelist></group>\n \
        <group><id>empty</id><packagelist><packagereq>gone</packagereq></packagelist></group>\n \
        <category><id>all</id><grouplist><groupid>core</groupid><groupid>empty</groupid></grouplist></category>\n \
        <category><id>none</id><grouplist><groupid>empty</groupid></grouplist></category>\n \
        <environment><id>minimal</id><grouplist><groupid>core</groupid></grouplist><optionlist><groupid>empty</groupid></optionlist></environment>\n \
        <langpacks><match name=\"x\" install=\"x-%s\"/></langpacks></comps>";

    #[test]
    fn keeps_groups_that_list_something() {
        let mut output = Vec::new();
        let names = HashSet::from(["bash".to_owned()]);
        cut(TEXT.as_bytes(), &names, &mut output).expect("it is cut");
        let cut = String::from_utf8(output).expect("text");
        assert!(cut.contains("<name xml:lang=\"de\">Kern</name>"), "{cut}");
        assert!(cut.contains(">bash<") && !cut.contains("gone") && !cut.contains("empty"), "{cut}");
        assert!(cut.contains("<id>all</id>") && !cut.contains("<id>none</id>"), "{cut}");
        assert!(cut.contains("<id>minimal</id>") && cut.contains("x-%s"), "{cut}");
    }
}
