//! The URLs of externals, absolute or relative to something
//! (`svn_wc__resolve_relative_external_url` in `libsvn_wc/externals.c`).

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What `svn` writes as `%XX` in a path (`uri_char_validity` in `libsvn_subr/path.c`).
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b';')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns the URL that `url` means in the property of the directory at `directory`, in a
/// repository whose root is at `root`.
pub fn resolve(url: &str, directory: &str, root: &str) -> Option<String> {
    if super::is_absolute(url) {
        let (server, path) = split(url)?;
        climb(server, "", path)
    } else if url.starts_with("//") {
        let (scheme, _) = root.split_once("://")?;
        let url = format!("{scheme}:{url}");
        let (server, path) = split(&url)?;
        climb(server, "", path)
    } else if url.starts_with('/') {
        climb(split(root)?.0, "", url)
    } else if let Some(path) = url.strip_prefix("^/") {
        let (server, above) = split(root)?;
        climb(server, above, path)
    } else if url.starts_with("../") {
        let (server, above) = split(directory)?;
        climb(server, above, url)
    } else {
        None
    }
}

/// Returns the URL of what is at `path`, a path as on disk, below `url`.
pub fn below(url: &str, path: &str) -> String {
    let mut below = url.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        below.push('/');
        below.extend(utf8_percent_encode(part, ENCODED));
    }
    below
}

/// Splits `scheme://server` from the path.
fn split(url: &str) -> Option<(&str, &str)> {
    let start = url.find("://")? + 3;
    let end = url[start..].find('/').map_or(url.len(), |end| start + end);
    Some(url.split_at(end))
}

/// Goes from `above` along `path`, where `..` leads up, but not out of the server.
fn climb(server: &str, above: &str, path: &str) -> Option<String> {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let mut parts: Vec<String> = Vec::new();
    for part in above.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(decode(part)),
        }
    }
    Some(below(server, &parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_relative_url_leads_where_svn_goes() {
        let root = "https://example.com/svn/repo%20a";
        let directory = "https://example.com/svn/repo%20a/trunk/lib";
        for (url, expected) in [
            ("^/other", "https://example.com/svn/repo%20a/other"),
            (
                "^/a b%20c;d",
                "https://example.com/svn/repo%20a/a%20b%20c%3Bd",
            ),
            ("^/../other/x", "https://example.com/svn/other/x"),
            ("../x/../y", "https://example.com/svn/repo%20a/trunk/y"),
            ("/svn/x/", "https://example.com/svn/x"),
            ("//other.example.com/x", "https://other.example.com/x"),
            ("svn://ada@host:1//x/./ü@2", "svn://ada@host:1/x/%C3%BC@2"),
            ("^/", "https://example.com/svn/repo%20a"),
        ] {
            assert_eq!(
                resolve(url, directory, root).as_deref(),
                Some(expected),
                "{url}"
            );
        }
        for wrong in [
            "x",
            "",
            "^/../../../..",
            "..",
            "file",
            "../../../../../../x",
        ] {
            assert_eq!(resolve(wrong, directory, root), None, "{wrong}");
        }
        assert_eq!(
            resolve("../b", "file:///srv/repo/a", "file:///srv/repo").as_deref(),
            Some("file:///srv/repo/b")
        );
    }
}
