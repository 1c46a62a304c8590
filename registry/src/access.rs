//! Who may ask for what: scopes and tokens.
//!
//! A token gives the right to ask, never authority: what a release, a promotion or a policy is
//! worth is decided by the signatures on it.

pub(crate) mod hosts;
pub(crate) mod tokens;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bulla_schemas::{Digest, HostName, ProjectName, Timestamp};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::database::TokenRow;
use crate::pattern::ProjectPattern;

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read bundles, the log and the API.
    Pull,
    /// Upload bundles and append to the log.
    Push,
    /// Say what a host observed.
    Report,
    /// Everything.
    Admin,
}

/// What a token may do, and for which projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The scopes, sorted.
    pub scopes: Vec<Scope>,
    /// The projects; never empty.
    pub projects: Vec<ProjectPattern>,
    /// The one host whose reports may be sent.
    pub host: Option<HostName>,
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a scope is `pull`, `push`, `report` or `admin`, found {found:?}")]
pub struct ScopeError {
    found: String,
}

impl Scope {
    /// Returns the scope's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Report => "report",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        [Self::Pull, Self::Push, Self::Report, Self::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| ScopeError {
                found: text.chars().take(40).collect(),
            })
    }
}

impl Access {
    /// Tells whether the scope is given at all.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Tells whether the scope is given for `project`.
    pub fn allows(&self, scope: Scope, project: &ProjectName) -> bool {
        self.has(scope) && self.projects.iter().any(|pattern| pattern.matches(project))
    }

    /// Tells whether reports of `host` may be sent. An access that names no host may send none, so
    /// that one host cannot speak for another.
    pub fn allows_reports_of(&self, host: &HostName) -> bool {
        self.has(Scope::Report) && self.host.as_ref() == Some(host)
    }

    /// Tells whether the access is for all projects.
    pub fn is_for_all_projects(&self) -> bool {
        self.projects.iter().any(ProjectPattern::is_all)
    }
}

/// What every token begins with, so that scanners for leaked secrets can find it.
const PREFIX: &str = "bulla_";

/// Makes a token of 256 random bits: the secret, shown once, and what is kept of it.
pub(crate) fn create_token(
    name: &str,
    access: &Access,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<(SecretString, TokenRow), getrandom::Error> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut random[..])?;
    let mut id = [0_u8; 6];
    getrandom::fill(&mut id)?;
    let secret = Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&random[..])));
    let row = TokenRow {
        id: const_hex::encode(id),
        name: name.to_owned(),
        secret: Digest::of(secret.as_bytes()),
        scopes: join(&access.scopes),
        projects: join(&access.projects),
        host: access.host.clone(),
        created_at,
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    Ok((secret.as_str().into(), row))
}

/// Returns what a kept token allows now, or nothing when it is revoked or expired.
pub(crate) fn access_of(token: &TokenRow, now: Timestamp) -> Option<Access> {
    if token.revoked_at.is_some() || token.expires_at.is_some_and(|end| end <= now) {
        return None;
    }
    Some(Access {
        scopes: split(&token.scopes)?,
        projects: split(&token.projects)?,
        host: token.host.clone(),
    })
}

fn join(items: &[impl ToString]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

fn split<T: FromStr>(text: &str) -> Option<Vec<T>> {
    text.split(',').map(|item| item.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn access() -> Access {
        Access {
            scopes: vec![Scope::Pull, Scope::Push],
            projects: vec!["acme/*".parse().unwrap(), "tools".parse().unwrap()],
            host: Some("web1".parse().unwrap()),
        }
    }

    #[test]
    fn a_pattern_is_for_a_name_or_what_begins_like_it() {
        let access = access();
        for (project, allowed) in [
            ("acme/billing", true),
            ("acme/a/b", true),
            ("tools", true),
            ("tools/x", false),
            ("acme", false),
            ("other", false),
        ] {
            let project = project.parse().unwrap();
            assert_eq!(access.allows(Scope::Push, &project), allowed, "{project}");
            assert!(!access.allows(Scope::Report, &project));
        }
        for wrong in ["", "a*b", "A/*", "acme/", "**", "a,b"] {
            assert!(wrong.parse::<ProjectPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn reports_are_for_the_host_that_is_named() {
        let (web1, web2) = ("web1".parse().unwrap(), "web2".parse().unwrap());
        let mut access = access();
        assert!(!access.allows_reports_of(&web1), "without the scope");
        access.scopes = vec![Scope::Admin];
        assert!(access.allows_reports_of(&web1));
        assert!(!access.allows_reports_of(&web2));
        access.host = None;
        assert!(!access.allows_reports_of(&web1));
    }

    #[test]
    fn a_token_is_kept_by_its_digest_and_ends() {
        let now = Timestamp::from_seconds(1_000).unwrap();
        let end = Timestamp::from_seconds(2_000).unwrap();
        let (secret, mut row) = create_token("ci", &access(), now, Some(end)).unwrap();
        assert_eq!(secret.expose_secret().len(), PREFIX.len() + 43);
        assert_eq!(row.secret, Digest::of(secret.expose_secret().as_bytes()));
        assert_eq!(access_of(&row, now), Some(access()));
        assert_eq!(access_of(&row, end), None);
        row.revoked_at = Some(now);
        assert_eq!(access_of(&row, now), None);
    }
}
