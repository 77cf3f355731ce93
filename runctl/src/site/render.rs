//! How mistakes look: the line, a caret, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::findings::{Finding, Findings};
use crate::failure::{Class, Failure};

impl From<Findings> for Failure {
    /// The failure of a verb that cannot go on without a sound configuration.
    fn from(findings: Findings) -> Self {
        let rendered = plain(&findings);
        let all = format_args!("{}\n\n{}", findings.count(), rendered.trim_end());
        Self::say(Class::Configuration, all)
    }
}

/// Renders all mistakes without colour.
pub fn plain(findings: &Findings) -> String {
    render(findings, &Renderer::plain())
}

/// Renders all mistakes with colour.
pub fn styled(findings: &Findings) -> String {
    render(findings, &Renderer::styled())
}

fn render(findings: &Findings, renderer: &Renderer) -> String {
    let mut text = String::new();
    for finding in &findings.list {
        let source = findings.sources.get(&finding.file).map_or("", String::as_str);
        text.push_str(&renderer.render(&[group(finding, source)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'a>(finding: &'a Finding, source: &'a str) -> Group<'a> {
    let title = Level::ERROR.primary_title(finding.message.as_str());
    let group = match &finding.span {
        Some(span) => title.element(
            Snippet::source(source)
                .path(finding.file.as_str())
                .annotation(AnnotationKind::Primary.span(span.clone())),
        ),
        None => title.element(Origin::path(finding.file.as_str())),
    };
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}
