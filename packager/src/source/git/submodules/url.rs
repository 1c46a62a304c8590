//! URLs of submodules: relative ones are resolved, and none of them can run a command.

use crate::source::address::without_secrets;

/// Transports that are part of git itself. Any other scheme is the name of a program to run.
const SCHEMES: [&str; 7] = ["https", "http", "ssh", "git+ssh", "ssh+git", "git", "file"];

/// Why a URL is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmoduleUrlError {
    /// None at all.
    #[error("`.gitmodules` has no URL for it")]
    Missing,
    /// Relative to nothing.
    #[error("the URL `{url}` is relative, but leads above the repository's own")]
    Relative {
        /// The URL.
        url: String,
    },
    /// An option, a transport of another program, or a part that a program could take for one.
    #[error("the URL `{url}` is refused: {why}")]
    Refused {
        /// The URL, escaped.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Returns the URL that `declared` means in a repository whose own URL is `base`.
pub(in crate::source::git) fn resolve(
    declared: &str,
    base: &str,
) -> Result<String, SubmoduleUrlError> {
    if declared.is_empty() {
        return Err(SubmoduleUrlError::Missing);
    }
    let url = if declared.starts_with("./") || declared.starts_with("../") {
        relative(declared, base).ok_or_else(|| SubmoduleUrlError::Relative {
            url: without_secrets(declared).escape_default().to_string(),
        })?
    } else {
        declared.to_owned()
    };
    check(&url)?;
    Ok(url)
}

/// Joins as `git submodule` does: `..` takes a part off the end, at last one after a `:`.
fn relative(declared: &str, base: &str) -> Option<String> {
    let mut base = base.trim_end_matches('/').to_owned();
    let mut rest = declared;
    let mut separator = '/';
    loop {
        if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            if let Some(end) = base.rfind('/') {
                base.truncate(end);
            } else if let Some(end) = base.rfind(':') {
                base.truncate(end);
                separator = ':';
            } else {
                return None;
            }
        } else if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else {
            break;
        }
    }
    Some(format!("{base}{separator}{}", rest.trim_end_matches('/')))
}

fn check(url: &str) -> Result<(), SubmoduleUrlError> {
    let refuse = |why| {
        Err(SubmoduleUrlError::Refused {
            url: without_secrets(url).escape_default().to_string(),
            why,
        })
    };
    if url.chars().any(char::is_control) {
        return refuse("it has a control character");
    }
    if url.starts_with('-') {
        return refuse("it would be an option");
    }
    let scheme_end = url
        .find(|character: char| !character.is_ascii_alphanumeric() && !"+-.".contains(character))
        .unwrap_or(url.len());
    let (scheme, rest) = url.split_at(scheme_end);
    if rest.starts_with("::") {
        return refuse("`::` names a program that would be run");
    }
    if rest.starts_with("://") && !SCHEMES.contains(&scheme) {
        return refuse("git has no such transport itself");
    }
    let Ok(parsed) = gix::url::parse(url) else {
        return refuse("it cannot be read");
    };
    if parsed.scheme == gix::url::Scheme::File {
        let is_absolute = rest.starts_with("://") || url.starts_with('/');
        if !is_absolute {
            return refuse("a path must be absolute, or begin with `./` or `../`");
        }
        return Ok(());
    }
    let begins_option = |part: Option<&str>| part.is_some_and(|part| part.starts_with('-'));
    if begins_option(parsed.host()) || begins_option(parsed.user()) || parsed.path.starts_with(b"-")
    {
        return refuse("a part of it would be an option");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_relative_urls_as_git_does() {
        for (base, declared, expected) in [
            ("https://h/a/b.git", "../lib.git", "https://h/a/lib.git"),
            ("https://h/a/b.git/", "./lib", "https://h/a/b.git/lib"),
            ("git@h:a/b.git", "../lib.git", "git@h:a/lib.git"),
            ("git@h:b.git", "../lib.git", "git@h:lib.git"),
            ("/srv/git/b", "../../x/lib/", "/srv/x/lib"),
            ("https://h/a", "https://other/x", "https://other/x"),
            ("https://h/a", "git@other:x", "git@other:x"),
            ("https://h/a", "/srv/git/x", "/srv/git/x"),
        ] {
            assert_eq!(resolve(declared, base).unwrap(), expected);
        }
    }

    #[test]
    fn refuses_urls_that_could_run_a_command() {
        for url in [
            "",
            "--upload-pack=touch x",
            "-u./payload",
            "ext::sh -c touch% x",
            "fd::17",
            "foo::https://h/x",
            "foo://h/x",
            "ssh://-oProxyCommand=touch x/y",
            "ssh://user@-oProxyCommand=x/y",
            "user@-oProxyCommand=x:y",
            "ssh://-oProxyCommand=x@h/y",
            "https://h/x\nhost=evil",
            "relative/path",
            "../../../../x",
        ] {
            assert!(resolve(url, "https://h").is_err(), "{url}");
        }
        assert!(resolve("../x", "ext::sh -c touch% y/z").is_err());
    }
}
