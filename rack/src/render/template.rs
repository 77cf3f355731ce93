//! The one place that names minijinja: renders a template so that nothing unknown or empty slips through.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use crate::Profile;

/// Why a file for the machines could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A machine names a profile that nobody described.
    #[error("there is no profile `{name}`")]
    NoProfile {
        /// The profile's name.
        name: String,
    },
    /// A template of a profile is wrong, or names what is not there.
    #[error("profile `{profile}`: {part}, line {line}: {problem}")]
    Template {
        /// The profile's name.
        profile: String,
        /// Which of its templates.
        part: String,
        /// The line of the template, from 1.
        line: usize,
        /// What is wrong with it, the variable's name included.
        problem: String,
    },
    /// A template of our own is wrong.
    #[error("cannot render boot script `{name}`")]
    Script {
        /// The script's name.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        source: minijinja::Error,
    },
}

/// Renders a template of a profile.
pub(super) fn render(
    profile: &Profile,
    part: &str,
    template: &str,
    context: &impl Serialize,
) -> Result<String, Error> {
    environment().render_named_str(part, template, Serde(context)).map_err(|error| {
        Error::Template {
            profile: profile.name.clone(),
            part: part.to_owned(),
            line: error.line().unwrap_or(1),
            problem: problem(&error),
        }
    })
}

/// Renders a boot script.
pub(super) fn script(
    name: &'static str,
    template: &str,
    context: &impl Serialize,
) -> Result<String, Error> {
    environment()
        .render_named_str(name, template, Serde(context))
        .map_err(|source| Error::Script { name, source })
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
    environment
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
