//! The body of an answer: taken as it comes, and given up where it stops, trickles or is too long.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::fault::Fault;
use crate::transfer::Drip;

/// A body on its way, given up where it stops or only trickles.
pub(super) struct Coming {
    pub(super) response: Response,
    silence: Duration,
    drip: Drip,
}

impl Coming {
    pub(super) fn new(response: Response, silence: Duration) -> Self {
        Self { response, silence, drip: Drip::begin(silence) }
    }

    /// The next part of it.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        self.drip.asked();
        let next = tokio::time::timeout(self.silence, self.response.chunk()).await;
        let next = next.map_err(|_| Fault::Silent { after: self.silence })?;
        let Some(bytes) = next.map_err(Fault::connection)? else { return Ok(None) };
        self.drip
            .came(bytes.len())
            .map_or(Ok(Some(bytes)), |slow| Err(Fault::Delivery(slow.into())))
    }

    /// All of it, if that is not longer than `limit`.
    pub(super) async fn whole(mut self, limit: u64) -> Result<Bytes, Fault> {
        let long = Err(Fault::Long { limit });
        if self.response.content_length().is_some_and(|length| length > limit) {
            return long;
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > limit {
                return long;
            }
        }
        Ok(body.freeze())
    }
}

/// Reads a body that may have so many bytes.
pub(super) async fn bounded(
    response: Response,
    limit: u64,
    silence: Duration,
) -> Result<Bytes, Fault> {
    Coming::new(response, silence).whole(limit).await
}
