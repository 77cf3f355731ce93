//! `runctl regi trust`: the command that makes another host trust the site's authority for regi.

use feeds::digest::Sha256;

use crate::commands::Context;
use crate::failure::{Class, Classify as _, Outcome};
use crate::service::Service;
use crate::services::trust_script;

/// Prints the command, and the digest that it checks.
pub(super) fn trust(context: &Context) -> Outcome {
    let site = context.site()?;
    let path = trust_script(&site);
    let script = fs_err::read(&path)
        .or_fail(Class::Missing, || "there is no script to trust regi by".to_owned())
        .map_err(|failure| failure.hint("regi must have been started once: runctl up regi"))?;
    let sha256 = Sha256::of(&script).to_string();
    let url = format!("http://{}.{}/trust.sh", site.hosts.of(Service::Data).name, site.domain);
    let command = format!(
        "curl -fsS {url} -o /tmp/trust.sh && echo '{sha256}  /tmp/trust.sh' | sha256sum -c && sh /tmp/trust.sh"
    );
    context.console.report(
        || serde_json::json!({ "url": url, "sha256": sha256, "command": command }),
        || format!("{sha256}  {url}\nas root of the other host:\n  {command}\n"),
    );
    Ok(())
}
