//! stub
use super::Context;
use crate::failure::Outcome;
/// c
pub fn show(_: &Context) -> Outcome {
    todo!()
}
