//! menus/*.ipxe: the operator's own menus.

use std::path::Path;

use rack::Custom;

/// Reads the scripts of a folder, sorted by name; the title is the first comment, else the name.
pub(super) fn read(configuration: &Path) -> Vec<Custom> {
    let entries = fs_err::read_dir(configuration.join("menus")).into_iter().flatten().flatten();
    let mut menus: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".ipxe")?.to_owned();
            Some(custom(name, fs_err::read_to_string(entry.path()).ok()?))
        })
        .collect();
    menus.sort_by(|one, other| one.name.cmp(&other.name));
    menus
}

fn custom(name: String, text: String) -> Custom {
    let comments = text.lines().filter(|line| !line.starts_with("#!"));
    let title = comments.filter_map(|line| line.strip_prefix('#')).map(str::trim).next();
    Custom { title: title.unwrap_or(&name).to_owned(), name, text }
}
