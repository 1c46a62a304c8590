//! The index: one JSON line per entry of the tar, in tar order.
//!
//! ```text
//! {"p":"bin","t":"d"}
//! {"p":"bin/app","t":"f","x":true,"s":18,"d":"5891b5b5..."}
//! {"p":"bin/run","t":"l","l":"app"}
//! ```
//!
//! The index is a pure function of the tar and the tar of the index and the contents.

use memchr::{memchr, memchr2};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::path::PathError;
use crate::{Digest, EntryPath, LinkTarget};

/// One entry of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Where it lies.
    pub path: EntryPath,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory, mode 0755.
    Directory,
    /// A file, mode 0755 when executable, else 0644.
    File {
        /// Whether the file may be executed.
        executable: bool,
        /// Its size in bytes.
        size: u64,
        /// The sha256 of its content.
        digest: Digest,
    },
    /// A symbolic link, mode 0777.
    Link {
        /// Where it points.
        target: LinkTarget,
    },
}

/// Why a line is not an entry of an index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexLineError {
    /// Not the JSON of an entry, or with fields that belong to another kind.
    #[error("not an entry")]
    Json(#[source] serde_json::Error),
    /// Fields of another kind of entry.
    #[error("an entry of kind `{kind}` with other fields than its kind has")]
    Fields {
        /// `f`, `d` or `l`.
        kind: char,
    },
    /// The JSON could be written in another way.
    #[error("not in canonical form")]
    NotCanonical,
    /// A link that leads out of the tree.
    #[error(transparent)]
    Target(#[from] PathError),
}

/// The line as it stands in the index.
//
// `write_line` writes it; what is skipped here keeps null out of the schema.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IndexEntry")]
pub(crate) struct Line {
    /// Path.
    p: EntryPath,
    /// Kind: `f` file, `d` directory, `l` symbolic link.
    t: Kind,
    /// Executable; only files that are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    x: bool,
    /// Size in bytes; files only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<u64>,
    /// The sha256 of the content in hex; files only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::digest::hex_schema")]
    d: Option<HexDigest>,
    /// Target; links only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    F,
    D,
    L,
}

#[derive(Deserialize)]
struct HexDigest(#[serde(with = "crate::digest::hex")] Digest);

impl JsonSchema for IndexEntry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IndexEntry".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Line::json_schema(generator)
    }
}

impl IndexEntry {
    /// Writes the one possible line for this entry, with its line feed.
    pub fn write_line(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(br#"{"p":"#);
        write_text(self.path.as_str(), buffer);
        match &self.kind {
            EntryKind::Directory => buffer.extend_from_slice(br#","t":"d""#),
            EntryKind::File {
                executable,
                size,
                digest,
            } => {
                buffer.extend_from_slice(br#","t":"f""#);
                if *executable {
                    buffer.extend_from_slice(br#","x":true"#);
                }
                buffer.extend_from_slice(br#","s":"#);
                buffer.extend_from_slice(size.to_string().as_bytes());
                buffer.extend_from_slice(br#","d":""#);
                digest.write_hex(buffer);
                buffer.push(b'"');
            }
            EntryKind::Link { target } => {
                buffer.extend_from_slice(br#","t":"l","l":"#);
                write_text(target.as_str(), buffer);
            }
        }
        buffer.extend_from_slice(b"}\n");
    }

    /// Reads a line without its line feed and refuses every text but the one that
    /// [`Self::write_line`] writes.
    pub fn from_line(text: &[u8]) -> Result<Self, IndexLineError> {
        plain_file(text).map_or_else(|| Self::from_json(text), Ok)
    }

    fn from_json(text: &[u8]) -> Result<Self, IndexLineError> {
        let line: Line = serde_json::from_slice(text).map_err(IndexLineError::Json)?;
        let kind = match (line.t, line.x, line.s, line.d, line.l) {
            (Kind::D, false, None, None, None) => EntryKind::Directory,
            (Kind::F, executable, Some(size), Some(HexDigest(digest)), None) => EntryKind::File {
                executable,
                size,
                digest,
            },
            (Kind::L, false, None, None, Some(target)) => EntryKind::Link {
                target: LinkTarget::new(&target, &line.p)?,
            },
            (Kind::D, ..) => return Err(IndexLineError::Fields { kind: 'd' }),
            (Kind::F, ..) => return Err(IndexLineError::Fields { kind: 'f' }),
            (Kind::L, ..) => return Err(IndexLineError::Fields { kind: 'l' }),
        };
        let entry = Self { path: line.p, kind };
        let mut canonical = Vec::with_capacity(text.len() + 1);
        entry.write_line(&mut canonical);
        if &canonical[..canonical.len() - 1] == text {
            Ok(entry)
        } else {
            Err(IndexLineError::NotCanonical)
        }
    }
}

/// Reads what nearly all lines are, a file whose path needs no escapes, several times as fast.
/// `None` says nothing about a line.
fn plain_file(line: &[u8]) -> Option<IndexEntry> {
    let rest = std::str::from_utf8(line).ok()?.strip_prefix(r#"{"p":""#)?;
    let (path, rest) = rest.split_at(memchr2(b'"', b'\\', rest.as_bytes())?);
    let rest = rest.strip_prefix(r#"","t":"f""#)?;
    let executable = rest.strip_prefix(r#","x":true"#);
    let rest = executable.unwrap_or(rest).strip_prefix(r#","s":"#)?;
    let (size, rest) = rest.split_at(memchr(b',', rest.as_bytes())?);
    let digest = rest.strip_prefix(r#","d":""#)?.strip_suffix(r#""}"#)?;
    if size.starts_with(['0', '+']) && size != "0" {
        return None;
    }
    Some(IndexEntry {
        path: path.parse().ok()?,
        kind: EntryKind::File {
            executable: executable.is_some(),
            size: size.parse().ok()?,
            digest: Digest::from_hex(digest).ok()?,
        },
    })
}

fn write_text(text: &str, buffer: &mut Vec<u8>) {
    // Infallible: a string, into memory.
    let _ = serde_json::to_writer(buffer, text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let digest = Digest::of(b"hello\n");
        for line in [
            r#"{"p":"bin","t":"d"}"#.to_owned(),
            format!(
                r#"{{"p":"bin/app","t":"f","x":true,"s":6,"d":"{}"}}"#,
                digest.hex()
            ),
            format!(
                r#"{{"p":"bin/zwölf","t":"f","s":0,"d":"{}"}}"#,
                digest.hex()
            ),
            r#"{"p":"bin/run","t":"l","l":"../app"}"#.to_owned(),
        ] {
            let entry = IndexEntry::from_line(line.as_bytes()).unwrap();
            let mut written = Vec::new();
            entry.write_line(&mut written);
            assert_eq!(String::from_utf8(written).unwrap(), format!("{line}\n"));
        }
    }

    proptest! {
        /// A line of a file in which one byte is another, or none.
        #[test]
        fn the_fast_way_reads_no_other_line_and_reads_none_otherwise(
            path in "[a-z0-9\"\\\\/. \u{7f}-\u{a0}ü]{1,6}",
            executable: bool,
            size in prop_oneof!["[0-9+]{1,3}", "[0-9]{19,21}"],
            (at, byte) in (any::<prop::sample::Index>(), prop_oneof![Just(None), any::<u8>().prop_map(Some)]),
        ) {
            let (x, hex) = (if executable { r#","x":true"# } else { "" }, Digest::of(b"").hex());
            let line = format!(r#"{{"p":"{path}","t":"f"{x},"s":{size},"d":"{hex}"}}"#);
            let mut line = line.into_bytes();
            let at = at.index(line.len());
            match byte {
                Some(byte) => line[at] = byte,
                None => drop(line.remove(at)),
            }
            for line in [line, format!(r#"{{"p":"{path}","t":"f"{x},"s":{size},"d":"{hex}"}}"#).into_bytes()] {
                if let Some(fast) = plain_file(&line) {
                    prop_assert_eq!(IndexEntry::from_json(&line).ok(), Some(fast));
                }
            }
        }
    }

    #[test]
    fn refuses_other_fields_other_texts_and_links_out() {
        let hex = Digest::of(b"").hex();
        for line in [
            r#"{"p":"a","t":"d","s":1}"#.to_owned(),
            r#"{"p":"a","t":"f","s":1}"#.to_owned(),
            r#"{"p":"a","t":"l"}"#.to_owned(),
            r#"{"p":"a","t":"x"}"#.to_owned(),
            r#"{"p":"a","t":"d","u":0}"#.to_owned(),
            r#"{"t":"d","p":"a"}"#.to_owned(),
            r#"{"p":"a", "t":"d"}"#.to_owned(),
            r#"{"p":"\u0061","t":"d"}"#.to_owned(),
            format!(r#"{{"p":"a","t":"f","x":false,"s":1,"d":"{hex}"}}"#),
            r#"{"p":"a","t":"l","l":"../b"}"#.to_owned(),
        ] {
            assert!(IndexEntry::from_line(line.as_bytes()).is_err(), "{line}");
        }
    }
}
