//! The snapshot's encoding: numbers, digests, byte strings, and texts that stand in full once.

use std::collections::HashMap;

use bulla_schemas::{Digest, Name};

/// Appends values.
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// The number of every text written so far.
    texts: HashMap<String, u64>,
}

impl Writer {
    pub(super) fn new(magic: &[u8]) -> Self {
        Self {
            bytes: magic.to_vec(),
            texts: HashMap::new(),
        }
    }

    /// Writes LEB128.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }

    /// Writes a time, which may lie before 1970: zigzag, then LEB128.
    pub(super) fn time(&mut self, seconds: i64) {
        self.number((seconds.cast_unsigned() << 1) ^ (seconds >> 63).cast_unsigned());
    }

    pub(super) fn digest(&mut self, digest: &Digest) {
        self.bytes.extend_from_slice(digest.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes the number of a text, and the text itself when the number is a new one.
    pub(super) fn text(&mut self, text: &str) {
        let new = self.texts.len() as u64;
        if let Some(known) = self.texts.get(text) {
            self.number(*known);
        } else {
            self.texts.insert(text.to_owned(), new);
            self.number(new);
            self.bytes(text.as_bytes());
        }
    }

    pub(super) fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    /// Appends the sum of everything.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let sum = Digest::of(&self.bytes);
        self.digest(&sum);
        self.bytes
    }
}

/// Takes values from the front; every method is `None` when there is no such value.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    texts: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            texts: Vec::new(),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn time(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.number()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        let (bytes, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(Digest::from_bytes(*bytes))
    }

    pub(super) fn digests(&mut self, count: u64) -> Option<Vec<Digest>> {
        let length = usize::try_from(count).ok()?.checked_mul(Digest::LEN)?;
        let (digests, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        let (digests, _) = digests.as_chunks();
        Some(digests.iter().copied().map(Digest::from_bytes).collect())
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let number = usize::try_from(self.number()?).ok()?;
        if number == self.texts.len() {
            let text = std::str::from_utf8(self.bytes()?).ok()?;
            self.texts.push(text);
        }
        self.texts.get(number).copied()
    }

    pub(super) fn names(&mut self) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        for _ in 0..self.number()? {
            names.push(self.text()?.parse().ok()?);
        }
        Some(names)
    }
}
