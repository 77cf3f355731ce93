//! distros/*.toml: what machines can boot, one small file each.

use std::path::Path;

use rack::{Answers, BootFiles, Distro, Method, Network, Template, Tree, Version};
use serde_json::Value;

use super::super::kinds::{flag, inner_path, lines, name, text, word, wrong};
use super::super::table::Table;
use super::existing;

/// The folder of the files.
pub(super) const FOLDER: &str = "distros";

/// Reads one distro; its name is the stem of its file.
pub(super) fn read(mut table: Table<'_>, stem: &str, folder: &Path) -> Distro {
    let families = word(&["linux", "bsd", "windows", "hypervisor", "utility"]);
    let distro = Distro {
        name: stem.to_owned(),
        title: table.required("title", text),
        family: table.or("family", "linux", families).to_owned(),
        versions: table.tables("version").into_iter().map(version).collect(),
        architectures: table.pairs_or_none("architectures", text).into_iter().collect(),
        boot: table.table("boot").map(boot).unwrap_or_default(),
        tree: table.table("tree").map(tree).unwrap_or_default(),
        network: table.table("network").map(network).unwrap_or_default(),
        answers: table.table("answer").map(|table| answers(table, folder)),
        methods: table
            .named_tables("method")
            .into_iter()
            .map(|(name, table)| method(name, table, folder))
            .collect(),
    };
    if distro.versions.is_empty() {
        table.lacks("a distro has at least one `[[version]]`", None);
    }
    if distro.architectures.is_empty() {
        table.lacks(
            "missing table `architectures`",
            Some(
                "write `[architectures]` with our word and the distro's own: x86_64 = \"amd64\""
                    .to_owned(),
            ),
        );
    }
    if distro.methods.is_empty() {
        table.lacks("a distro has at least one `[method.NAME]`", None);
    }
    table.finish();
    distro
}

fn version(mut table: Table<'_>) -> Version {
    let name = table.required("name", name);
    let keys = table.others(text).into_iter().collect();
    Version { name, keys }
}

fn boot(mut table: Table<'_>) -> BootFiles {
    let files = BootFiles {
        kernel: table.optional("kernel", inner_path),
        initrds: table.list("initrds", &[], inner_path),
    };
    table.finish();
    files
}

fn tree(mut table: Table<'_>) -> Tree {
    let tree = Tree {
        sums: table.optional("sums", text),
        files: table.pairs_or_none("files", text).into_iter().collect(),
    };
    table.finish();
    tree
}

fn network(mut table: Table<'_>) -> Network {
    let network =
        Network { fixed: table.or("static", "", lines), dhcp: table.or("dhcp", "", lines) };
    table.finish();
    network
}

/// Reads the files that answer an installer, their templates included.
pub(super) fn answers(mut table: Table<'_>, folder: &Path) -> Answers {
    let kinds = [
        "preseed",
        "kickstart",
        "autoinstall",
        "ignition",
        "autoyast",
        "agama",
        "image",
        "script",
        "none",
    ];
    let read = |value: &Value| template(folder, value);
    let answers = Answers {
        kind: table.required("kind", word_of(&kinds)),
        files: table
            .pairs_or_none("files", read)
            .into_iter()
            .map(|(name, template)| Template { name, ..template })
            .collect(),
    };
    table.finish();
    answers
}

fn word_of<'k>(words: &'k [&'static str]) -> impl Fn(&Value) -> super::Read<String> + 'k {
    move |value| {
        let written = text(value)?;
        if words.contains(&written.as_str()) {
            return Ok(written);
        }
        wrong(format!("`{written}` is none of: {}", words.join(", ")))
    }
}

/// Reads a template by its path below the configuration.
pub(super) fn template(folder: &Path, value: &Value) -> super::Read<Template> {
    let path = existing(folder)(value)?;
    let read = fs_err::read_to_string(&path).or_else(|error| wrong(error.to_string()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
    Ok(Template { name, source, text: read })
}

fn method(name: String, mut table: Table<'_>, folder: &Path) -> Method {
    let platform = word(&["bios", "efi"]);
    let method = Method {
        title: table.or("title", name.clone(), text),
        answered: table.or("answered", false, flag),
        boots: table.optional("boots", super::super::kinds::name),
        platform: table.optional("platform", platform).map(str::to_owned),
        boot: table.table("boot").map(boot),
        answers: table.table("answer").map(|table| answers(table, folder)),
        arguments: table.or("arguments", "", lines),
        script: table.optional("script", lines),
        name,
    };
    table.finish();
    method
}
