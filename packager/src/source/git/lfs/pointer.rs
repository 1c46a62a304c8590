//! A pointer of Git LFS: the text that stands in a commit for a large file.
//!
//! ```text
//! version https://git-lfs.github.com/spec/v1
//! oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
//! size 12345
//! ```

use bulla_schemas::Digest;

/// What `version` may be: today's, that of the first release, and that of the first draft.
const VERSIONS: [&str; 3] = [
    "https://git-lfs.github.com/spec/v1",
    "https://hawser.github.com/spec/v1",
    "http://git-media.io/v/2",
];

/// How pointers of other versions would begin.
const BEGINS: [&str; 3] = [
    "version https://git-lfs",
    "version https://hawser",
    "version http://git-media",
];

const KEYS: [&str; 2] = ["oid", "size"];

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

    /// Reads the content of a blob as `git-lfs` does (`DecodePointer` in `lfs/pointer.go`). It takes
    /// what only begins as a pointer for content; that would be released without a word, so it is
    /// told apart here.
    pub(in crate::source::git) fn read(content: &[u8]) -> Reading {
        if content.len() as u64 >= Self::MAX_LEN {
            return Reading::Content;
        }
        let text = content.trim_ascii();
        let is_pointer = VERSIONS.iter().any(|version| {
            let rest = text
                .strip_prefix(b"version ")
                .and_then(|rest| rest.strip_prefix(version.as_bytes()));
            rest.is_some_and(|rest| matches!(rest, [] | [b'\n' | b'\r', ..]))
        });
        let begins = || {
            BEGINS
                .iter()
                .any(|begin| text.starts_with(begin.as_bytes()))
        };
        if is_pointer {
            match Self::parse(text) {
                Ok(pointer) => Reading::Pointer(pointer),
                Err(why) => Reading::Unreadable(why),
            }
        } else if begins() {
            Reading::Unreadable("its version is unknown")
        } else {
            Reading::Content
        }
    }

    fn parse(content: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8")?;
        let mut lines = text.lines().skip(1).filter(|line| !line.is_empty());
        let mut value = |expected: &str, missing| {
            let line = lines.next().ok_or(missing)?;
            match line.split_once(' ') {
                Some((key, value)) if key == expected => Ok(value),
                Some((key, _)) if key.starts_with("ext-") => {
                    Err("it needs an extension of Git LFS")
                }
                Some((key, _)) if KEYS.contains(&key) => Err(missing),
                Some(_) => Err("it has an unknown key"),
                None => Err("a line has no value"),
            }
        };
        let sha256 = value("oid", "it has no `oid`")?;
        let size = value("size", "it has no `size`")?;
        if lines.next().is_some() {
            return Err("it has a line too many");
        }
        Ok(Self {
            sha256: sha256.parse().map_err(|_| "`oid` is not a sha256")?,
            size: size.parse().map_err(|_| "`size` is not a number")?,
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
        for written in [
            text.clone(),
            text.replace('\n', "\r\n"),
            format!("\n{}\n\n", text.replace('\n', "\n\n")),
            text.trim_end().to_owned(),
            text.replace("git-lfs", "hawser"),
            text.replace(
                "https://git-lfs.github.com/spec/v1",
                "http://git-media.io/v/2",
            ),
        ] {
            let expected = Reading::Pointer(pointer.clone());
            assert_eq!(Pointer::read(written.as_bytes()), expected, "{written:?}");
        }
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
            ("spec/v1", "spec/v2"),
            ("size 12\n", "size 12\nmore 1\n"),
        ] {
            let wrong = text.replace(from, to);
            assert!(
                matches!(Pointer::read(wrong.as_bytes()), Reading::Unreadable(_)),
                "{wrong}"
            );
        }
    }
}
