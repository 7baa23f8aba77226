//! Lines of a stream that comes in pieces.

/// Longest line. A flow has less than 2 KB.
const MAX_BYTES: usize = 1 << 16;

/// Puts lines together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    /// Whether the line that is under way is longer than the longest.
    too_long: bool,
}

/// A line, or that there was one longer than the longest.
pub(super) type Line<'a> = Option<&'a [u8]>;

impl Lines {
    /// Takes the next piece, and hands out the lines that end in it, without their ends.
    pub(super) fn push<E>(
        &mut self,
        mut piece: &[u8],
        mut each: impl FnMut(Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(end) = memchr::memchr(b'\n', piece) {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            piece = rest;
            if self.begun.is_empty() && !self.too_long {
                each(Some(line).filter(|line| line.len() <= MAX_BYTES))?;
            } else {
                self.begin(line);
                self.end(&mut each)?;
            }
        }
        self.begin(piece);
        Ok(())
    }

    /// Hands out what is left at the end of the stream.
    pub(super) fn finish<E>(mut self, mut each: impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.begun.is_empty() && !self.too_long { Ok(()) } else { self.end(&mut each) }
    }

    fn begin(&mut self, part: &[u8]) {
        self.too_long |= self.begun.len() + part.len() > MAX_BYTES;
        if self.too_long {
            self.begun.clear();
        } else {
            self.begun.extend_from_slice(part);
        }
    }

    fn end<E>(&mut self, each: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let too_long = std::mem::take(&mut self.too_long);
        let line = std::mem::take(&mut self.begun);
        each((!too_long).then_some(&line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let mut keep = |line: Line<'_>| {
            found.push(line.map(<[u8]>::to_vec));
            Ok::<_, ()>(())
        };
        for piece in pieces {
            lines.push(piece, &mut keep).unwrap();
        }
        lines.finish(keep).unwrap();
        found
    }

    #[test]
    fn long_lines_are_left_out_and_the_next_is_whole() {
        let long = vec![b'x'; MAX_BYTES + 10_000];
        let text = [&long[..], b"\nnext\n"].concat();
        assert_eq!(read(&[&text]), [None, Some(b"next".to_vec())]);
        assert_eq!(read(&[&text[..10], &text[10..70_000], &text[70_000..]]).len(), 2);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[ab\n]{0,40}", cuts in prop::collection::vec(0_usize..40, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[text.as_bytes()]));
        }
    }
}
