//! stub
use crate::services::Probe;
/// a
pub struct Answer {
    /// l
    pub latency: std::time::Duration,
    /// d
    pub detail: String,
}
/// u
#[derive(Debug, thiserror::Error)]
#[error("unready")]
pub struct Unready;
impl Unready {
    /// n
    pub fn is_network(&self) -> bool {
        false
    }
}
/// ask
pub async fn ask(_: &Probe) -> Result<Answer, Unready> {
    Err(Unready)
}
