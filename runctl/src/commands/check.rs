//! `runctl check`: every mistake of the configuration at once, without docker.

use std::io::IsTerminal as _;
use std::path::Path;

use feeds::events::Event;

use super::Context;
use crate::failure::{Class, Failure, Outcome};
use crate::host::network;
use crate::site::network::conflicts;
use crate::site::{Described, Findings, Site, render};

/// Reads the configuration and tells what is wrong with it, or that nothing is.
pub async fn check(context: &Context) -> Outcome {
    match Site::describe(&context.layout) {
        Ok(described) => {
            context.console.report(|| serde_json::json!([]), || sound(context, &described));
            warn_of_conflicts(context, &described.site).await;
            Ok(())
        }
        Err(findings) => {
            context.console.report(|| serde_json::json!(findings.list()), || mistakes(&findings));
            Err(Failure::say(Class::Configuration, findings.count()))
        }
    }
}

fn sound(context: &Context, described: &Described) -> String {
    let folder = context.layout.configuration();
    match described.files {
        0 => format!("no files below {}: all defaults are in effect\n", folder.display()),
        1 => format!("1 file below {}, no mistakes\n", folder.display()),
        files => format!("{files} files below {}, no mistakes\n", folder.display()),
    }
}

fn mistakes(findings: &Findings) -> String {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if colours { render::styled(findings) } else { render::plain(findings) }
}

/// Warns of what `up` would refuse; only the configuration of this host itself is about its network.
async fn warn_of_conflicts(context: &Context, site: &Site) {
    if context.layout.root() != Path::new("/") {
        return;
    }
    if let Ok(host) = network::observe().await {
        for text in conflicts(site, &host) {
            context.console.watch().event(Event::Warning { text });
        }
    }
}
