//! The one setting of the host's `apt.conf` that a mirror shares: whether indexes may be out of date.

use std::io;
use std::path::Path;

use super::{Error, folder};

/// Tells whether the host's APT refuses indexes that have outlived their `Valid-Until`, as it does unless told not to.
pub fn host_checks_valid_until(root: &Path) -> Result<bool, Error> {
    let mut paths = folder(&root.join("etc/apt/apt.conf.d"))?;
    paths.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !name.contains('.') || path.extension().is_some_and(|end| end == "conf")
    });
    paths.push(root.join("etc/apt/apt.conf"));
    let mut checks = true;
    for path in paths {
        match fs_err::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            text => {
                let text = text.map_err(Error::Read)?;
                let said = settings(&text).into_iter().rfind(|(name, _)| is_the_setting(name));
                checks = said.map_or(checks, |(_, value)| !is_no(&value));
            }
        }
    }
    Ok(checks)
}

fn is_the_setting(name: &str) -> bool {
    name.eq_ignore_ascii_case("Acquire::Check-Valid-Until")
}

fn is_no(value: &str) -> bool {
    ["no", "false", "without", "off", "disable", "0"]
        .iter()
        .any(|no| value.eq_ignore_ascii_case(no))
}

/// Lists all settings with their full names: `A { B "c"; };` and `A::B "c";` both set `A::B`.
fn settings(text: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut outer: Vec<String> = Vec::new();
    let mut statement: Vec<String> = Vec::new();
    for token in tokens(text) {
        match token.as_str() {
            "{" => outer.push(statement.drain(..).next().unwrap_or_default()),
            "}" => {
                statement.clear();
                outer.pop();
            }
            ";" => {
                let mut words = statement.drain(..);
                if let (Some(name), Some(value)) = (words.next(), words.next()) {
                    let names: Vec<&str> =
                        outer.iter().map(String::as_str).chain([name.as_str()]).collect();
                    settings.push((names.join("::"), value));
                }
            }
            _ => statement.push(token),
        }
    }
    settings
}

/// Divides into words, quoted strings, braces and semicolons; leaves comments out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let comment = [("//", "\n"), ("#", "\n"), ("/*", "*/")]
            .into_iter()
            .find(|(start, _)| rest.starts_with(start));
        let end = if let Some((_, end)) = comment {
            rest.find(end).map_or(rest.len(), |at| at + end.len())
        } else if first == '"' {
            let quoted = rest[1..].find('"').map_or(rest.len(), |at| at + 2);
            tokens.push(rest[..quoted].trim_matches('"').to_owned());
            quoted
        } else if "{};".contains(first) {
            tokens.push(first.to_string());
            1
        } else {
            let word = rest.find(|c: char| c.is_whitespace() || "{};\"".contains(c));
            let word = word.unwrap_or(rest.len());
            tokens.push(rest[..word].to_owned());
            word
        };
        rest = rest[end..].trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(files: &[(&str, &str)]) -> bool {
        let root = tempfile::tempdir().expect("folder");
        let folder = root.path().join("etc/apt/apt.conf.d");
        fs_err::create_dir_all(&folder).expect("folder");
        for (name, text) in files {
            fs_err::write(folder.join(name), text).expect("file");
        }
        host_checks_valid_until(root.path()).expect("readable")
    }

    #[test]
    fn the_check_is_on_unless_a_file_says_otherwise_and_the_last_one_wins() {
        assert!(checks(&[]));
        assert!(!checks(&[("10x", "Acquire::Check-Valid-Until \"false\";")]));
        assert!(!checks(&[("10x", "Acquire { Retries 3; Check-Valid-Until no; };\n")]));
        assert!(checks(&[("10x", "// Acquire::Check-Valid-Until \"false\";\n# no\n/* x; */")]));
        let two =
            [("10x", "Acquire::Check-Valid-Until 0;"), ("20x", "acquire::check-valid-until true;")];
        assert!(checks(&two));
        assert!(checks(&[("10x.bak", "Acquire::Check-Valid-Until \"false\";")]));
    }

    #[test]
    fn broken_files_end() {
        for text in ["\"", "{", "}}}", "/*", "a \"b", ";;;", "#"] {
            let _settings = settings(text);
        }
    }
}
