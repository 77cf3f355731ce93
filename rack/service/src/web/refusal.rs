//! How a machine is refused: a status, and one line that its screen can show.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::{lines, memory};

/// Why a request is not answered as it was asked.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    told: String,
}

impl Refusal {
    /// Refuses with a status and a line.
    pub(crate) fn new(status: StatusCode, told: impl Into<String>) -> Self {
        Self { status, told: told.into() }
    }

    /// There is nothing of this name.
    pub(crate) fn unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing here")
    }

    /// runctl has not written a book that can be read.
    pub(crate) fn no_book() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "there is no book yet; `runctl up` writes it")
    }

    /// Something on this side failed; the log says what.
    pub(crate) fn fault(told: String) -> Self {
        tracing::error!("{told}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, told)
    }
}

impl From<memory::Error> for Refusal {
    fn from(error: memory::Error) -> Self {
        tracing::error!("{}", lines::chain(&error));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "rack cannot remember; see its log")
    }
}

impl From<memory::telling::Refusal> for Refusal {
    fn from(refusal: memory::telling::Refusal) -> Self {
        use memory::telling::Refusal as Why;
        match refusal {
            Why::Unknown => Self::unknown(),
            Why::Elsewhere => {
                Self::new(StatusCode::FORBIDDEN, "this was meant for another address")
            }
            Why::Over(why) => Self::new(StatusCode::GONE, why),
            Why::Conflict(why) => Self::new(StatusCode::CONFLICT, why),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.told + "\n").into_response()
    }
}
