//! One attempt: one request to one mirror, its body poured into the partial file, and the result verified.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use tokio::io::AsyncSeekExt;
use tokio_util::io::ReaderStream;
use url::Url;

use super::answer::{self, Answer, Retry};
use super::drip::Drip;
use super::error::Reason;
use super::lanes::{Lane, Lanes};
use super::partial::{Partial, Validator};
use super::progress::Share;
use super::want::Want;
use super::writer::Writer;

/// What one request needs beside the partial file.
pub(super) struct Attempt<'a> {
    pub(super) client: &'a reqwest::Client,
    pub(super) lanes: &'a Lanes,
    pub(super) idle: Duration,
    pub(super) want: &'a Want,
    pub(super) url: &'a Url,
    /// What tells that the file is the one that the store has, if it has one from there.
    pub(super) known: Option<&'a Validator>,
    pub(super) share: &'a Share<'a>,
}

/// How an attempt ended. Failures of this machine are errors instead.
pub(super) enum Outcome {
    /// The partial is whole and verified.
    Done(Box<Partial>, Validator),
    /// The file is the one that is known.
    Unchanged(Box<Partial>),
    /// The mirror did not deliver.
    Failed(Box<Partial>, Reason, Retry),
}

/// How often what came is written at least.
const RHYTHM: Duration = Duration::from_secs(1);

type Body = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Reason>> + Send>>;

/// What a mirror's answer comes down to, whatever it is spoken over.
struct Reply {
    answer: Answer,
    validator: Validator,
    body: Body,
}

impl Attempt<'_> {
    /// Asks, and takes in what comes; the lane is free again as soon as all came, before it is written.
    pub(super) async fn run(&self, mut partial: Box<Partial>, lane: Lane) -> io::Result<Outcome> {
        if self.want.is_proved() && partial.length() > 0 && mismatch(&partial, self.want).is_none()
        {
            return Ok(Outcome::Done(partial, Validator::default()));
        }
        if !self.can_resume(&partial) {
            partial.restart()?;
        }
        let offset = partial.length();
        let reply = match self.ask(&partial).await {
            Ok(reply) => reply,
            Err((reason, retry)) => return Ok(Outcome::Failed(partial, reason, retry)),
        };
        match reply.answer {
            Answer::Unchanged => return Ok(Outcome::Unchanged(partial)),
            Answer::Refused(reason, retry) => {
                if retry == Retry::FromStart {
                    partial.restart()?;
                }
                return Ok(Outcome::Failed(partial, reason, retry));
            }
            Answer::Restart => {
                partial.restart()?;
                partial.remember(reply.validator.clone())?;
            }
            Answer::Append => partial.remember(reply.validator.clone())?,
        }
        let resumed = partial.length() == offset && offset > 0;
        let (partial, poured) = self.pour(reply.body, partial, lane).await?;
        self.judge(partial, poured, resumed, reply.validator)
    }

    /// Tells whether the mirror can be asked for the rest: it must be of the same file, or prove itself in the end.
    fn can_resume(&self, partial: &Partial) -> bool {
        let same = partial.validator().is_of(self.url) && partial.validator().for_range().is_some();
        let short = self.want.size.is_none_or(|size| partial.length() < size);
        partial.length() > 0 && short && (same || self.want.is_proved())
    }

    async fn ask(&self, partial: &Partial) -> Result<Reply, (Reason, Retry)> {
        match self.url.scheme() {
            "http" | "https" => self.ask_http(partial).await,
            "file" => self.open_media(partial.length()).await,
            other => Err((Reason::Scheme(other.to_owned()), Retry::Never)),
        }
    }

    async fn ask_http(&self, partial: &Partial) -> Result<Reply, (Reason, Retry)> {
        let offset = partial.length();
        let mut asked = None;
        let mut request = self.client.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
            if partial.validator().is_of(self.url)
                && let Some(tag) = partial.validator().for_range()
            {
                request = request.header(IF_RANGE, tag);
                asked = Some(partial.validator());
            }
        } else if let Some(known) = self.known {
            request = request.header(CACHE_CONTROL, "no-cache");
            if let Some(etag) = &known.etag {
                request = request.header(IF_NONE_MATCH, etag);
            } else if let Some(time) = &known.last_modified {
                request = request.header(IF_MODIFIED_SINCE, time);
            }
        }
        let response = tokio::time::timeout(self.idle, request.send())
            .await
            .map_err(|_| (Reason::Stalled(self.idle.as_secs()), Retry::Later))?
            .map_err(broken)?;
        if response.version() == reqwest::Version::HTTP_2 {
            self.lanes.widen(self.url);
        }
        let answer = answer::read(response.status(), response.headers(), self.want, offset, asked);
        let validator = answer::validator(response.headers(), self.url);
        let body = response.bytes_stream().map(|chunk| chunk.map_err(|error| broken(error).0));
        Ok(Reply { answer, validator, body: Box::pin(body) })
    }

    async fn open_media(&self, offset: u64) -> Result<Reply, (Reason, Retry)> {
        let unreadable = |error: io::Error| (Reason::Media(error.to_string()), Retry::Never);
        let path: PathBuf = self
            .url
            .to_file_path()
            .map_err(|()| (Reason::Scheme("file".to_owned()), Retry::Never))?;
        let mut file = fs_err::tokio::File::open(path).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        let answer = match self.want.size {
            Some(wanted) if wanted != size => {
                Answer::Refused(Reason::WrongSize { got: size, wanted }, Retry::Never)
            }
            _ if offset > 0 && offset <= size => {
                file.seek(io::SeekFrom::Start(offset)).await.map_err(unreadable)?;
                Answer::Append
            }
            _ => Answer::Restart,
        };
        let body = ReaderStream::with_capacity(file, 256 * 1024)
            .map(|chunk| chunk.map_err(|error| Reason::Media(error.to_string())));
        Ok(Reply { answer, validator: Validator::default(), body: Box::pin(body) })
    }

    /// Pours the body into the partial. What came before it broke off is kept.
    async fn pour(
        &self,
        mut body: Body,
        partial: Box<Partial>,
        lane: Lane,
    ) -> io::Result<(Box<Partial>, Result<(), Reason>)> {
        let mut length = partial.length();
        self.share.reached(length);
        let mut writer = Writer::new(partial);
        let (mut last, mut drip) = (Instant::now(), Drip::begin(self.idle));
        let poured = loop {
            drip.asked();
            let chunk = match tokio::time::timeout(self.idle, body.next()).await {
                Err(_) => break Err(Reason::Stalled(self.idle.as_secs())),
                Ok(None) => break Ok(()),
                Ok(Some(Err(reason))) => break Err(reason),
                Ok(Some(Ok(chunk))) => chunk,
            };
            length += chunk.len() as u64;
            if length > self.want.longest() {
                break Err(match self.want.size {
                    Some(wanted) => Reason::WrongSize { got: length, wanted },
                    None => Reason::TooLong { limit: self.want.limit },
                });
            }
            self.share.reached(length);
            let too_slow = drip.came(chunk.len());
            writer.push(chunk);
            if let Some(reason) = too_slow {
                break Err(reason);
            }
            // A slow mirror's bytes are worth keeping too, should this run be stopped. Small files wait for their end.
            if !self.want.is_small() && (writer.is_full() || last.elapsed() > RHYTHM) {
                writer.flush().await?;
                last = Instant::now();
            }
        };
        drop((body, lane));
        Ok((writer.finish().await?, poured))
    }

    fn judge(
        &self,
        mut partial: Box<Partial>,
        poured: Result<(), Reason>,
        resumed: bool,
        validator: Validator,
    ) -> io::Result<Outcome> {
        let got = partial.length();
        let reason = match (poured, self.want.size) {
            (Err(reason), _) => reason,
            (Ok(()), Some(wanted)) if got < wanted => Reason::Short { got, wanted },
            (Ok(()), _) => match mismatch(&partial, self.want) {
                None => return Ok(Outcome::Done(partial, validator)),
                Some(reason) => reason,
            },
        };
        if !reason.is_wrong_content() {
            return Ok(Outcome::Failed(partial, reason, Retry::Later));
        }
        partial.restart()?;
        // If only its rest came from this mirror, the mirror is not to blame yet.
        let retry = if resumed { Retry::FromStart } else { Retry::Never };
        Ok(Outcome::Failed(partial, reason, retry))
    }
}

/// Compares what is there with what the index promises.
fn mismatch(partial: &Partial, want: &Want) -> Option<Reason> {
    if let Some(wanted) = want.size.filter(|size| *size != partial.length()) {
        return Some(Reason::WrongSize { got: partial.length(), wanted });
    }
    let (got, other) = partial.digests();
    if let Some(wanted) = want.sha256.filter(|wanted| *wanted != got) {
        return Some(Reason::WrongSha256 { got, wanted });
    }
    want.other.filter(|wanted| Some(*wanted) != other).map(|wanted| Reason::WrongDigest { wanted })
}

/// Puts a failure of the connection into words, by its innermost cause and without its address.
fn broken(error: reqwest::Error) -> (Reason, Retry) {
    let retry = if error.is_redirect() || error.is_builder() { Retry::Never } else { Retry::Later };
    let unreachable = error.is_connect();
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let reason = if unreachable {
        Reason::Unreachable(format!("cannot connect: {innermost}"))
    } else {
        Reason::Connection(format!("the connection broke: {innermost}"))
    };
    (reason, retry)
}
