//! Selections over small repositories, written as people write spec files.

use std::fmt::Write as _;
use std::io::BufRead;

use super::*;

/// A repository in the making: `primary`, `filelists`, `modules`.
#[derive(Default)]
struct Repository {
    packages: Vec<String>,
    files: Vec<String>,
    modules: String,
    beside: Vec<Self>,
}

impl Repository {
    /// Adds `name evr arch` with fields such as `requires: a >= 1, (b or c)`; `file:` is in primary, `deep:` is not.
    fn add(mut self, nevra: &str, fields: &[&str]) -> Self {
        let [name, evr, arch] = nevra.split(' ').collect::<Vec<_>>()[..] else { panic!("{nevra}") };
        let (epoch, version, release) = rpm_version::Evr::parse_values(evr);
        let evr = format!("epoch=\"{epoch}\" ver=\"{version}\" rel=\"{release}\"");
        let pkgid = format!("id-{}", self.packages.len());
        let (mut format, mut deep) = (String::new(), String::new());
        let own = format!("provides: {name} = {epoch}:{version}-{release}");
        let all = [own.as_str()].into_iter().chain(fields.iter().copied());
        for (field, value) in all.map(|field| field.split_once(": ").expect("a field")) {
            match field {
                "file" => format.extend(["<file>", value, "</file>"]),
                "deep" => deep.extend(["<file>", value, "</file>"]),
                _ => {
                    format.extend(["<rpm:", field, ">"]);
                    for one in value.split(", ") {
                        format += &entry(one);
                    }
                    format.extend(["</rpm:", field, ">"]);
                }
            }
        }
        self.packages.push(format!(
            "<package type=\"rpm\"><name>{name}</name><arch>{arch}</arch><version {evr}/>\
             <checksum type=\"sha256\" pkgid=\"YES\">{pkgid}</checksum><format>{format}</format></package>"
        ));
        let version = format!("<version {evr}/>");
        self.files
            .push(format!("<package pkgid=\"{pkgid}\" name=\"{name}\">{version}{deep}</package>"));
        self
    }

    fn select(&self, filter: &Filter) -> Result<Vec<String>, BTreeSet<String>> {
        match select(filter, &["x86_64".to_owned(), "i686".to_owned()], self, &self.beside) {
            Ok(selected) => {
                assert_eq!(selected.ordinals.len(), selected.pkgids.len());
                let mut nevras: Vec<_> =
                    selected.nevras.iter().map(|one| one.replace("-0:", "-")).collect();
                nevras.sort();
                Ok(nevras)
            }
            Err(Failure::Unsatisfied(all)) => Err(all.iter().map(ToString::to_string).collect()),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn beside(mut self, neighbour: Self) -> Self {
        self.beside.push(neighbour);
        self
    }

    fn closure(&self, packages: &[&str]) -> Result<Vec<String>, BTreeSet<String>> {
        self.select(&Filter { packages: strings(packages), ..Filter::default() })
    }
}

fn entry(text: &str) -> String {
    let escaped = quick_xml::escape::escape(text).into_owned();
    let plain: Vec<_> = text.split(' ').collect();
    let [name, sign, evr] = plain[..] else { return format!("<rpm:entry name=\"{escaped}\"/>") };
    let (epoch, version, release) = rpm_version::Evr::parse_values(evr);
    let flags = match sign {
        "=" => "EQ",
        "<" => "LT",
        "<=" => "LE",
        ">" => "GT",
        ">=" => "GE",
        _ => return format!("<rpm:entry name=\"{escaped}\"/>"),
    };
    let mut entry =
        format!("<rpm:entry name=\"{name}\" flags=\"{flags}\" epoch=\"{epoch}\" ver=\"{version}\"");
    if !release.is_empty() {
        write!(entry, " rel=\"{release}\"").expect("a string takes it");
    }
    entry + "/>"
}

impl Metadata for Repository {
    type Error = ();

    fn open(&self, kind: &'static str) -> Result<Option<Box<dyn BufRead + '_>>, ()> {
        let text = match kind {
            "primary" => format!("<metadata>{}</metadata>", self.packages.concat()),
            "filelists" => format!("<filelists>{}</filelists>", self.files.concat()),
            "modules" if self.modules.is_empty() => return Ok(None),
            _ => self.modules.clone(),
        };
        Ok(Some(Box::new(std::io::Cursor::new(text))))
    }
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn keeps_the_newest_by_architecture() {
    let repository = Repository::default()
        .add("a 1-1 x86_64", &[])
        .add("a 1~rc-1 x86_64", &[])
        .add("a 1:0.1-1 x86_64", &[])
        .add("a 1-1 i686", &[])
        .add("b 2-1 noarch", &[])
        .add("c 1-1 aarch64", &[]);
    let newest = |newest| Filter { newest: Some(newest), ..Filter::default() };
    let kept = repository.select(&newest(1)).expect("a selection");
    assert_eq!(kept, ["a-1-1.i686", "a-1:0.1-1.x86_64", "b-2-1.noarch"]);
    let kept = repository.select(&newest(2)).expect("a selection");
    assert_eq!(kept, ["a-1-1.i686", "a-1-1.x86_64", "a-1:0.1-1.x86_64", "b-2-1.noarch"]);
}

#[test]
fn patterns_include_and_exclude() {
    let repository = Repository::default()
        .add("kernel 5-1 x86_64", &[])
        .add("kernel-debuginfo 5-1 x86_64", &[])
        .add("bash 5-1 x86_64", &[]);
    let filter = Filter {
        include: strings(&["kernel*"]),
        exclude: strings(&["*-debuginfo-5-*"]),
        ..Filter::default()
    };
    assert_eq!(repository.select(&filter).expect("a selection"), ["kernel-5-1.x86_64"]);
}

#[test]
fn closes_over_versions_files_and_alternatives() {
    let repository = Repository::default()
        .add("app 1-1 x86_64", &[
            "requires: lib >= 2, /usr/bin/tool, /usr/share/deep, libc.so.6()(64bit), rpmlib(X) <= 1-1",
        ])
        .add("lib 1-1 x86_64", &[])
        .add("lib 2-1 x86_64", &[])
        .add("lib 2-2 i686", &[])
        .add("tool 1-1 noarch", &["file: /usr/bin/tool"])
        .add("deep 1-1 noarch", &["deep: /usr/share/deep"])
        .add("glibc 2-1 x86_64", &["provides: libc.so.6()(64bit)"])
        .add("glibc 2-1 i686", &["provides: libc.so.6"])
        .add("other 1-1 noarch", &[]);
    let kept = repository.closure(&["app"]).expect("all is there");
    let expected = [
        "app-1-1.x86_64",
        "deep-1-1.noarch",
        "glibc-2-1.x86_64",
        "lib-2-1.x86_64",
        "tool-1-1.noarch",
    ];
    assert_eq!(kept, expected);
    for asked in ["lib-1-1.x86_64", "lib = 1"] {
        assert_eq!(repository.closure(&[asked]).expect("it is there"), ["lib-1-1.x86_64"]);
    }
    assert_eq!(repository.closure(&["lib.i686"]).expect("it is there"), ["lib-2-2.i686"]);
    assert_eq!(
        repository.closure(&["*ep", "/usr/bin/tool"]).expect("it is there"),
        ["deep-1-1.noarch", "tool-1-1.noarch"]
    );
}

#[test]
fn closes_over_rich_relations() {
    let repository = Repository::default()
        .add("app 1-1 x86_64", &["requires: (plugin if server), (x or y), (v >= 1 with v < 2)"])
        .add("server 1-1 x86_64", &["requires: (a and b)"])
        .add("plugin 1-1 x86_64", &["requires: (legacy unless modern)"])
        .add("y 1-1 noarch", &[])
        .add("a 1-1 noarch", &[])
        .add("b 1-1 noarch", &["requires: ((c if a) and (d if nothing else e))"])
        .add("c 1-1 noarch", &[])
        .add("d 1-1 noarch", &[])
        .add("e 1-1 noarch", &[])
        .add("v 2-1 noarch", &[])
        .add("v 1-1 noarch", &[])
        .add("modern 1-1 noarch", &[])
        .add("legacy 1-1 noarch", &[]);
    let kept = repository.closure(&["app"]).expect("all is there");
    assert_eq!(kept, ["app-1-1.x86_64", "v-1-1.noarch", "y-1-1.noarch"]);
    let kept = repository.closure(&["app", "server"]).expect("all is there").join(" ");
    let expected = "a-1-1.noarch app-1-1.x86_64 b-1-1.noarch c-1-1.noarch e-1-1.noarch legacy-1-1.noarch \
        plugin-1-1.x86_64 server-1-1.x86_64 v-1-1.noarch y-1-1.noarch";
    assert_eq!(kept, expected);
    let kept = repository.closure(&["modern", "app", "server"]).expect("all is there");
    assert!(!kept.contains(&"legacy-1-1.noarch".to_owned()), "{kept:?}");
}

#[test]
fn chooses_what_conflicts_with_nothing_and_lacks_nothing() {
    let repository = Repository::default()
        .add("app 1-1 noarch", &["requires: full, mail, editor"])
        .add("full 1-1 noarch", &["provides: smtp"])
        .add("ab 1-1 noarch", &["provides: mail", "conflicts: full"])
        .add("abc 1-1 noarch", &["provides: mail", "requires: nobody-has-it"])
        .add("abcd 1-1 noarch", &["provides: mail"])
        .add("vi 1-1 noarch", &["provides: editor"])
        .add("editor 1-1 noarch", &[]);
    let kept = repository.closure(&["app"]).expect("all is there");
    assert_eq!(kept, ["abcd-1-1.noarch", "app-1-1.noarch", "editor-1-1.noarch", "full-1-1.noarch"]);
}

#[test]
fn takes_what_took_the_place_of_what_is_asked_for() {
    let repository = Repository::default()
        .add("old 1-1 noarch", &["provides: tool"])
        .add("new 5-1 noarch", &["obsoletes: old < 2", "provides: old = 2, tool"])
        .add("heir 1-1 noarch", &["obsoletes: gone"])
        .add("kept 3-1 noarch", &[])
        .add("usurper 1-1 noarch", &["obsoletes: kept < 3"])
        .add("app 1-1 noarch", &["requires: old"])
        .add("other 1-1 noarch", &["requires: tool"]);
    assert_eq!(repository.closure(&["old"]).expect("its successor"), ["new-5-1.noarch"]);
    assert_eq!(repository.closure(&["gone"]).expect("its heir"), ["heir-1-1.noarch"]);
    assert_eq!(repository.closure(&["kept"]).expect("not obsolete"), ["kept-3-1.noarch"]);
    let kept = |asked| repository.closure(&[asked]).expect("all is there");
    assert_eq!(kept("app"), ["app-1-1.noarch", "new-5-1.noarch"]);
    assert_eq!(kept("other"), ["new-5-1.noarch", "other-1-1.noarch"]);
}

#[test]
fn keeps_clear_of_combined_conflicts() {
    let repository = Repository::default()
        .add("one 1-1 noarch", &["provides: way", "conflicts: (a and b)"])
        .add("another 1-1 noarch", &["provides: way"])
        .add("a 1-1 noarch", &[])
        .add("b 1-1 noarch", &[])
        .add("lone 1-1 noarch", &["conflicts: (one unless a)"])
        .add("app 1-1 noarch", &["requires: way"]);
    let kept = |asked: &[&str]| repository.closure(asked).expect("all is there").join(" ");
    assert!(kept(&["a", "app"]).contains("one-1"), "only one of the two is there");
    assert!(kept(&["a", "b", "app"]).contains("another-1"));
    assert!(kept(&["lone", "app"]).contains("another-1"));
    assert!(kept(&["lone", "a", "app"]).contains("one-1"), "it conflicts no longer");
}

#[test]
fn leaves_to_a_neighbour_what_it_has() {
    let base = Repository::default()
        .add("libc 2-1 x86_64", &["file: /bin/sh", "deep: /usr/share/zone", "requires: nothing"])
        .add("base-tool 1-1 noarch", &[]);
    let own = Repository::default()
        .add("libc 1-1 x86_64", &[])
        .add("lang 1-1 noarch", &[])
        .add("stub 1-1 noarch", &[])
        .add(
            "app 1-1 noarch",
            &["requires: libc >= 2, /bin/sh, /usr/share/zone, (lang if base-tool), (stub unless base-tool)"],
        )
        .beside(base);
    let kept = own.closure(&["app"]).expect("both together have all");
    assert_eq!(kept, ["app-1-1.noarch", "lang-1-1.noarch", "stub-1-1.noarch"]);
    assert_eq!(own.closure(&["libc"]).expect("our own"), ["libc-1-1.x86_64"]);
    let lacking = Repository::default().add("app 1-1 noarch", &["requires: libc >= 3"]);
    let lacking = lacking.beside(Repository::default().add("libc 2-1 x86_64", &[]));
    let told = lacking.closure(&["app"]).expect_err("neither has it");
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["`libc >= 3`, which app-1-1.noarch needs"]);
}

#[test]
fn takes_what_is_recommended_as_far_as_it_fits() {
    let repository = Repository::default()
        .add("app 1-1 noarch", &["recommends: nice, broken, rival, gone, (lang-de if langs)"])
        .add("nice 1-1 noarch", &["recommends: nicer"])
        .add("nicer 1-1 noarch", &[])
        .add("broken 1-1 noarch", &["requires: part, nobody-has-it"])
        .add("part 1-1 noarch", &[])
        .add("rival 1-1 noarch", &["conflicts: app"])
        .add("langs 1-1 noarch", &["supplements: nicer"])
        .add("lang-de 1-1 noarch", &[])
        .add("other 1-1 noarch", &["supplements: (nicer and absent)"]);
    let weak = Filter { packages: strings(&["app"]), recommends: true, ..Filter::default() };
    let kept = repository.select(&weak).expect("all is there");
    let expected = [
        "app-1-1.noarch",
        "lang-de-1-1.noarch",
        "langs-1-1.noarch",
        "nice-1-1.noarch",
        "nicer-1-1.noarch",
    ];
    assert_eq!(kept, expected);
    assert_eq!(repository.closure(&["app"]).expect("all is there"), ["app-1-1.noarch"]);
}

#[test]
fn tells_all_that_cannot_be_had_and_who_wants_it() {
    let repository = Repository::default()
        .add("app 1-1 noarch", &["requires: lib >= 3, (x or y), (a >= nor b)"])
        .add("lib 2-1 noarch", &["requires: /etc/nowhere"]);
    let told = repository.closure(&["app", "lib", "ghost"]).expect_err("much is missing");
    let expected = [
        "`(a >= nor b)`, which app-1-1.noarch needs",
        "`(x or y)`, which app-1-1.noarch needs",
        "`/etc/nowhere`, which lib-2-1.noarch needs",
        "`ghost`",
        "`lib >= 3`, which app-1-1.noarch needs",
    ];
    assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let filter = Filter { packages: strings(&["app"]), incomplete: true, ..Filter::default() };
    assert_eq!(repository.select(&filter).expect("it is allowed"), ["app-1-1.noarch"]);
}

#[test]
fn sees_modular_packages_of_enabled_streams_only() {
    let mut repository = Repository::default()
        .add("node 18-1 x86_64", &[])
        .add("node 20-1 x86_64", &[])
        .add("plain 1-1 noarch", &["requires: node"]);
    repository.modules = "---\ndocument: modulemd\ndata: {name: node, stream: 18, artifacts: {rpms: [node-0:18-1.x86_64]}}\n---\n\
        document: modulemd\ndata: {name: node, stream: 20, artifacts: {rpms: [node-0:20-1.x86_64]}}\n---\n\
        document: modulemd-defaults\ndata: {module: node, stream: 18}\n"
        .to_owned();
    let with = |modules: &[&str]| Filter {
        packages: strings(&["plain"]),
        modules: strings(modules),
        ..Filter::default()
    };
    assert_eq!(repository.select(&with(&[])).expect("18")[0], "node-18-1.x86_64");
    assert_eq!(repository.select(&with(&["node:20"])).expect("20")[0], "node-20-1.x86_64");
    let told = repository.select(&with(&["node:16"])).expect_err("there is no 16");
    assert_eq!(told.first().map(String::as_str), Some("`module(node:16)`"));
    let newest = Filter { newest: Some(1), ..Filter::default() };
    assert_eq!(repository.select(&newest).expect("all streams").len(), 3);
}

proptest::proptest! {
    #[test]
    fn what_is_closed_lacks_nothing_that_is_there(
        needs in proptest::collection::vec(proptest::collection::vec(0..12_usize, 0..3), 12)
    ) {
        let mut repository = Repository::default();
        for (number, needs) in needs.iter().enumerate() {
            let requires: Vec<_> = needs.iter().map(|need| format!("requires: p{need}")).collect();
            let requires: Vec<_> = requires.iter().map(String::as_str).collect();
            repository = repository.add(&format!("p{number} 1-1 noarch"), &requires);
        }
        let kept = repository.closure(&["p0"]).expect("all is there");
        for (number, needs) in needs.iter().enumerate() {
            if kept.contains(&format!("p{number}-1-1.noarch")) {
                for need in needs {
                    let need = format!("p{need}-1-1.noarch");
                    proptest::prop_assert!(kept.contains(&need), "{}", need);
                }
            }
        }
    }
}

#[test]
fn names_are_read_whole_whatever_they_are_written_with() {
    let repository =
        Repository::default().add("a&amp;b 1-1 x86_64", &[]).add("&quot; 1-1 noarch", &[]);
    assert_eq!(
        repository.select(&Filter::default()).expect("read"),
        ["\"-1-1.noarch", "a&b-1-1.x86_64"]
    );
}
