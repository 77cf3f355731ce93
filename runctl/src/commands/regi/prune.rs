//! `runctl regi prune`: removes from regi what `feed regi` has put there and regi.toml asks for no more.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use feeds::oci::{self, Doomed};

use super::{connect, gc, page, record};
use crate::commands::{Context, lock_engine};
use crate::failure::Outcome;
use crate::host::lock;
use crate::ui::table::Table;

/// Arguments of `prune`.
#[derive(Debug, Args)]
pub struct Prune {
    /// Tell what would go; remove nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Removes what is no longer listed, then collects the garbage that this leaves.
pub(super) async fn prune(context: &Context, prune: &Prune) -> Outcome {
    let site = context.site()?;
    let _feed = lock::take(&site.layout.locks(), "feed", "regi prune", Duration::ZERO).await?;
    let mut known = record::read(&site)?;
    let unlisted = record::unlisted(&site, &known)?;
    let regi = Arc::new(connect(&site)?);
    let doomed = oci::doomed(&regi, &known, &unlisted).await?;
    let mut blobs = None;
    let nothing = doomed.is_empty() && unlisted.is_empty();
    if !prune.dry_run && !nothing {
        let _engine = lock_engine(&site, "regi prune", Duration::ZERO).await?;
        let pruned = oci::prune(&regi, &mut known, &doomed, &unlisted).await;
        record::write(&site, &known)?;
        pruned?;
        page::publish(&site, &known, &[])?;
        blobs = Some(gc::sweep(&site, false).await?);
    }
    report(context, prune, &doomed, blobs);
    Ok(())
}

fn report(context: &Context, prune: &Prune, doomed: &[Doomed], blobs: Option<usize>) {
    let mut table = Table::new(["repository", "tags", "manifests"]);
    for one in doomed {
        let tags: Vec<_> = one.tags.keys().map(String::as_str).collect();
        let manifests = one.manifests.len().to_string();
        table.row([one.repository.clone(), tags.join(" "), manifests]);
    }
    let end = match blobs {
        Some(blobs) => format!("these are gone, and {blobs} blobs that no image needs any more\n"),
        None if doomed.is_empty() => "nothing in regi is unlisted\n".to_owned(),
        None => "these would go, and the blobs that no other image needs\n".to_owned(),
    };
    context.console.report(
        || {
            let gone = table.to_json();
            serde_json::json!({ "gone": gone, "blobs": blobs, "dry_run": prune.dry_run })
        },
        || if doomed.is_empty() { end.clone() } else { format!("{table}{end}") },
    );
}
