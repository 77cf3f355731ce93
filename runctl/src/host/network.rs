//! stub
use crate::site::Site;
/// r
pub async fn refuse_conflicts(_: &Site) -> crate::failure::Outcome {
    Ok(())
}
