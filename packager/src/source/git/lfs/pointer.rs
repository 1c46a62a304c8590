//! A pointer of Git LFS: the text that stands in a commit for a large file.
//!
//! ```text
//! version https://git-lfs.github.com/spec/v1
//! oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
//! size 12345
//! ```

use bulla_schemas::Digest;

/// The size and digest of a large file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source::git) struct Pointer {
    pub(in crate::source::git) sha256: Digest,
    pub(in crate::source::git) size: u64,
}

/// What the content of a path with `filter=lfs` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source::git) enum Reading {
    /// A pointer.
    Pointer(Pointer),
    /// Content that was committed as it is.
    Content,
    /// A pointer that cannot be understood.
    Unreadable(&'static str),
}

impl Pointer {
    /// A pointer is shorter than this, by its specification.
    pub(in crate::source::git) const MAX_LEN: u64 = 1024;

    /// Reads the content of a blob.
    pub(in crate::source::git) fn read(content: &[u8]) -> Reading {
        const BEGINS: [&[u8]; 2] = [b"version https://git-lfs", b"version https://hawser"];
        if content.len() as u64 >= Self::MAX_LEN
            || !BEGINS.iter().any(|begin| content.starts_with(begin))
        {
            return Reading::Content;
        }
        match Self::parse(content) {
            Ok(pointer) => Reading::Pointer(pointer),
            Err(why) => Reading::Unreadable(why),
        }
    }

    fn parse(content: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8")?;
        let (mut sha256, mut size) = (None, None);
        for line in text.lines().skip(1) {
            let (key, value) = line.split_once(' ').ok_or("a line has no value")?;
            match key {
                "oid" => {
                    let digest: Result<Digest, _> = value.parse();
                    sha256 = Some(digest.map_err(|_| "`oid` is no sha256")?);
                }
                "size" => size = Some(value.parse().map_err(|_| "`size` is no number")?),
                _ if key.starts_with("ext-") => return Err("it needs an extension of Git LFS"),
                _ => return Err("it has an unknown key"),
            }
        }
        Ok(Self {
            sha256: sha256.ok_or("it has no `oid`")?,
            size: size.ok_or("it has no `size`")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    #[test]
    fn reads_pointers_and_nothing_else() {
        let text = format!("version https://git-lfs.github.com/spec/v1\noid {OID}\nsize 12\n");
        let pointer = Pointer {
            sha256: OID.parse().unwrap(),
            size: 12,
        };
        assert_eq!(Pointer::read(text.as_bytes()), Reading::Pointer(pointer));
        for content in ["", "hello", "version 1\n"] {
            assert_eq!(Pointer::read(content.as_bytes()), Reading::Content);
        }
        let long = format!("{text}{}", "x".repeat(1024));
        assert_eq!(Pointer::read(long.as_bytes()), Reading::Content);
        for (from, to) in [
            ("sha256:", "md5:"),
            ("size 12", "size -1"),
            ("size 12\n", ""),
            ("oid ", "ext-0-foo sha256:x\noid "),
            ("size", "nonsense"),
        ] {
            let wrong = text.replace(from, to);
            assert!(
                matches!(Pointer::read(wrong.as_bytes()), Reading::Unreadable(_)),
                "{wrong}"
            );
        }
    }
}
