//! `primary.xml`: which packages a repository has. Streamed: it has a hundred megabytes and more.

use std::io::BufRead;

use super::record::{self, Listed, Unreadable};

/// One package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) architecture: String,
    pub(super) file: Listed,
}

/// Reads `primary.xml` and hands over each package; `weak` takes digests that can be forged.
pub(super) fn read(
    input: impl BufRead,
    weak: bool,
    mut take: impl FnMut(Package),
) -> Result<(), Unreadable> {
    let fields = ["arch", "checksum", "size", "location"];
    record::read(input, "package", &fields, |record| {
        let sizes = record.fields.get("size").map(|field| &field.attributes);
        let size = sizes.and_then(|sizes| sizes.get("package")?.parse().ok());
        let file = record.listed(size, weak)?;
        let architecture = record.text("arch").unwrap_or_default().to_owned();
        take(Package { architecture, file });
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_packages_and_nothing_of_what_they_provide() {
        let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(
            r#"<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm">
  <name>bash</name><arch>x86_64</arch><version epoch="0" ver="5" rel="1"/>
  <checksum type="sha256" pkgid="YES">{sha256}</checksum>
  <summary>The shell &amp; more</summary>
  <size package="7" installed="8" archive="9"/>
  <location href="Packages/b/bash-5-1.x86_64.rpm"/>
  <format><rpm:license>GPL</rpm:license><file>/bin/sh</file><size package="1"/><location href="../x"/></format>
</package></metadata>"#
        );
        let mut packages = Vec::new();
        read(text.as_bytes(), false, |package| packages.push(package)).unwrap();
        let [package] = &packages[..] else { panic!("{packages:?}") };
        assert_eq!(package.architecture, "x86_64");
        assert_eq!(package.file.size, Some(7));
        assert_eq!(package.file.path.as_str(), "Packages/b/bash-5-1.x86_64.rpm");
    }
}
