//! The snapshot's encoding: numbers, digests, byte strings, and texts that stand in full once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use bulla_schemas::{Digest, Name};
use sha2::{Digest as _, Sha256};

/// Appends values to what takes bytes.
pub(super) struct Writer<'a, W> {
    out: W,
    sum: Sha256,
    /// Why nothing more was written.
    failed: io::Result<()>,
    /// The number of every text written so far.
    texts: HashMap<Cow<'a, str>, u64>,
}

impl<'a, W: Write> Writer<'a, W> {
    pub(super) fn new(out: W, magic: &[u8]) -> Self {
        let mut writer = Self {
            out,
            sum: Sha256::new(),
            failed: Ok(()),
            texts: HashMap::new(),
        };
        writer.raw(magic);
        writer
    }

    fn raw(&mut self, bytes: &[u8]) {
        if self.failed.is_ok() {
            self.sum.update(bytes);
            self.failed = self.out.write_all(bytes);
        }
    }

    /// Writes LEB128.
    pub(super) fn number(&mut self, mut number: u64) {
        let (mut bytes, mut length) = ([0; 10], 0);
        while number >= 0x80 {
            bytes[length] = number.to_le_bytes()[0] | 0x80;
            length += 1;
            number >>= 7;
        }
        bytes[length] = number.to_le_bytes()[0];
        self.raw(&bytes[..=length]);
    }

    /// Writes a time, which may lie before 1970: zigzag, then LEB128.
    pub(super) fn time(&mut self, seconds: i64) {
        self.number((seconds.cast_unsigned() << 1) ^ (seconds >> 63).cast_unsigned());
    }

    pub(super) fn digest(&mut self, digest: &Digest) {
        self.raw(digest.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Writes the number of a text, and the text itself when the number is a new one.
    pub(super) fn text(&mut self, text: impl Into<Cow<'a, str>>) {
        let text = text.into();
        let new = self.texts.len() as u64;
        if let Some(known) = self.texts.get(&text) {
            self.number(*known);
        } else {
            self.number(new);
            self.bytes(text.as_bytes());
            self.texts.insert(text, new);
        }
    }

    /// Writes how many items there are, and each of them.
    pub(super) fn list<T: 'a>(
        &mut self,
        count: usize,
        items: impl IntoIterator<Item = &'a T>,
        write: impl Fn(&mut Self, &'a T),
    ) {
        self.number(count as u64);
        for item in items {
            write(self, item);
        }
    }

    /// Appends the sum of everything.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.failed?;
        self.out.write_all(&self.sum.finalize())?;
        self.out.flush()
    }
}

/// Takes values from the front; every method is `None` when there is no such value.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    texts: Vec<&'a str>,
    /// Names by the numbers of their texts, so that all records share them.
    names: HashMap<usize, Name>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            texts: Vec::new(),
            names: HashMap::new(),
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
        self.numbered().map(|(_, text)| text)
    }

    fn numbered(&mut self) -> Option<(usize, &'a str)> {
        let number = usize::try_from(self.number()?).ok()?;
        if number == self.texts.len() {
            let text = std::str::from_utf8(self.bytes()?).ok()?;
            self.texts.push(text);
        }
        self.texts.get(number).map(|text| (number, *text))
    }

    pub(super) fn names(&mut self) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        for _ in 0..self.number()? {
            let (number, text) = self.numbered()?;
            let known = self.names.get(&number).cloned();
            let name = known.or_else(|| text.parse().ok())?;
            self.names.entry(number).or_insert_with(|| name.clone());
            names.push(name);
        }
        names.shrink_to_fit();
        Some(names)
    }
}
