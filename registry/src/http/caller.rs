//! Who asks: the token of a request, as Bearer or as the password of Basic.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::api::CallerInfo;
use bulla_schemas::{Digest, HostName, ProjectName, Timestamp};
use zeroize::Zeroizing;

use crate::access::{Access, Scope, access_of};
use crate::app::App;
use crate::database::TokenRow;
use crate::http::address;
use crate::http::client::{Client, TokenSeen};
use crate::http::problem::Problem;

/// The bearer token that the token endpoint gives to a caller without one.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Who asks, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    access: Option<Access>,
    token_id: String,
    /// Where it asks from, without a token.
    address: Option<IpAddr>,
    expires_at: Option<Timestamp>,
    anonymous_read: bool,
}

impl Caller {
    /// Returns who has a token.
    pub(crate) async fn of(app: &App, secret: &str) -> Result<Self, Problem> {
        // Looked up by digest: the time it takes says nothing about the secret.
        let digest = Digest::of(secret.as_bytes());
        let token = app.catalog.database.token_by_secret(&digest).await?;
        let token = token.ok_or(Problem::TokenRefused)?;
        let now = app.clock.now();
        let access = access_of(&token, now).ok_or(Problem::TokenRefused)?;
        note_use(app, &token, now).await;
        Ok(Self {
            access: Some(access),
            token_id: token.id,
            address: None,
            expires_at: token.expires_at,
            anonymous_read: app.settings.anonymous_read,
        })
    }

    /// Returns who sends a request.
    pub(crate) async fn of_request(
        app: &App,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Self, Problem> {
        let Some(secret) = secret(headers)? else {
            return Ok(Self {
                access: None,
                token_id: String::new(),
                address: extensions.get::<Client>().map(|client| {
                    let trusted = &app.settings.trusted_proxies;
                    address::of_client(client.address.ip(), headers, trusted)
                }),
                expires_at: None,
                anonymous_read: app.settings.anonymous_read,
            });
        };
        let caller = Self::of(app, &secret).await?;
        if let Some(seen) = extensions.get::<TokenSeen>() {
            seen.note(&caller.token_id);
        }
        Ok(caller)
    }

    /// Lets the request pass when the scope is given for `project`.
    pub(crate) fn may(&self, scope: Scope, project: &ProjectName) -> Result<(), Problem> {
        self.check(scope, project.as_str(), |access| {
            access.allows(scope, project)
        })
    }

    /// Lets the request pass when the scope is given for any project.
    pub(crate) fn may_somewhere(&self, scope: Scope) -> Result<(), Problem> {
        self.check(scope, "any project", |access| access.has(scope))
    }

    /// Lets the request pass when the scope is given for all projects.
    pub(crate) fn may_everywhere(&self, scope: Scope) -> Result<(), Problem> {
        self.check(scope, "all projects", |access| {
            access.has(scope) && access.is_for_all_projects()
        })
    }

    /// Lets the request pass when it may say what `host` observed.
    pub(crate) fn may_report(&self, host: &HostName) -> Result<(), Problem> {
        self.check(Scope::Report, &format!("host {host}"), |access| {
            access.allows_reports_of(host)
        })
    }

    /// Returns the id of the caller's token; empty without one.
    pub(crate) fn token_id(&self) -> &str {
        &self.token_id
    }

    /// Returns for whom its work and memory count: its token, or the address that it asks from. Of IPv6
    /// that is the network, because whoever has one address there has 2^64.
    pub(crate) fn account(&self) -> Cow<'_, str> {
        match self.address {
            None => Cow::Borrowed(&self.token_id),
            Some(IpAddr::V4(address)) => Cow::Owned(address.to_string()),
            Some(IpAddr::V6(address)) => {
                let network = address.to_bits() >> 64 << 64;
                Cow::Owned(format!("{}/64", Ipv6Addr::from_bits(network)))
            }
        }
    }

    /// Returns when the caller's token ends.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Tells whether the caller has a token.
    pub(crate) fn is_known(&self) -> bool {
        self.access.is_some()
    }

    /// Says what the caller may do.
    pub(crate) fn describe(&self) -> CallerInfo {
        let access = self.access.as_ref();
        let scopes = access.map(|access| access.scopes.iter().map(ToString::to_string));
        let projects = access.map(|access| access.projects.iter().map(ToString::to_string));
        CallerInfo {
            scopes: scopes.into_iter().flatten().collect(),
            projects: projects.into_iter().flatten().collect(),
            host: access.and_then(|access| access.host.clone()),
            anonymous_read: self.anonymous_read,
        }
    }

    /// Tells whether the caller may read at all without a token.
    pub(crate) fn may_read_anonymously(&self) -> bool {
        self.anonymous_read
    }

    fn check(
        &self,
        scope: Scope,
        what: &str,
        allows: impl FnOnce(&Access) -> bool,
    ) -> Result<(), Problem> {
        match &self.access {
            _ if scope == Scope::Pull && self.anonymous_read => Ok(()),
            None => Err(Problem::Unauthenticated),
            Some(access) if allows(access) => Ok(()),
            Some(_) => Err(Problem::Forbidden {
                scope,
                what: what.to_owned(),
            }),
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        // A layer may have asked before its route does.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let caller = Self::of_request(app, &parts.headers, &parts.extensions).await?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// Returns the token of a request. An empty Basic password is what clients without credentials
/// send, and counts as none.
pub(crate) fn secret(headers: &HeaderMap) -> Result<Option<Zeroizing<String>>, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = given.next() else {
        return Ok(None);
    };
    // Something on the way may have gone by the other one.
    if given.next().is_some() {
        return Err(Problem::TokenRefused);
    }
    let header = header.to_str().map_err(|_| Problem::TokenRefused)?;
    let (scheme, credentials) = header.split_once(' ').ok_or(Problem::TokenRefused)?;
    let secret = if scheme.eq_ignore_ascii_case("bearer") {
        Zeroizing::new(credentials.trim().to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = Zeroizing::new(
            STANDARD
                .decode(credentials.trim())
                .map_err(|_| Problem::TokenRefused)?,
        );
        let text = std::str::from_utf8(&decoded).map_err(|_| Problem::TokenRefused)?;
        let (_, password) = text.split_once(':').ok_or(Problem::TokenRefused)?;
        Zeroizing::new(password.to_owned())
    } else {
        return Err(Problem::TokenRefused);
    };
    Ok(Some(secret).filter(|secret| !secret.is_empty() && secret.as_str() != ANONYMOUS))
}

/// Notes the use once a minute: a write per request would cost more than it tells.
async fn note_use(app: &App, token: &TokenRow, now: Timestamp) {
    let fresh = token
        .last_used_at
        .is_some_and(|last| now.as_seconds() - last.as_seconds() < 60);
    if !fresh && let Err(error) = app.catalog.database.touch_token(&token.id, now).await {
        tracing::warn!(%error, token = token.id, "the use of a token was not noted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(address: &str) -> String {
        let caller = Caller {
            access: None,
            token_id: String::new(),
            address: Some(address.parse().unwrap()),
            expires_at: None,
            anonymous_read: true,
        };
        caller.account().into_owned()
    }

    #[test]
    fn clients_without_a_token_count_by_their_address() {
        assert_ne!(account("192.0.2.1"), account("192.0.2.2"));
        assert_eq!(account("2001:db8::1"), account("2001:db8::ffff"));
        assert_ne!(account("2001:db8::1"), account("2001:db8:0:1::1"));
    }
}
