//! `runctl feed`: mirrors what the configuration names, one kind after the other, and publishes what is whole.

mod apt;
mod boot;
mod data;
mod files;
mod forecast;
mod gito;
mod modules;
mod pages;
pub(super) mod publish;
mod regi;
mod texts;
mod total;
mod yum;

use std::sync::Arc;

use clap::Args;
use feeds::plan::Need;
use feeds::store::Store;
use feeds::transfer::{Options, Transfer};
use feeds::trust::SiteKey;

use super::{Context, live};
use crate::failure::{Class, Failure, Outcome};
use crate::host::lock;
use crate::site::Site;
use crate::ui::table::Table;

/// A kind of feed: each has its TOML file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// APT and YUM repositories, plain files.
    Data,
    /// Kernels and initrds.
    Boot,
    /// Git repositories.
    Gito,
    /// OCI images.
    Regi,
}

impl Kind {
    /// All kinds, in the order in which they build on each other: boot takes kernels out of data's packages.
    const ALL: [Self; 4] = [Self::Data, Self::Boot, Self::Gito, Self::Regi];

    /// Whether what comes of it may be booted.
    const fn boots(self) -> bool {
        matches!(self, Self::Data | Self::Boot)
    }

    /// Its name on the command line.
    const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Boot => "boot",
            Self::Gito => "gito",
            Self::Regi => "regi",
        }
    }
}

/// Arguments of `feed`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  runctl feed --dry-run          what would come, and whether it fits
  runctl feed                    everything
  runctl feed data boot          these kinds")]
pub struct Feed {
    /// Which kinds; all where none is named.
    #[arg(value_enum, value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Survey, and print what would be fetched; fetch nothing.
    #[arg(long, visible_alias = "plan")]
    dry_run: bool,
}

impl Feed {
    /// Feeds these kinds.
    pub fn of(kinds: Vec<Kind>) -> Self {
        Self { kinds, dry_run: false }
    }
}

/// What became of one upstream.
#[derive(Debug)]
pub struct Item {
    /// What it is called, such as `apt debian`.
    pub name: String,
    /// What came out of it, in a few words.
    pub outcome: Outcome<String>,
    /// What it would take, where that can be told before.
    pub need: Option<Need>,
}

impl Item {
    fn new(name: String, outcome: Outcome<String>) -> Self {
        Self { name, outcome, need: None }
    }

    /// What became of it, failures included.
    fn said(&self) -> String {
        match &self.outcome {
            Ok(said) => said.clone(),
            Err(failure) => format!("failed: {}", failure.error),
        }
    }
}

/// Everything that the feeds of one run share.
pub struct Run<'a> {
    /// Layout and console.
    pub context: &'a Context,
    /// The site.
    pub site: &'a Site,
    /// Whether to survey only.
    pub dry_run: bool,
}

impl Run<'_> {
    /// The downloader of this site.
    fn transfer(&self) -> Outcome<Transfer> {
        let store = Store::open(self.site.layout.store())?;
        Ok(Transfer::new(store, Options::default())?)
    }

    /// The key that signs what the site indexes anew; made on first use.
    fn site_key(&self) -> Outcome<Arc<SiteKey>> {
        let path = self.site.layout.secrets().join("archive-key.asc");
        let user_id = format!("{} archive of {}", self.site.name, self.site.domain);
        Ok(Arc::new(SiteKey::open_or_create(&path, &user_id)?))
    }
}

/// Feeds the chosen kinds; one bad upstream does not stop the others.
pub async fn feed(context: &Context, feed: &Feed) -> Outcome {
    let site = context.site()?;
    let _lock = lock::take(&site.layout.locks(), "feed", "feed", std::time::Duration::ZERO).await?;
    let run = Run { context, site: &site, dry_run: feed.dry_run };
    let mut items = Vec::new();
    let chosen = |kind: &Kind| feed.kinds.is_empty() || feed.kinds.contains(kind);
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(chosen).collect();
    for kind in kinds.iter().copied() {
        let outcome = match kind {
            Kind::Data => data::feed(&run).await,
            Kind::Boot => boot::feed(&run).await,
            Kind::Gito => gito::feed(&run).await,
            Kind::Regi => regi::feed(&run).await,
        };
        // One kind that cannot even begin, such as git without its service, does not stop the others.
        items.extend(
            outcome.unwrap_or_else(|failure| vec![Item::new(kind.name().to_owned(), Err(failure))]),
        );
    }
    if feed.dry_run {
        forecast::report(context, &site, &items)?;
        return verdict(context, items, "could be surveyed");
    }
    // It reads the whole site once more: only where something that boots may be new.
    if kinds.into_iter().any(Kind::boots) {
        live::write_book(context)?;
    }
    report(context, items)
}

/// Prints what became of each upstream.
fn report(context: &Context, items: Vec<Item>) -> Outcome {
    let mut table = Table::new(["upstream", "outcome"]);
    for item in &items {
        table.row([item.name.clone(), item.said()]);
    }
    context
        .console
        .report(|| serde_json::json!({ "upstreams": table.to_json() }), || table.to_string());
    verdict(context, items, "are published")
}

/// Tells every failure, and chooses the exit code; `fine` is what can be said of the others.
fn verdict(context: &Context, items: Vec<Item>, fine: &str) -> Outcome {
    let count = items.len();
    let mut failures: Vec<_> = items.into_iter().filter_map(|item| item.outcome.err()).collect();
    match failures.len() {
        0 => Ok(()),
        failed if failed < count => {
            for failure in &failures {
                context.console.failure(failure);
            }
            let told = format!("{failed} of {count} upstreams failed; the others {fine}");
            Err(Failure::say(Class::FeedPartly, told)
                .hint("mend these, then run the same again: it goes on from here"))
        }
        _ => {
            let last = failures.pop();
            for failure in &failures {
                context.console.failure(failure);
            }
            let last = last.unwrap_or_else(|| Failure::say(Class::Feed, "nothing was fed"));
            Err(match last.hint {
                Some(_) => last,
                None => last.hint("mend this, then run the same again: it goes on from here"),
            })
        }
    }
}
