//! Asks whether an upstream lacks a file, without fetching it.

use futures_util::future::join_all;
use reqwest::StatusCode;
use url::Url;

use super::{Transfer, Want};

impl Transfer {
    /// Lists which of the wanted files no mirror has: each one says so. Whoever does not answer may have them.
    pub async fn absent<'w>(&self, wants: impl IntoIterator<Item = &'w Want>) -> Vec<&'w Want> {
        let asked = wants.into_iter().map(async |want| self.is_absent(want).await.then_some(want));
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn is_absent(&self, want: &Want) -> bool {
        if want.bases.is_empty() || want.held(&self.store).is_some() {
            return false;
        }
        for url in want.urls() {
            if !self.says_absent(&url).await {
                return false;
            }
        }
        true
    }

    async fn says_absent(&self, url: &Url) -> bool {
        let _lane = self.lanes.enter(url).await;
        let answer = self.client.head(url.clone()).timeout(self.options.idle_timeout).send().await;
        let status = answer.map(|answer| answer.status());
        matches!(status, Ok(StatusCode::NOT_FOUND | StatusCode::GONE))
    }
}
