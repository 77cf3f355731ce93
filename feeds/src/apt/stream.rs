//! An index read paragraph by paragraph while it is decompressed: what is done with each is all that is held.

use std::io::{self, BufRead as _, BufReader, Read};

/// No paragraph is longer; a file of one endless line is not to fill the memory.
const LONGEST_PARAGRAPH: usize = 16 << 20;
const BUFFER: usize = 128 * 1024;

/// Shows each paragraph of a text with its line breaks until one is refused; more than `limit` bytes are an error.
pub(super) fn each_paragraph<E>(
    reader: impl Read,
    limit: u64,
    mut visit: impl FnMut(&str) -> Result<(), E>,
) -> io::Result<Result<(), E>> {
    let mut reader = BufReader::with_capacity(BUFFER, reader.take(limit.saturating_add(1)));
    let (mut paragraph, mut read) = (Vec::new(), 0_u64);
    loop {
        let start = paragraph.len();
        let room = (LONGEST_PARAGRAPH - start) as u64 + 1;
        let length = (&mut reader).take(room).read_until(b'\n', &mut paragraph)?;
        read += length as u64;
        if read > limit {
            return Err(too_large("there are more bytes than", limit));
        }
        if paragraph.len() > LONGEST_PARAGRAPH {
            return Err(too_large("a paragraph is longer than", LONGEST_PARAGRAPH as u64));
        }
        let ended = length == 0;
        if ended || matches!(&paragraph[start..], b"\n" | b"\r\n") {
            paragraph.truncate(start);
            if !paragraph.is_empty()
                && let Err(refused) = visit(&String::from_utf8_lossy(&paragraph))
            {
                return Ok(Err(refused));
            }
            paragraph.clear();
        }
        if ended {
            return Ok(Ok(()));
        }
    }
}

fn too_large(told: &str, bytes: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("{told} the {bytes} that there may be"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::apt::deb822::paragraphs;

    fn read(text: &[u8], limit: u64) -> io::Result<Vec<String>> {
        let mut read = Vec::new();
        each_paragraph(text, limit, |paragraph| {
            read.push(paragraph.trim_end_matches(['\n', '\r']).to_owned());
            Ok::<_, ()>(())
        })?
        .expect("nothing is refused");
        Ok(read)
    }

    #[test]
    fn more_than_allowed_is_refused_and_so_is_an_endless_paragraph() {
        assert_eq!(read(b"a: 1\n\n\nb: 2", 11).expect("read"), ["a: 1", "b: 2"]);
        read(b"a: 1\n\n\nb: 2", 10).expect_err("too much");
        read(&vec![b'x'; LONGEST_PARAGRAPH + 1], u64::MAX).expect_err("too long");
    }

    proptest! {
        #[test]
        fn a_stream_has_the_paragraphs_of_the_text(text in "[ab:\n\r é]{0,60}") {
            let streamed = read(text.as_bytes(), 1000).expect("read");
            let whole: Vec<_> = paragraphs(&text).map(|one| one.text().to_owned()).collect();
            let not_blank = |all: Vec<String>| -> Vec<String> {
                all.into_iter().map(|one| one.trim_matches(['\n', '\r']).to_owned()).filter(|one| !one.is_empty()).collect()
            };
            prop_assert_eq!(not_blank(streamed), not_blank(whole));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes, 1000).expect("read");
        }
    }
}
