//! What a feed would take, told before anything is fetched: objects, bytes, time, and whether it fits.

use feeds::plan::Need;
use feeds::store::Store;
use feeds::transfer::{Pace, Transfer};
use indicatif::{HumanBytes, HumanCount, HumanDuration};
use serde_json::json;

use super::{Context, Item};
use crate::failure::Outcome;
use crate::site::Site;
use crate::ui::table::Table;

/// What one upstream takes, in a few words.
pub(super) fn told(need: Need) -> String {
    let Need { files, objects, bytes, unsized_objects } = need;
    let open = match unsized_objects {
        0 => String::new(),
        count => format!(" and {count} of a size that nobody tells"),
    };
    let (files, objects) = (HumanCount(files as u64), HumanCount(objects as u64));
    format!("{files} files, {objects} to fetch, {}{open}", HumanBytes(bytes))
}

/// Remembers how fast metadata came in, where no feed has told yet how fast packages do.
pub(super) fn learn(transfer: &Transfer) {
    if Pace::recall(transfer.store()).is_none()
        && let Some(pace) = transfer.pace()
    {
        pace.remember(transfer.store());
    }
}

/// Prints the forecast over all upstreams, and refuses what cannot fit.
pub(super) fn report(context: &Context, site: &Site, items: &[Item]) -> Outcome {
    let store = Store::open(site.layout.store())?;
    let (mut sum, mut table) = (Need::default(), Table::new(["upstream", "would take"]));
    for item in items {
        sum += item.need.unwrap_or_default();
        table.row([item.name.clone(), item.said()]);
    }
    let free = store.free()?;
    let time = Pace::recall(&store).map(|pace| pace.estimate(sum.objects, sum.bytes));
    let upstream =
        |item: &Item| json!({ "upstream": item.name, "said": item.said(), "need": item.need });
    context.console.report(
        || {
            json!({
                "upstreams": items.iter().map(upstream).collect::<Vec<_>>(),
                "need": sum,
                "free": free,
                "seconds": time.map(|time| time.as_secs()),
            })
        },
        || {
            let time = match time {
                _ if sum.objects == 0 => String::new(),
                Some(time) => format!(", about {} as fast as last time", HumanDuration(time)),
                None => ", nobody knows how long: nothing was fetched yet".to_owned(),
            };
            format!("{table}\nin all: {}{time}; {} are free\n", told(sum), HumanBytes(free))
        },
    );
    Ok(store.require_space(sum.bytes)?)
}
