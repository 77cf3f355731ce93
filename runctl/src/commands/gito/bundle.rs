//! `runctl gito bundle`: every repository of gito on a stick, whole at first and then what is new.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use feeds::git;
use indicatif::HumanBytes;

use crate::commands::Context;
use crate::failure::{Class, Classify as _, Outcome};
use crate::host::lock;
use crate::service::Service;
use crate::ui::table::Table;

/// Arguments of `gito bundle`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl gito bundle /media/stick       everything at first, then what is new")]
pub struct Bundle {
    /// Where bundles are kept: a folder a repository, numbered; what the last one held is written beside it.
    folder: PathBuf,
    /// Say what would be written; write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Writes what each repository has gained since the last bundle in the folder.
pub(super) async fn bundle(context: &Context, bundle: &Bundle) -> Outcome {
    let site = context.site()?;
    let _lock = lock::take(&site.layout.locks(), "feed", "gito bundle", Duration::ZERO).await?;
    let root = site.layout.service(Service::Gito).join("repositories");
    let mut repositories = Vec::new();
    find(&root, &mut repositories)
        .or_fail(Class::Missing, || "cannot list the repositories of gito".to_owned())
        .map_err(|failure| failure.hint("gito must have been started once: runctl up gito"))?;
    repositories.sort();
    let mut table = Table::new(["repository", "bundle", "references", "objects", "size"]);
    for bare in repositories {
        let below = bare.strip_prefix(&root).unwrap_or(&bare).to_owned();
        let (folder, dry_run) = (bundle.folder.join(&below), bundle.dry_run);
        let bundled = tokio::task::spawn_blocking(move || git::bundle(&bare, &folder, dry_run))
            .await
            .or_fail(Class::Unexpected, || format!("{} was not bundled", below.display()))??;
        let file = bundled.file.as_deref().and_then(Path::file_name);
        table.row([
            below.with_extension("").display().to_string(),
            file.map_or_else(|| "unchanged".to_owned(), |it| it.display().to_string()),
            bundled.refs.to_string(),
            bundled.objects.to_string(),
            if dry_run { String::new() } else { HumanBytes(bundled.bytes).to_string() },
        ]);
    }
    context.console.report(|| table.to_json(), || table.to_string());
    Ok(())
}

/// Finds the bare repositories below a folder; gitolite's own is about this site only.
fn find(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if !entry.file_type()?.is_dir() || path.ends_with("gitolite-admin.git") {
            continue;
        }
        if path.extension().is_some_and(|ending| ending == "git") {
            found.push(path);
        } else {
            find(&path, found)?;
        }
    }
    Ok(())
}
