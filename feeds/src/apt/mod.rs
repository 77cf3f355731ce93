//! apt
/// stub
pub struct HostSource {
    /// s
    pub urls: Vec<String>,
    /// s
    pub suites: Vec<String>,
    /// s
    pub components: Vec<String>,
    /// s
    pub signed_by: Option<std::path::PathBuf>,
}
/// stub
pub fn host_sources(_: &std::path::Path) -> Result<Vec<HostSource>, crate::transfer::Error> {
    Ok(vec![])
}
