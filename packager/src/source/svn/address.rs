//! Addresses that a repository, a working copy or a release statement names. `svn` runs a program of
//! the user's configuration for `svn+NAME://`, so only what it serves itself is asked.

/// Schemes that `svn` serves itself. Any other begins a command of the user's configuration.
const SCHEMES: [&str; 5] = ["https", "http", "svn", "svn+ssh", "file"];

/// Says what is wrong with `url`, which a stranger may have written.
pub(in crate::source) fn check(url: &str) -> Result<(), &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it is not a URL")?;
    if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err("`svn` has no such transport itself");
    }
    let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
    let host = authority.rsplit('@').next().unwrap_or(authority);
    if [authority, host].iter().any(|part| part.starts_with('-')) {
        return Err("its host would be an option");
    }
    if url.chars().any(char::is_control) {
        return Err("it has a control character");
    }
    Ok(())
}

/// Tells whether `url` is of this machine.
pub(super) fn is_local(url: &str) -> bool {
    url.split_once("://")
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_svn_serves_itself_is_asked() {
        for url in [
            "https://h/x",
            "svn://ada@h/x",
            "svn+ssh://ada@h/x",
            "file:///srv/x",
            "HTTPS://h/x@-y",
        ] {
            check(url).unwrap();
        }
        for url in [
            "svn+evil://h/x",
            "ext://h/x",
            "svn+ssh://-oProxyCommand=touch x/y",
            "svn+ssh://ada@-oProxyCommand=x/y",
            "svn+ssh://-oProxyCommand=x@h/y",
            "svn://h/x\ny",
            "x",
            "",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
    }
}
