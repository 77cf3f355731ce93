//! Surveys a YUM repository into a store, and tells how many packages there are and how long that took.
//!
//! `survey_yum URL STORE`, where URL is the folder that `repodata/` lies in, `file:` included. Run twice, the second tells
//! what it takes once the metadata is there.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::time::Instant;

use feeds::events::Silent;
use feeds::store::Store;
use feeds::transfer::{Options, Transfer};
use feeds::yum::{Selection, Signed, Source, Trust, Upstream, survey};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(store)) = (arguments.next(), arguments.next()) else {
        return Err("usage: survey_yum URL STORE".into());
    };
    let source = Source {
        name: "survey".to_owned(),
        upstream: Upstream::Urls([url.parse()?].into()),
        trust: Trust::None,
        signed: Signed { metadata: false, packages: false },
        weak_digests: false,
        accept_older: false,
        tree: None,
        architectures: Vec::new(),
        selection: Selection::Whole,
    };
    let transfer = Transfer::new(Store::open(store)?, Options::default())?;
    let begun = Instant::now();
    let plan = survey(&source, None, &transfer, &Silent).await?;
    println!("{} packages in {:.3} s", plan.get.len(), begun.elapsed().as_secs_f64());
    Ok(())
}
