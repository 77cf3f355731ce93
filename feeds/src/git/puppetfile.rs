//! The modules that r10k installs: what a control repository's Puppetfiles name by git URL, on any of its branches.
//!
//! A Puppetfile is Ruby; read is what everybody writes, `mod 'name', :git => 'url'` in its old and new spelling.

use std::collections::BTreeMap;
use std::path::Path;

use git2::Repository;

use super::{Error, refs, remote};

const FILE: &str = "Puppetfile";

/// What Puppetfiles ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    /// Git URLs, each with the name of a module that comes from there.
    pub urls: BTreeMap<String, String>,
    /// Modules whose URL is computed, so that nobody can tell it.
    pub unknown: Vec<String>,
}

/// Reads the text of one Puppetfile.
pub fn modules_in(puppetfile: &str) -> Modules {
    let mut modules = Modules::default();
    gather(puppetfile, &mut modules);
    modules
}

/// Reads the Puppetfile at the tip of every branch; nothing where there is no repository yet.
pub fn modules(bare: &Path) -> Result<Modules, Error> {
    remote::set_up();
    let mut modules = Modules::default();
    if !bare.exists() {
        return Ok(modules);
    }
    let read = |source| Error::Read { path: bare.to_owned(), source };
    let repository = Repository::open_bare(bare)
        .map_err(|source| Error::Open { path: bare.to_owned(), source })?;
    for (name, id) in refs::read(&repository).map_err(read)? {
        if !name.starts_with("refs/heads/") {
            continue;
        }
        let tree = repository.find_commit(id).and_then(|commit| commit.tree()).map_err(read)?;
        if let Ok(entry) = tree.get_path(Path::new(FILE)) {
            let blob = repository.find_blob(entry.id()).map_err(read)?;
            gather(&String::from_utf8_lossy(blob.content()), &mut modules);
        }
    }
    modules.unknown.sort();
    modules.unknown.dedup();
    Ok(modules)
}

/// One piece of Ruby, as far as it is looked at.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `:git =>` or `git:`.
    Key(String),
    Text(String),
    End,
}

fn gather(text: &str, modules: &mut Modules) {
    let tokens = tokens(text);
    for statement in tokens.split(|token| *token == Token::End) {
        let [Token::Word(word), Token::Text(name), rest @ ..] = statement else {
            continue;
        };
        let url = rest.windows(2).find_map(|pair| match pair {
            [Token::Key(key), Token::Text(url)] if key == "git" => Some(url),
            _ => None,
        });
        match url {
            Some(url) if word == "mod" && url.contains("#{") => modules.unknown.push(name.clone()),
            Some(url) if word == "mod" => {
                modules.urls.entry(url.clone()).or_insert_with(|| name.clone());
            }
            _ => {}
        }
    }
}

/// Takes a text apart; a statement goes on after a comma or an arrow.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut goes_on = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let word = |text: &str| {
            let end = text.find(|it: char| !it.is_alphanumeric() && it != '_');
            end.unwrap_or(text.len())
        };
        rest = match first {
            '#' => after.find('\n').map_or("", |end| &after[end..]),
            '\'' | '"' => {
                let end = after.find(first).unwrap_or(after.len());
                tokens.push(Token::Text(after[..end].to_owned()));
                after.get(end + 1..).unwrap_or_default()
            }
            '\n' if !goes_on => {
                tokens.push(Token::End);
                after
            }
            ':' if word(after) > 0 => {
                let (key, after) = after.split_at(word(after));
                tokens.push(Token::Key(key.to_owned()));
                after
            }
            _ if word(rest) > 0 => {
                let (name, after) = rest.split_at(word(rest));
                if let Some(after) = after.strip_prefix(':') {
                    tokens.push(Token::Key(name.to_owned()));
                    after
                } else {
                    tokens.push(Token::Word(name.to_owned()));
                    after
                }
            }
            _ => after,
        };
        if !first.is_whitespace() && first != '#' {
            goes_on = matches!(first, ',' | '=' | '>');
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_read_in_both_spellings() {
        let text = r##"
            forge 'https://forge.example'
            moduledir 'thirdparty'
            mod 'puppetlabs-stdlib', '9.0.0'
            mod 'apache',            # the web
              :git => 'https://git.example/p/apache.git',
              # not: :git => 'https://wrong.example/x'
              :ref => '1.0'
            mod "site/ntp", git: "git@git.example:ops/ntp.git", tag: 'v2'
            mod 'local', local: true
            #mod 'off', :git => 'https://git.example/off'
            mod 'computed', :git => "#{base}/computed.git"
            mod 'last',
              :branch => :control_branch, :git =>
              'https://git.example/last'"##;
        let mut modules = Modules::default();
        gather(text, &mut modules);
        let urls: Vec<_> = modules.urls.iter().map(|(url, name)| (&url[..], &name[..])).collect();
        assert_eq!(
            urls,
            [
                ("git@git.example:ops/ntp.git", "site/ntp"),
                ("https://git.example/last", "last"),
                ("https://git.example/p/apache.git", "apache"),
            ]
        );
        assert_eq!(modules.unknown, ["computed"]);
    }

    #[test]
    fn whatever_stands_there_is_survived() {
        for text in ["mod 'x", "mod 'x', :git =>", "'", ":", "mod", "ä: 'ö'", "mod 'a', git: 'b"]
        {
            gather(text, &mut Modules::default());
        }
        assert_eq!(modules(Path::new("/nowhere/at/all")).unwrap(), Modules::default());
    }
}
