//! `Interface`: everything that is answered at one address.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use crate::app::App;
use crate::http::answer::finish;
use crate::http::metrics::metrics;
use crate::http::oci::repository;
use crate::http::route::OTHER;
use crate::http::router::router;

/// What answers requests, however they came.
pub(crate) struct Interface {
    /// Whose repositories are among it.
    repositories: Option<Arc<App>>,
    /// Everything else.
    routes: TowerToHyperService<Router>,
}

impl Interface {
    /// Returns the registry's own.
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self {
            routes: TowerToHyperService::new(router(Arc::clone(&app))),
            repositories: Some(app),
        }
    }

    /// Returns that for those who watch over the registry.
    pub(crate) fn of_metrics(app: Arc<App>) -> Self {
        Self {
            routes: TowerToHyperService::new(metrics(app)),
            repositories: None,
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request) -> Result<Response, Infallible> {
        let Some((app, named)) = self
            .repositories
            .as_ref()
            .zip(repository::named(request.uri().path()))
        else {
            return self.routes.call(request).await;
        };
        let route = named.as_ref().map_or(OTHER, |(_, target)| target.pattern());
        let answer = async |request| {
            let answered = repository::answer(app, named, request).await;
            answered.unwrap_or_else(IntoResponse::into_response)
        };
        Ok(finish(app, route, request, answer).await)
    }
}
