//! The one place that names minijinja: renders a template so that nothing unknown or empty slips through.

use std::cell::RefCell;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use super::{Error, Place};

/// Compiled templates that a thread keeps; a site has a few dozen, an edited one leaves its former self behind.
const KEPT: usize = 256;

thread_local! {
    /// A site of a thousand machines renders thousands of times to be checked, from few templates.
    static RULES: RefCell<Environment<'static>> = RefCell::new(environment());
}

/// Renders a template that the operator or a distro's file wrote; `place` says which, for the error.
pub(super) fn render(
    place: Place,
    template: &str,
    context: &impl Serialize,
) -> Result<String, Error> {
    // Its text is its name: two files may have templates of one name.
    compiled(template, template, context).map_err(|error| Error::Template {
        place,
        line: error.line().unwrap_or(1),
        problem: problem(&error),
    })
}

/// Renders a boot script of our own.
pub(super) fn script(
    name: &'static str,
    template: &'static str,
    context: &impl Serialize,
) -> Result<String, Error> {
    compiled(name, template, context).map_err(|source| Error::Script { name, source })
}

/// Renders by the rules; a template is compiled once.
fn compiled(
    name: &str,
    template: &str,
    context: &impl Serialize,
) -> Result<String, minijinja::Error> {
    RULES.with_borrow_mut(|rules| {
        let is_known = rules.get_template(name).is_ok_and(|known| known.source() == template);
        if !is_known {
            if rules.templates().count() >= KEPT {
                rules.clear_templates();
            }
            rules.add_template_owned(name.to_owned(), template.to_owned())?;
        }
        rules.get_template(name)?.render(Serde(context))
    })
}

/// Makes the rules: an unknown variable is an error, and so is printing one that this machine or site does not have.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Only so does an error name the variable.
    environment.set_debug(true);
    // Block tags on lines of their own leave no trace, so that the templates read as what they make.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    environment.set_syntax(syntax.expect("the usual delimiters do not collide"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(|out, state, value| {
        if value.is_none() {
            let said = "the value is none here; ask `{% if … %}` before it is written";
            return Err(minijinja::Error::new(ErrorKind::InvalidOperation, said));
        }
        minijinja::escape_formatter(out, state, value)
    });
    environment.add_filter("shell", |text: String| shell(&text));
    environment.add_filter("grub", |text: String| grub(&text));
    environment
}

/// A word of the shell, whatever stands in it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A line of words as GRUB reads it: what means something to it stands in quotes.
fn grub(line: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:/=+@%".contains(c);
    let word = |word: &str| if word.chars().all(plain) { word.to_owned() } else { shell(word) };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Says what is wrong without repeating the place.
fn problem(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::InvalidOperation | ErrorKind::UndefinedError, Some(detail)) => {
            detail.to_owned()
        }
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}
