//! Under which name a request is counted and logged: the pattern of its path and its method, each one
//! of a few, whatever clients send.

use axum::extract::MatchedPath;
use axum::http::Method;

/// What no route matches.
pub(super) const OTHER: &str = "other";

/// The patterns of all paths that are no repository's.
pub(super) const ROUTES: &[&str] = &[
    "/metrics",
    "/healthz",
    "/readyz",
    "/v2",
    "/v2/",
    "/v2/token",
    "/v2/_catalog",
    "/log/checkpoint",
    "/log/tile/{*path}",
    "/log/cosignatures",
    "/log/entries",
    "/api/v1/openapi.json",
    "/api/v1/caller",
    "/api/v1/log",
    "/api/v1/watch",
    "/api/v1/proposals",
    "/api/v1/proposals/{id}",
    "/api/v1/projects",
    "/api/v1/projects/{project}/releases",
    "/api/v1/projects/{project}/releases/{hash}",
    "/api/v1/projects/{project}/channels",
    "/api/v1/projects/{project}/history",
    "/api/v1/projects/{project}/where",
    "/api/v1/projects/{project}/diff/{from}/{to}",
    "/api/v1/hosts",
    "/api/v1/hosts/{host}",
    "/api/v1/hosts/{host}/report",
    "/dl/{*path}",
];

/// Returns the pattern of a path that is no repository's.
pub(super) fn route(matched: Option<&MatchedPath>) -> &'static str {
    let mut routes = ROUTES.iter();
    let found = routes.find(|route| matched.is_some_and(|matched| matched.as_str() == **route));
    found.copied().unwrap_or(OTHER)
}

/// Returns a method's name.
pub(super) fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => OTHER,
    }
}
