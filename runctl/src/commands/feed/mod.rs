//! stub
use super::Context;
use crate::failure::Outcome;
/// Feed
#[derive(Debug, clap::Args)]
pub struct Feed {}
/// c
pub async fn feed(_: &Context, _: &Feed) -> Outcome {
    todo!()
}
