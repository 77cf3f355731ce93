//! What a registry, or the way to it, got wrong.

use std::time::Duration;

use oci_distribution::errors::{OciEnvelope, OciErrorCode};
use reqwest::StatusCode;
use serde_json::Value;

use crate::transfer::Reason;

/// What a system says of a full disk.
const FULL: &str = "no space left on device";

/// Why a request did not do what it was made for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum Fault {
    /// No connection, or one that broke.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// The client could not be made, most likely for want of a readable certificate.
    #[error("the client could not be made")]
    Client(#[source] reqwest::Error),
    /// It neither answered nor took anything for a long time.
    #[error("it was silent for {} s", after.as_secs())]
    Silent { after: Duration },
    /// What it delivered is of no use, as a file of any mirror might be.
    #[error("{0}")]
    Delivery(Box<Reason>),
    /// It said no.
    #[error("it answered {status}{}", told(said))]
    Refused { status: StatusCode, codes: Vec<OciErrorCode>, said: String },
    /// It wants us to come back later than anybody waits for.
    #[error("it wants to be left alone for {} s", pause.as_secs())]
    Busy { pause: Duration },
    /// Something stands between that shows a page for people.
    #[error("it answered with a web page: a proxy or a login stands before it")]
    Page,
    /// What came is longer than it may be.
    #[error("it answered with more than {limit} bytes")]
    Long { limit: u64 },
    /// It asks who we are in a way that is unknown, or unsafe.
    #[error("it asks who we are in a way that we do not follow: {0}")]
    Challenge(String),
    /// Its answer lacks what the protocol asks for, or contradicts it.
    #[error("its answer is none that a registry gives: {0}")]
    Nonsense(String),
}

fn told(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl Fault {
    /// The connection failed; addresses are kept out, for they may carry signatures.
    pub(super) fn connection(error: reqwest::Error) -> Self {
        Self::Connection(error.without_url())
    }

    /// Reads what a registry says about its no.
    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let errors = serde_json::from_slice::<OciEnvelope>(body).map(|it| it.errors);
        let errors = errors.unwrap_or_default();
        let said = errors.first().map(|error| match &error.detail {
            Value::Null => error.message.clone(),
            detail if is_enospc(detail) => format!("{}: {FULL}", error.message),
            detail => format!("{}: {}", error.message, shortened(&detail.to_string())),
        });
        let codes = errors.into_iter().map(|error| error.code).collect();
        Self::Refused { status, codes, said: said.unwrap_or_default() }
    }

    fn says(&self, wanted: StatusCode, known: &[OciErrorCode]) -> bool {
        matches!(self, Self::Refused { status, codes, .. }
            if *status == wanted || codes.iter().any(|code| known.contains(code)))
    }

    /// Whether trying again may help: the network, an overloaded or failing server.
    pub(super) fn is_hopeful(&self) -> bool {
        match self {
            _ if self.is_full() => false,
            Self::Connection(error) => !error.is_redirect() && !error.is_builder(),
            Self::Silent { .. } | Self::Delivery(_) => true,
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || self.says(StatusCode::TOO_MANY_REQUESTS, &[OciErrorCode::Toomanyrequests])
            }
            _ => false,
        }
    }

    /// Whether there is nothing under this name.
    pub(super) fn is_absent(&self) -> bool {
        use OciErrorCode::{ManifestUnknown, NameUnknown};
        self.says(StatusCode::NOT_FOUND, &[ManifestUnknown, NameUnknown])
    }

    /// Whether we may not do that.
    pub(super) fn is_refusal(&self) -> bool {
        self.says(StatusCode::UNAUTHORIZED, &[OciErrorCode::Unauthorized])
            || self.says(StatusCode::FORBIDDEN, &[OciErrorCode::Denied])
    }

    /// Whether a body did not go on where it was asked to.
    pub(super) fn is_misplaced(&self) -> bool {
        matches!(self, Self::Delivery(reason) if matches!(**reason, Reason::Resumed))
    }

    /// Whether the registry knows nothing of an upload that it began.
    pub(super) fn is_forgotten(&self) -> bool {
        use OciErrorCode::{BlobUploadInvalid, BlobUploadUnknown};
        self.says(StatusCode::NOT_FOUND, &[BlobUploadUnknown, BlobUploadInvalid])
    }

    /// Whether the registry's disk is full.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Refused { status, said, .. }
            if *status == StatusCode::INSUFFICIENT_STORAGE || said.contains(FULL))
    }
}

/// Whether a registry's storage tells that its disk is full: in words, or by the system's number for it.
fn is_enospc(detail: &Value) -> bool {
    const ENOSPC: u64 = 28;
    let number = detail.pointer("/Enclosed/Err").and_then(Value::as_u64);
    number == Some(ENOSPC) || detail.to_string().contains(FULL)
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(200).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_no_is_told_in_its_words() {
        let body = br#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"Err":"write: no space left on device"}}]}"#;
        let fault = Fault::refused(StatusCode::INTERNAL_SERVER_ERROR, body);
        assert!(fault.is_full() && !fault.is_hopeful());
        assert!(fault.to_string().starts_with("it answered 500 Internal Server Error: unknown"));
        let body = br#"{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"DriverName":"filesystem","Enclosed":{"Op":"write","Path":"/x","Err":28}}}]}"#;
        assert!(Fault::refused(StatusCode::INTERNAL_SERVER_ERROR, body).is_full());
        let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
        assert!(Fault::refused(StatusCode::BAD_REQUEST, body).is_absent());
        let fault = Fault::refused(StatusCode::FORBIDDEN, b"<html>");
        assert!(fault.is_refusal() && !fault.is_hopeful() && !fault.is_absent());
        assert_eq!(fault.to_string(), "it answered 403 Forbidden");
    }
}
