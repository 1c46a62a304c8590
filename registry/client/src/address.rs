//! The address of a registry, as a person types it.

use bulla_schemas::report::{Finding, Step};
use url::{Host, Url};

use crate::error::ClientError;

/// Most characters of an address that a message repeats.
const SHOWN: usize = 200;

/// Reads an address that a person typed.
pub fn registry_url(text: &str) -> Result<Url, ClientError> {
    let refused = |reason| ClientError::Url {
        url: shown(text),
        reason,
    };
    if !["http://", "https://"]
        .iter()
        .any(|start| begins_with(text, start))
    {
        return Err(refused("it begins with neither `https://` nor `http://`"));
    }
    let url = Url::parse(text).map_err(|_| refused("it cannot be read"))?;
    check(&url).map_err(refused)?;
    Ok(url)
}

/// Looks at an address alone, for a doctor.
pub fn address_finding(url: &Url) -> Finding {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || is_loopback {
        return Finding::ok(Step::Registry, format_args!("{url}"));
    }
    Finding::warning(
        Step::Registry,
        format_args!("{url} is not encrypted: anyone on the network path can read your token"),
        "use `https://`",
    )
}

/// Refuses what no registry has.
pub(crate) fn check(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it begins with neither `https://` nor `http://`");
    }
    if !url.has_host() {
        return Err("it names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials belong in a token file");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or a fragment");
    }
    Ok(())
}

/// Writes an address for a message, in which a password must not be repeated.
pub(crate) fn shown(text: &str) -> String {
    let secretless = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((before, rest))) if before.len() > scheme.len() => {
            format!("{scheme}://{rest}")
        }
        (None, Some((_, rest))) => rest.to_owned(),
        _ => text.to_owned(),
    };
    secretless.chars().take(SHOWN).collect()
}

fn begins_with(text: &str, start: &str) -> bool {
    let beginning = text.get(..start.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use bulla_schemas::outcome::{FailureKind, Outcome as _};
    use bulla_schemas::report::FindingKind;

    use super::*;

    #[test]
    fn says_what_is_wrong_with_the_address_that_was_typed() {
        for (text, expected) in [
            ("releases.acme.example", "neither `https://` nor `http://`"),
            ("localhost:5000", "neither `https://` nor `http://`"),
            ("/srv/registry", "neither `https://` nor `http://`"),
            ("not a url", "neither `https://` nor `http://`"),
            ("", "neither `https://` nor `http://`"),
            ("ftp://acme.example", "neither `https://` nor `http://`"),
            ("https://", "cannot be read"),
            ("https://acme.example:99999", "cannot be read"),
            ("https://acme.example/?page=2", "a query or a fragment"),
        ] {
            let error = registry_url(text).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Usage);
            let said = error.to_string();
            assert!(said.starts_with(&format!("`{text}` ")), "{said}");
            assert!(said.contains(expected), "{said}");
            assert!(error.hint().unwrap().contains("https://"));
        }
        for text in ["https://acme.example", "HTTP://localhost:5000/bulla/"] {
            registry_url(text).unwrap();
        }
    }

    #[test]
    fn an_address_in_the_clear_is_for_this_machine_only() {
        let standing = |url: &str| address_finding(&url.parse().unwrap()).result;
        for url in [
            "https://releases.acme.example",
            "http://localhost:5000",
            "http://[::1]:5000",
        ] {
            assert_eq!(standing(url), FindingKind::Ok, "{url}");
        }
        for url in [
            "http://releases.acme.example",
            "http://10.0.0.1",
            "http://localhost.acme.example",
        ] {
            assert_eq!(standing(url), FindingKind::Warning, "{url}");
        }
    }

    #[test]
    fn repeats_no_password() {
        for text in [
            "https://ada:sesam@acme.example",
            "https://ada:sesam@acme example",
            "ada:sesam@acme.example",
            "ftp://ada:se@sam@acme.example",
        ] {
            let said = registry_url(text).unwrap_err().to_string();
            assert!(!said.contains("sam") && said.contains("acme"), "{said}");
        }
    }
}
