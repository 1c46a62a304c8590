//! File names in a patch, quoted as git does it with its default `core.quotePath`.

use std::fmt::Write as _;

/// Returns `prefix` and `path`, in quotes where the name has characters that need them.
pub(super) fn quote(prefix: &str, path: &str) -> String {
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if path.bytes().all(is_plain) {
        return format!("{prefix}{path}");
    }
    let mut quoted = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            _ if is_plain(byte) => quoted.push(char::from(byte)),
            // Infallible: into a string. Entries have no control characters, so none of git's
            // other short forms can occur.
            _ => drop(write!(quoted, "\\{byte:03o}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_names_as_git_does() {
        for (path, expected) in [
            ("plain/name", "a/plain/name"),
            ("a name", "a/a name"),
            ("a\"b", "\"a/a\\\"b\""),
            ("back\\slash", "\"a/back\\\\slash\""),
            ("zwölf", "\"a/zw\\303\\266lf\""),
        ] {
            assert_eq!(quote("a/", path), expected);
        }
    }
}
