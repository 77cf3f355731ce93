//! Folders of packages made here.

use super::super::reindex::tests::signing;
use super::*;
use crate::compression::gzip;
use crate::digest::Sha256;
use crate::error::{Class, Classified as _};
use crate::events::Silent;

struct Site {
    folder: tempfile::TempDir,
    store: Store,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        fs_err::create_dir(folder.path().join("debs")).expect("folder");
        let store = Store::open(folder.path().join("store")).expect("store");
        Self { folder, store }
    }

    /// Drops a package of that control file; `built` tells when, in seconds since 1970.
    fn drop_in(&self, file: &str, control: &str, built: u64) {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(control.len() as u64);
        tar.append_data(&mut header, "./control", control.as_bytes()).expect("file");
        let tar = gzip(&tar.into_inner().expect("tar")).expect("compressed");
        let path = self.folder.path().join("debs").join(file);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("folder");
        let mut outer = ar::Builder::new(fs_err::File::create(&path).expect("file"));
        for (name, bytes) in [("debian-binary", &b"2.0\n"[..]), ("control.tar.gz", &tar)] {
            let mut header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
            header.set_mtime(built);
            outer.append(&header, bytes).expect("member");
        }
    }

    fn source(&self) -> Loose {
        Loose {
            name: "local".to_owned(),
            folder: self.folder.path().join("debs"),
            architectures: Vec::new(),
            filter: Filter::default(),
            signing: signing(self.folder.path(), "site"),
        }
    }

    async fn survey(&self, source: &Loose) -> Result<Plan, Error> {
        survey(source, None, &self.store, &Silent).await
    }

    fn read(&self, plan: &Plan, path: &str) -> String {
        let object = plan.have[&RelPath::new(path).expect("a path")];
        String::from_utf8(self.store.read(&object.sha256).expect("object")).expect("text")
    }
}

fn control(name: &str, version: &str, architecture: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nFilename: ../evil\nDescription: short\n long\n"
    )
}

#[tokio::test]
async fn each_package_tells_of_itself_and_all_is_for_every_architecture() {
    let site = Site::new();
    site.drop_in("a.deb", &control("a", "1", "amd64"), 1000);
    site.drop_in("below/b.deb", &control("b", "1", "all"), 2000);
    site.drop_in("c.deb", &control("c", "1", "arm64"), 1500);
    fs_err::write(site.folder.path().join("debs/README"), "not a package").expect("file");
    let plan = site.survey(&site.source()).await.expect("made");
    assert!(plan.get.is_empty(), "nothing is to be fetched");
    let listed = |architecture: &str| {
        let text = site.read(&plan, &format!("dists/local/main/binary-{architecture}/Packages"));
        let names = paragraphs(&text).filter_map(|one| one.get("Package").map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        (listed("amd64"), listed("arm64")),
        (vec!["a".into(), "b".into()], vec!["b".into(), "c".into()])
    );
    let text = site.read(&plan, "dists/local/main/binary-amd64/Packages");
    let digest = Sha256::of(&fs_err::read(site.folder.path().join("debs/a.deb")).expect("file"));
    assert!(text.contains(&format!("SHA256: {digest}\n")), "{text}");
    assert!(text.contains("Filename: pool/below/b.deb\n") && !text.contains("evil"), "{text}");
    assert!(plan.have.contains_key(&RelPath::new("pool/below/b.deb").expect("a path")));
    let release = site.read(&plan, "dists/local/Release");
    assert!(release.contains("Date: Thu, 01 Jan 1970 00:33:20 UTC\n"), "{release}");
}

#[tokio::test]
async fn an_unchanged_folder_is_not_read_again() {
    let site = Site::new();
    site.drop_in("a.deb", &control("a", "1", "all"), 1);
    let source = site.source();
    let plan = site.survey(&source).await.expect("made");
    let Plan { tree: path, upstream, trust, recipe, evidence, have: files, .. } = plan.clone();
    let mut served = Tree { path, upstream, trust, recipe, evidence, files };
    // What the served tree holds is taken as it is: so it was not made again.
    served.files.clear();
    let again = survey(&source, Some(&served), &site.store, &Silent).await.expect("made");
    assert!(again.have.is_empty());
    site.drop_in("b.deb", &control("b", "1", "all"), 1);
    let again = survey(&source, Some(&served), &site.store, &Silent).await.expect("made");
    assert!(!again.have.is_empty());
}

#[tokio::test]
async fn broken_and_contradicting_packages_are_blamed_by_name_at_once() {
    let site = Site::new();
    site.drop_in("a.deb", &control("a", "1", "all"), 1);
    site.drop_in("copy.deb", &control("a", "1", "all"), 1);
    site.survey(&site.source()).await.expect("twice the same file is no contradiction");
    site.drop_in("other.deb", &control("a", "1", "all"), 2);
    site.drop_in("nameless.deb", "Version: 1\n", 1);
    fs_err::write(site.folder.path().join("debs/torn.deb"), "garbage").expect("file");
    let error = site.survey(&site.source()).await.expect_err("broken");
    let told = error.to_string();
    for blamed in ["torn.deb", "nameless.deb", "`pool/a.deb` and `pool/other.deb` are both a 1"] {
        assert!(told.contains(blamed), "{blamed} in {told}");
    }
    assert_eq!(error.class(), Class::Configuration);
}

#[tokio::test]
async fn only_the_newest_stays_if_so_told() {
    let site = Site::new();
    site.drop_in("a1.deb", &control("a", "1", "all"), 1);
    site.drop_in("a2.deb", &control("a", "2", "all"), 1);
    let mut source = site.source();
    source.filter = Filter { newest: std::num::NonZeroUsize::new(1), ..Filter::default() };
    let plan = site.survey(&source).await.expect("made");
    let pool = |path: &&RelPath| path.as_str().starts_with("pool/");
    let kept: Vec<_> = plan.have.keys().filter(pool).map(RelPath::as_str).collect();
    assert_eq!(kept, ["pool/a2.deb"]);
}
