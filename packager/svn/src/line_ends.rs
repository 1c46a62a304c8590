//! What `svn:eol-style` does to a text, exactly as `svn export --native-eol LF` does it.

/// How the lines of a text end in a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LineEnds {
    /// As they are stored: no style, or one that Subversion does not know.
    #[default]
    Stored,
    /// With LF: the styles `native` and `LF`.
    Lf,
    /// With CR.
    Cr,
    /// With CR LF.
    CrLf,
}

impl LineEnds {
    /// Reads the value of `svn:eol-style`.
    pub(crate) fn of_style(value: &[u8]) -> Self {
        match value {
            b"native" | b"LF" => Self::Lf,
            b"CR" => Self::Cr,
            b"CRLF" => Self::CrLf,
            _ => Self::Stored,
        }
    }

    fn mark(self) -> &'static [u8] {
        match self {
            Self::Stored => b"",
            Self::Lf => b"\n",
            Self::Cr => b"\r",
            Self::CrLf => b"\r\n",
        }
    }

    /// Tells whether `piece`, a piece of a text, already has these line ends and no other.
    fn hold_in(self, piece: &[u8]) -> bool {
        match self {
            Self::Stored => true,
            Self::Lf => !piece.contains(&b'\r'),
            Self::Cr => !piece.contains(&b'\n'),
            Self::CrLf => false,
        }
    }
}

/// Translates a text that comes in pieces.
#[derive(Debug)]
pub(crate) struct Translation {
    line_ends: LineEnds,
    /// The last byte was a CR, whose line end is already written: an LF belongs to it.
    after_cr: bool,
}

impl Translation {
    pub(crate) fn new(line_ends: LineEnds) -> Self {
        Self {
            line_ends,
            after_cr: false,
        }
    }

    /// Adds the translation of `piece` to `translated`. Each of CR LF, CR and LF is one line end,
    /// also when styles are mixed.
    pub(crate) fn add(&mut self, piece: &[u8], translated: &mut Vec<u8>) {
        if self.line_ends.hold_in(piece) && !self.after_cr {
            translated.extend_from_slice(piece);
            self.after_cr = self.line_ends != LineEnds::Stored && piece.last() == Some(&b'\r');
            return;
        }
        for byte in piece {
            match byte {
                b'\n' if self.after_cr => {}
                b'\n' | b'\r' => translated.extend_from_slice(self.line_ends.mark()),
                other => translated.push(*other),
            }
            self.after_cr = *byte == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translates_in_pieces_of_any_size() {
        let text = b"a\nb\r\nc\rd\n\re\r\n\r\nf\r";
        for (style, expected) in [
            ("native", "a\nb\nc\nd\n\ne\n\nf\n"),
            ("LF", "a\nb\nc\nd\n\ne\n\nf\n"),
            ("CR", "a\rb\rc\rd\r\re\r\rf\r"),
            ("CRLF", "a\r\nb\r\nc\r\nd\r\n\r\ne\r\n\r\nf\r\n"),
            ("nonsense", "a\nb\r\nc\rd\n\re\r\n\r\nf\r"),
        ] {
            for size in 1..=text.len() {
                let mut translation = Translation::new(LineEnds::of_style(style.as_bytes()));
                let mut translated = Vec::new();
                for piece in text.chunks(size) {
                    translation.add(piece, &mut translated);
                }
                assert_eq!(translated, expected.as_bytes(), "{style} {size}");
            }
        }
    }
}
