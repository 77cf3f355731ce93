//! What a mirror's answer means for a partial file. Pure: head in, decision out.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED, RETRY_AFTER,
};
use url::Url;

use super::error::Reason;
use super::partial::{Validator, address_key};
use super::want::Want;

/// No mirror makes us wait longer.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// What to do with the body of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// It goes on where the partial ends.
    Append,
    /// It starts at the first byte; so must the partial.
    Restart,
    /// The file is the one that is known.
    Unchanged,
    /// It is of no use.
    Refused(Reason, Retry),
}

/// Whether to ask the same mirror again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// It would say the same.
    Never,
    /// After the usual pause.
    Later,
    /// Not before so long.
    After(Duration),
    /// From the first byte: what is there does not fit.
    FromStart,
}

/// Decides what an answer to a request for the bytes from `offset` on means.
pub(super) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    want: &Want,
    offset: u64,
    asked: Option<&Validator>,
) -> Answer {
    match status {
        StatusCode::NOT_MODIFIED => Answer::Unchanged,
        StatusCode::PARTIAL_CONTENT if offset > 0 => read_range(headers, want, offset, asked),
        StatusCode::RANGE_NOT_SATISFIABLE => Answer::Refused(Reason::Resumed, Retry::FromStart),
        StatusCode::OK => match (number(headers, &CONTENT_LENGTH), want.size) {
            (Some(got), Some(wanted)) if got != wanted => {
                Answer::Refused(Reason::WrongSize { got, wanted }, Retry::Never)
            }
            (Some(got), _) if got > want.longest() => {
                Answer::Refused(Reason::TooLong { limit: want.longest() }, Retry::Never)
            }
            _ => Answer::Restart,
        },
        _ => Answer::Refused(Reason::Status(status.as_u16()), retry_after(status, headers)),
    }
}

fn read_range(headers: &HeaderMap, want: &Want, offset: u64, asked: Option<&Validator>) -> Answer {
    let misplaced = Answer::Refused(Reason::Resumed, Retry::FromStart);
    let Some((start, total)) = text(headers, &CONTENT_RANGE).and_then(content_range) else {
        return misplaced;
    };
    // A server that ignores `If-Range` still tells which file its bytes are of.
    let differs = |old: Option<&String>, name| matches!((old, text(headers, name)), (Some(old), Some(new)) if old != new);
    let changed = asked.is_some_and(|asked| {
        differs(asked.etag.as_ref(), &ETAG)
            || (asked.etag.is_none() && differs(asked.last_modified.as_ref(), &LAST_MODIFIED))
    });
    match (total, want.size) {
        _ if start != offset || changed => misplaced,
        (Some(got), Some(wanted)) if got != wanted => {
            Answer::Refused(Reason::WrongSize { got, wanted }, Retry::Never)
        }
        (Some(got), _) if got > want.longest() => {
            Answer::Refused(Reason::TooLong { limit: want.longest() }, Retry::Never)
        }
        _ => Answer::Append,
    }
}

fn retry_after(status: StatusCode, headers: &HeaderMap) -> Retry {
    let busy = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if !busy && !status.is_server_error() {
        return Retry::Never;
    }
    match number(headers, &RETRY_AFTER) {
        Some(seconds) => Retry::After(Duration::from_secs(seconds).min(LONGEST_WAIT)),
        None => Retry::Later,
    }
}

/// Returns what tells this file from a later one at the same address.
pub(super) fn validator(headers: &HeaderMap, url: &Url) -> Validator {
    let owned = |name| text(headers, name).map(str::to_owned);
    // A file changed within the second in which it is read may change once more in it, and keep its time.
    let last_modified = owned(&LAST_MODIFIED).filter(|time| Some(time) != owned(&DATE).as_ref());
    Validator { address: Some(address_key(url)), etag: owned(&ETAG), last_modified }
}

/// Reads `bytes 100-199/200` as where it starts and how long the whole is.
pub(crate) fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _end) = range.split_once('-')?;
    Some((start.parse().ok()?, total.parse().ok()))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn want(size: Option<u64>) -> Want {
        Want { size, ..Want::new(Vec::new(), "x") }
    }

    #[test]
    fn appends_only_what_fits() {
        let fits = headers(&[(CONTENT_RANGE, "bytes 5-9/10")]);
        let at = |offset, size| read(StatusCode::PARTIAL_CONTENT, &fits, &want(size), offset, None);
        assert!(matches!(at(5, Some(10)), Answer::Append));
        assert!(matches!(at(5, None), Answer::Append));
        assert!(matches!(at(4, Some(10)), Answer::Refused(Reason::Resumed, Retry::FromStart)));
        assert!(matches!(at(5, Some(11)), Answer::Refused(Reason::WrongSize { .. }, Retry::Never)));
    }

    #[test]
    fn refuses_the_rest_of_another_file() {
        let answer = headers(&[(CONTENT_RANGE, "bytes 5-9/10"), (ETAG, "\"new\"")]);
        let asked = Validator { etag: Some("\"old\"".to_owned()), ..Validator::default() };
        let answer = read(StatusCode::PARTIAL_CONTENT, &answer, &want(None), 5, Some(&asked));
        assert!(matches!(answer, Answer::Refused(Reason::Resumed, Retry::FromStart)));
    }

    #[test]
    fn blames_a_wrong_length_before_reading_the_body() {
        let answer = headers(&[(CONTENT_LENGTH, "12")]);
        let answer = read(StatusCode::OK, &answer, &want(Some(10)), 0, None);
        assert!(matches!(answer, Answer::Refused(Reason::WrongSize { got: 12, wanted: 10 }, _)));
    }

    #[test]
    fn asks_again_only_where_it_helps() {
        let after = headers(&[(RETRY_AFTER, "7")]);
        let retry = |status: u16, headers: &HeaderMap| match read(
            StatusCode::from_u16(status).unwrap(),
            headers,
            &want(None),
            0,
            None,
        ) {
            Answer::Refused(_, retry) => retry,
            other => panic!("{other:?}"),
        };
        assert_eq!(retry(404, &HeaderMap::new()), Retry::Never);
        assert_eq!(retry(403, &after), Retry::Never);
        assert_eq!(retry(500, &HeaderMap::new()), Retry::Later);
        assert_eq!(retry(429, &after), Retry::After(Duration::from_secs(7)));
        assert_eq!(retry(206, &HeaderMap::new()), Retry::Never);
    }

    #[test]
    fn distrusts_a_time_of_this_very_second() {
        let url = "http://h.example/x".parse().unwrap();
        let now = headers(&[
            (DATE, "Sun, 22 Nov 2026 12:00:00 GMT"),
            (LAST_MODIFIED, "Sun, 22 Nov 2026 12:00:00 GMT"),
        ]);
        assert!(validator(&now, &url).is_empty());
        let old = headers(&[
            (DATE, "Sun, 22 Nov 2026 12:00:01 GMT"),
            (LAST_MODIFIED, "Sun, 22 Nov 2026 12:00:00 GMT"),
        ]);
        assert!(!validator(&old, &url).is_empty());
    }
}
