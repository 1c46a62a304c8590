//! Every route, in reading order, but those of repositories, which `repository` has.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::{from_fn_with_state, map_request};
use axum::routing::{MethodRouter, get, post};

use crate::app::App;
use crate::http::answer::layer;
use crate::http::bounded;
use crate::http::log;
use crate::http::oci::{catalog, ping, token};
use crate::http::problem::Problem;
use crate::http::{api, cosignatures, download, health, slashes, watch};

/// Returns all of the interface but repositories.
pub(super) fn router(app: Arc<App>) -> Router {
    // What changes a path must run before the path is looked up.
    Router::new()
        .fallback_service(routes(app))
        .layer(map_request(slashes::encode))
}

fn routes(app: Arc<App>) -> Router {
    let requests = from_fn_with_state(Arc::clone(&app), layer);
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/v2", get(ping::ping))
        .route("/v2/", get(ping::ping))
        .route(
            "/v2/token",
            get(token::get)
                .post(token::post)
                .fallback(async || Problem::Unsupported {
                    allow: "GET, HEAD, POST",
                }),
        )
        .route("/v2/_catalog", get(catalog::list))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/tile/{*path}", get(log::tile))
        .route(
            "/log/cosignatures",
            get(cosignatures::list)
                .post(cosignatures::add)
                .fallback(async || Problem::Unsupported {
                    allow: "GET, HEAD, POST",
                }),
        )
        .route("/log/entries", only_post(log::append))
        .route("/api/v1/openapi.json", get(api::openapi::document))
        .route("/api/v1/caller", get(api::caller::info))
        .route("/api/v1/log", get(api::log::info))
        .route(
            "/api/v1/proposals",
            get(api::proposals::list)
                .post(api::proposals::propose)
                .fallback(async || Problem::Unsupported {
                    allow: "GET, HEAD, POST",
                }),
        )
        .route(
            "/api/v1/proposals/{id}",
            get(api::proposals::get)
                .delete(api::proposals::withdraw)
                .fallback(async || Problem::Unsupported {
                    allow: "GET, HEAD, DELETE",
                }),
        )
        .merge(lists().route_layer(from_fn_with_state(Arc::clone(&app), bounded::layer)))
        .route(
            "/api/v1/projects/{project}/diff/{from}/{to}",
            get(api::diff::show),
        )
        .route("/api/v1/watch", get(watch::watch))
        .route("/api/v1/hosts/{host}/report", only_post(api::hosts::report))
        .route("/dl/{*path}", get(download::payload))
        .fallback(async || Problem::NoSuchPath)
        .method_not_allowed_fallback(async || Problem::Unsupported { allow: "GET, HEAD" })
        .with_state(app)
        // Bodies are bounded where they are read, each by its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(requests)
}

/// What is only sent to. All other routes can be read, as what refuses other methods says of them.
fn only_post<H: Handler<T, Arc<App>>, T: 'static>(handler: H) -> MethodRouter<Arc<App>> {
    post(handler).fallback(async || Problem::Unsupported { allow: "POST" })
}

/// The routes whose answers are made in memory and may be long.
fn lists() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/projects", get(api::projects::list))
        .nest("/api/v1/projects/{project}", project())
        .route("/api/v1/hosts", get(api::hosts::list))
        .route("/api/v1/hosts/{host}", get(api::hosts::show))
}

/// The routes below `/api/v1/projects/{project}/`; a slash in the project's name stands as `%2F`, see
/// `slashes`.
fn project() -> Router<Arc<App>> {
    Router::new()
        .route("/releases", get(api::releases::list))
        .route("/releases/{hash}", get(api::releases::show))
        .route("/channels", get(api::channels::list))
        .route("/history", get(api::history::list))
        .route("/where", get(api::deployments::list))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bulla_schemas::Timestamp;
    use bulla_schemas::api::OPENAPI;

    use super::*;
    use crate::clock::Clock;
    use crate::http::oci::target;
    use crate::http::route::ROUTES;
    use crate::settings::Settings;

    /// What OCI's own specification describes.
    const OCI: [&str; 4] = ["/v2", "/v2/", "/v2/token", "/v2/_catalog"];

    /// Returns the patterns of all routes, which axum shows in quotes; `/` is of what no route matches.
    async fn patterns() -> BTreeSet<String> {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(|| Timestamp::EPOCH);
        let app = App::open(directory.path(), "serve", Settings::default(), clock);
        let shown = format!("{:?}", routes(app.await.unwrap()));
        let quoted = shown.split('"').skip(1).step_by(2);
        let patterns = quoted
            .filter(|text| text.len() > 1 && text.starts_with('/') && !text.contains("__private"));
        patterns.map(ToOwned::to_owned).collect()
    }

    #[tokio::test]
    async fn every_route_is_in_the_document_and_in_the_list_of_names_or_is_that_of_oci() {
        let patterns = patterns().await;
        let (oci, own): (BTreeSet<_>, BTreeSet<_>) = patterns
            .iter()
            .map(String::as_str)
            .partition(|pattern| pattern.starts_with("/v2"));
        assert_eq!(oci, BTreeSet::from(OCI));
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let paths = document["paths"].as_object().unwrap().keys();
        let (below_oci, described): (BTreeSet<_>, BTreeSet<_>) =
            paths.cloned().partition(|path| path.starts_with("/v2"));
        let own: BTreeSet<_> = own.iter().map(|path| path.replace("{*", "{")).collect();
        assert_eq!(own, described);
        for path in below_oci {
            let path = path.replace("{project}", "acme/billing");
            assert!(
                target::parse(path.trim_start_matches("/v2/")).is_ok(),
                "{path}"
            );
        }
        let named: BTreeSet<_> = ROUTES
            .iter()
            .copied()
            .filter(|route| *route != "/metrics")
            .collect();
        let patterns: BTreeSet<_> = patterns.iter().map(String::as_str).collect();
        assert_eq!(patterns, named);
    }
}
