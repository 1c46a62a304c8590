//! The paths below `/v2/<name>/`, and which of them answers which method. Names have slashes, which no
//! pattern of axum can hold.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use bulla_schemas::ProjectName;
use percent_encoding::percent_decode_str;

use super::target::{Target, parse};
use super::{blobs, delta, frames, manifests, referrers, tags, uploads};
use crate::access::Scope::{Pull, Push};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::mirror;
use crate::http::problem::Problem;
use crate::oci::reference::Reference;

/// Where all paths of OCI begin.
const OCI: &str = "/v2/";
/// What stands there and is no repository's.
const OTHERS: [&str; 3] = ["", "token", "_catalog"];

/// What a path below `/v2/` names, or why it names nothing.
pub(crate) type Named = Result<(ProjectName, Target), Problem>;

/// Reads a path that is a repository's; none where it is not.
pub(crate) fn named(path: &str) -> Option<Named> {
    let path = path.strip_prefix(OCI)?;
    if OTHERS.contains(&path) {
        return None;
    }
    let decoded: Result<Cow<'_, str>, _> = percent_decode_str(path).decode_utf8();
    Some(
        decoded
            .map_err(Problem::malformed)
            .and_then(|path| parse(path.as_ref())),
    )
}

/// Answers a request for what it names.
pub(crate) async fn answer(
    app: &Arc<App>,
    named: Named,
    request: Request,
) -> Result<Response, Problem> {
    let caller = Caller::of_request(app, request.headers(), request.extensions()).await?;
    let (project, target) = named?;
    let project = &project;
    let is_read = is_read(request.method(), &target);
    caller.may(if is_read { Pull } else { Push }, project)?;
    if !is_read {
        mirror::refuse(app, allowed_to_read(&target))?;
    }
    let answered = allowed_answer(app, &caller, project, target, request).await;
    answered.map_err(|problem| mirror::elsewhere(app, project, problem))
}

/// Answers what the caller may ask. What is asked most often is in the future itself; the others are larger
/// and have their own place.
async fn allowed_answer(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    target: Target,
    request: Request,
) -> Result<Response, Problem> {
    let method = request.method().clone();
    // Who may push may build on what is there.
    if let Target::Blob(digest) | Target::Manifest(Reference::Digest(digest)) = &target
        && caller.may(Push, project).is_ok()
    {
        app.catalog.see(project, digest).await;
    }
    match (method.as_str(), target) {
        ("GET" | "HEAD", Target::Blob(digest)) => {
            blobs::read(app, project, digest, &method, request.headers()).await
        }
        ("GET" | "HEAD", Target::Manifest(reference)) => {
            manifests::read(app, project, &reference, &method, request.headers()).await
        }
        ("GET" | "HEAD", Target::Tags) => {
            Box::pin(tags::list(app, caller, project, request.uri())).await
        }
        ("GET" | "HEAD", Target::Referrers(subject)) => {
            Box::pin(referrers::list(
                app,
                caller,
                project,
                &subject,
                request.uri(),
            ))
            .await
        }
        ("POST", Target::Uploads) => Box::pin(uploads::begin(app, caller, project, request)).await,
        ("GET" | "HEAD", Target::Upload(id)) => {
            Box::pin(uploads::progress(app, project, &id)).await
        }
        ("PATCH", Target::Upload(id)) => {
            Box::pin(uploads::append(app, project, &id, request)).await
        }
        ("PUT", Target::Upload(id)) => Box::pin(uploads::finish(app, project, &id, request)).await,
        ("DELETE", Target::Upload(id)) => Box::pin(uploads::cancel(app, project, &id)).await,
        ("POST", Target::Frames) => Box::pin(frames::ask(app, caller, project, request)).await,
        ("PUT", Target::Frames) => Box::pin(frames::assemble(app, caller, project, request)).await,
        ("POST", Target::Delta) => Box::pin(delta::send(app, caller, project, request)).await,
        ("PUT", Target::Delta) => Box::pin(delta::take(app, caller, project, request)).await,
        ("PUT", Target::Manifest(reference)) => {
            Box::pin(manifests::push(app, caller, project, reference, request)).await
        }
        ("DELETE", Target::Manifest(reference)) => {
            Box::pin(manifests::delete(app, project, reference)).await
        }
        ("DELETE", Target::Blob(digest)) => Box::pin(blobs::delete(app, project, digest)).await,
        (_, target) => Err(Problem::Unsupported {
            allow: allowed(&target),
        }),
    }
}

/// Asking how far an upload has come belongs to pushing, and asking for a delta to reading.
fn is_read(method: &Method, target: &Target) -> bool {
    match target {
        Target::Upload(_) => false,
        Target::Delta if method == Method::POST => true,
        _ => matches!(*method, Method::GET | Method::HEAD),
    }
}

/// The methods that are answered where nothing is taken in.
fn allowed_to_read(target: &Target) -> &'static str {
    match target {
        Target::Uploads | Target::Upload(_) | Target::Frames => "",
        Target::Delta => "POST",
        _ => "GET, HEAD",
    }
}

fn allowed(target: &Target) -> &'static str {
    match target {
        Target::Uploads => "POST",
        Target::Frames | Target::Delta => "POST, PUT",
        Target::Upload(_) => "GET, PATCH, PUT, DELETE",
        Target::Manifest(_) => "GET, HEAD, PUT, DELETE",
        Target::Blob(_) => "GET, HEAD, DELETE",
        Target::Tags | Target::Referrers(_) => "GET, HEAD",
    }
}
