//! The operator's own menus: `menus/*.ipxe`, and the same out of a repository of gito.

use std::path::Path;

use rack::Custom;

const ENDING: &str = ".ipxe";

/// Reads all menus, sorted by name; a file here wins over one of the repository.
///
/// Whoever may push must not be able to stop this host: what is wrong in the repository is left out, and said.
pub(super) fn read(configuration: &Path, repository: Option<&Path>) -> Vec<Custom> {
    let mut menus = own(configuration);
    for menu in repository.map(pushed).unwrap_or_default() {
        if menus.iter().any(|own| own.name == menu.name) {
            continue;
        }
        match rack::check::labels(&menu.name, &menu.text).first() {
            None => menus.push(menu),
            Some(mistake) => tracing::warn!(
                "menu `{}` of the repository is left out: line {}: {}",
                menu.name,
                mistake.line,
                mistake.problem
            ),
        }
    }
    menus.sort_by(|one, other| one.name.cmp(&other.name));
    menus
}

fn own(configuration: &Path) -> Vec<Custom> {
    let entries = fs_err::read_dir(configuration.join("menus")).into_iter().flatten().flatten();
    let read = |entry: fs_err::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        custom(&name, fs_err::read_to_string(entry.path()).ok()?)
    };
    entries.filter_map(read).collect()
}

/// What lies at the tip; a repository that is not there yet has none.
fn pushed(repository: &Path) -> Vec<Custom> {
    if !repository.exists() {
        return Vec::new();
    }
    match feeds::git::texts(repository, ENDING) {
        Ok(texts) => texts.into_iter().filter_map(|(name, text)| custom(&name, text)).collect(),
        Err(error) => {
            tracing::warn!("no menus out of {}: {error}", repository.display());
            Vec::new()
        }
    }
}

/// A menu; its title is its first comment, else its name.
fn custom(file: &str, text: String) -> Option<Custom> {
    let name = file.strip_suffix(ENDING)?;
    let comments = text.lines().filter(|line| !line.starts_with("#!"));
    let title = comments.filter_map(|line| line.strip_prefix('#')).map(str::trim).next();
    let title = title.unwrap_or(name).to_owned();
    Some(Custom { title, name: name.to_owned(), text })
}
