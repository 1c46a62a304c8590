//! Names of projects have slashes, which no pattern of axum can hold. In a path of the API they may
//! stand as they are: what follows a project says where its name ends.

use axum::extract::Request;
use axum::http::Uri;

/// Where the paths of projects begin.
const PROJECTS: &str = "/api/v1/projects/";

/// Writes the slashes in the name of a project as `%2F`, as the routes have them.
pub(crate) async fn encode(mut request: Request) -> Request {
    if let Some(path) = encoded(request.uri().path()) {
        let query = request.uri().query();
        let target = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        if let Ok(uri) = Uri::try_from(target) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Returns the path with the slashes of the project's name encoded, where there are any.
pub(super) fn encoded(path: &str) -> Option<String> {
    let rest: Vec<&str> = path.strip_prefix(PROJECTS)?.split('/').collect();
    // What is a path already stays as it is: only in the others the name is looked for.
    let name = match rest.as_slice() {
        [_, "diff", _, _] | [_, "releases", _] | [_, _] | [_] => return None,
        [name @ .., "diff", _, _]
        | [name @ .., "releases" | "channels" | "history" | "where"]
        | [name @ .., "releases", _] => name,
        _ => return None,
    };
    let after = &rest[name.len()..];
    Some(format!(
        "{PROJECTS}{}/{}",
        name.join("%2F"),
        after.join("/")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_project_ends_where_the_path_goes_on() {
        for (plain, expected) in [
            ("acme/billing/where", Some("acme%2Fbilling/where")),
            ("a/b/c/releases", Some("a%2Fb%2Fc/releases")),
            (
                "acme/billing/releases/9f2c81aa",
                Some("acme%2Fbilling/releases/9f2c81aa"),
            ),
            (
                "acme/search/releases/where",
                Some("acme%2Fsearch%2Freleases/where"),
            ),
            // A path already.
            ("acme/releases/where", None),
            (
                "acme/billing/diff/dev/history",
                Some("acme%2Fbilling/diff/dev/history"),
            ),
            ("tools/where", None),
            ("tools/diff/dev/history", None),
            ("tools/releases/9f2c81aa", None),
            ("acme%2Fbilling/where", None),
            ("acme/billing/unknown", None),
            ("where", None),
        ] {
            let expected = expected.map(|path| format!("{PROJECTS}{path}"));
            assert_eq!(encoded(&format!("{PROJECTS}{plain}")), expected, "{plain}");
        }
        assert_eq!(encoded("/v2/acme/billing/where"), None);
    }
}
