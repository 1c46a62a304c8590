//! Addresses of repositories as everyone may see them. A release statement is permanent and
//! public, so no user, password or query is part of it, in whatever form git or Subversion takes
//! an address:
//!
//! ```text
//! https://user:password@host/path?query     URL
//! user@host:path                            as `scp` has it
//! hg::https://user:password@host/path       for a program, `git-remote-hg`
//! /srv/git/path                             a place on this machine
//! ```

use std::path::Path;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What cannot stand in a URL as it is.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The forms of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form<'a> {
    /// `SCHEME://REST`
    Url { scheme: &'a str, rest: &'a str },
    /// `NAME::ADDRESS`, which `git-remote-NAME` understands.
    Helper { name: &'a str, address: &'a str },
    /// `[USER@]HOST:PATH`
    Scp {
        user: &'a str,
        host: &'a str,
        path: &'a str,
    },
    /// A path on this machine.
    Path,
}

/// What nobody calls a host, so that one slash too few is a slip.
const SCHEMES: &[&str] = &[
    "http", "https", "ssh", "git", "svn", "svn+ssh", "ftp", "ftps",
];

/// Helpers that run what they are given as a command, or are told a descriptor.
const COMMANDS: &[&str] = &["ext", "fd"];

impl<'a> Form<'a> {
    /// Tells the forms apart as git does (`url_is_local_not_ssh` and `transport_get`).
    fn of(address: &'a str) -> Self {
        let end = address
            .find(|character: char| {
                !character.is_ascii_alphanumeric() && !"+-.".contains(character)
            })
            .unwrap_or(address.len());
        let (word, rest) = address.split_at(end);
        if !word.is_empty() {
            if let Some(address) = rest.strip_prefix("::") {
                return Self::Helper {
                    name: word,
                    address,
                };
            }
            if let Some(rest) = rest.strip_prefix("://") {
                return Self::Url { scheme: word, rest };
            }
            if SCHEMES.contains(&word.to_ascii_lowercase().as_str())
                && let Some(rest) = rest.strip_prefix(':')
                && (rest.contains('@') || rest.starts_with(['/', '\\']))
            {
                let rest = rest.trim_start_matches(['/', '\\']);
                return Self::Url { scheme: word, rest };
            }
        }
        Self::scp(address).unwrap_or(Self::Path)
    }

    fn scp(address: &'a str) -> Option<Self> {
        let colon = address.find(':')?;
        let is_drive = cfg!(windows) && colon == 1;
        if is_drive || address.find('/').is_some_and(|slash| slash < colon) {
            return None;
        }
        // `[user@host:port]:path`
        if let Some(end) = end_of_brackets(address)
            && let Some(at) = address[..end].rfind('@')
            && let Some(path) = address[end + 1..].strip_prefix(':')
        {
            let (user, host) = (&address[..=at], &address[at + 1..end]);
            return (!host.is_empty()).then_some(Self::Scp { user, host, path });
        }
        // A password may have any character: the last `@` with a host behind it counts.
        let user_end = address
            .rfind(':')
            .and_then(|last| address[..last].rfind('@'))
            .map_or(0, |at| at + 1);
        if user_end == 0
            && let Some(at) = address.rfind('@')
            && is_secret(&address[colon + 1..at])
        {
            let (user, place) = address.split_at(at + 1);
            let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
            return Some(Self::Scp { user, host, path });
        }
        let (user, place) = address.split_at(user_end);
        let (host, path) = match place.strip_prefix('[') {
            // `[::1]:path`, and `[host:port]:path`.
            Some(rest) => rest.split_once("]:")?,
            None => place.split_once(':')?,
        };
        (!host.is_empty()).then_some(Self::Scp { user, host, path })
    }
}

/// Returns where the bracket ends with which an address begins.
fn end_of_brackets(address: &str) -> Option<usize> {
    let mut depth = 0_u32;
    let ends = |(at, character)| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    };
    address.char_indices().find_map(ends).filter(|end| *end > 0)
}

/// Tells whether what stands between the first `:` and the last `@` reads like a password, as in
/// `user:password@host/path` without a scheme, and not like a path with an `@` in it.
fn is_secret(text: &str) -> bool {
    !text.contains('/') || text.contains(':')
}

/// Writes `address` as a URL without user, password, query and fragment. None for a path, which is
/// of this machine.
pub(in crate::source) fn public(address: &str) -> Option<String> {
    match Form::of(address.trim()) {
        Form::Url { scheme, rest } => Some(public_url(scheme, rest)),
        Form::Scp { host, path, .. } => {
            let host = if host.matches(':').count() > 1 && !host.starts_with('[') {
                format!("[{host}]")
            } else {
                host.to_owned()
            };
            // Relative to the user's home there, which a URL cannot say.
            let path = path.trim_start_matches('/');
            Some(public_url("ssh", &format!("{host}/{path}")))
        }
        Form::Helper { name, address } => Some(format!("{name}::{}", public_to(name, address))),
        Form::Path => None,
    }
}

/// Returns what is public of an address for a program. Only the program knows what a text means
/// that has not the form of an address, and what of it is secret.
fn public_to(name: &str, address: &str) -> String {
    match Form::of(address) {
        _ if is_command(name, address) => String::new(),
        Form::Path if address.starts_with(['/', '.', '~']) => encode(before_query(address)),
        Form::Path => String::new(),
        _ => public(address).unwrap_or_default(),
    }
}

/// Tells whether a program runs what it is given, or is given more than an address.
fn is_command(name: &str, address: &str) -> bool {
    COMMANDS.contains(&name)
        || (address.contains(char::is_whitespace) && !matches!(Form::of(address), Form::Url { .. }))
}

/// Cuts user and password out of `address`, which otherwise stays as it is: for messages.
pub(in crate::source) fn without_secrets(address: &str) -> String {
    match Form::of(address) {
        Form::Url { scheme, rest } => {
            let (secret, place) = split_user(rest);
            if secret.is_empty() {
                return address.to_owned();
            }
            format!("{scheme}://{place}")
        }
        Form::Helper { name, address } if is_command(name, address) => format!("{name}::"),
        Form::Helper { name, address } => format!("{name}::{}", without_secrets(address)),
        Form::Scp { user, .. } if user.contains(':') => address[user.len()..].to_owned(),
        Form::Scp { .. } | Form::Path => address.to_owned(),
    }
}

/// Tells whether `address` has a password in it.
pub(in crate::source) fn has_password(address: &str) -> bool {
    match Form::of(address) {
        Form::Url { rest, .. } => {
            let (user, _) = split_user(rest);
            user.split_once(':')
                .is_some_and(|(_, password)| password != "@")
        }
        Form::Helper { address, .. } => has_password(address),
        Form::Scp { user, .. } => user.contains(':'),
        Form::Path => false,
    }
}

/// Returns `file://` and the path, absolute and without links where it is there.
pub(in crate::source) fn of_path(path: &Path) -> Option<String> {
    let path = path.canonicalize().unwrap_or_else(|_| {
        // It is on no disk, so it may be an address with a slip in it.
        let text = path.to_string_lossy();
        match text.rfind('@') {
            Some(at) if text[..at].contains(':') => Path::new("/").join(&text[at + 1..]),
            _ => path.to_owned(),
        }
    });
    url::Url::from_file_path(path).ok().map(String::from)
}

fn public_url(scheme: &str, rest: &str) -> String {
    let (_, place) = split_user(rest);
    let place = before_query(place);
    let text = format!("{scheme}://{place}");
    // It knows how a host of any script is written; others than these have rules of their own.
    match scheme {
        "http" | "https" => url::Url::parse(&text).map_or_else(|_| encode(&text), String::from),
        _ => {
            let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
            let (host, port) = split_port(authority);
            let host = match url::Host::parse(host) {
                // Lower case and Punycode; an address stays as it is.
                Ok(url::Host::Domain(domain)) => domain,
                _ => host.to_owned(),
            };
            encode(&format!("{scheme}://{host}{port}{path}"))
        }
    }
}

/// Splits the user, with the `@` behind it, from the rest of an address. Where what looks like the
/// host cannot be one, a password has a `/`, and the last `@` of all counts.
fn split_user(rest: &str) -> (&str, &str) {
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if let Some(at) = rest[..authority].rfind('@') {
        return rest.split_at(at + 1);
    }
    if let Some(at) = rest[..authority].rfind("%40") {
        return rest.split_at(at + "%40".len());
    }
    let (_, port) = split_port(&rest[..authority]);
    let is_port = port.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    match rest.rfind('@') {
        Some(at) if !is_port => rest.split_at(at + 1),
        _ => ("", rest),
    }
}

/// Splits `:PORT` from the host.
fn split_port(authority: &str) -> (&str, &str) {
    let start = authority.rfind(']').unwrap_or(0);
    let end = authority[start..].find(':').map(|colon| start + colon);
    authority.split_at(end.unwrap_or(authority.len()))
}

fn before_query(address: &str) -> &str {
    let ends = [
        address.find(['?', '#']),
        address.find("%3F"),
        address.find("%3f"),
    ];
    &address[..ends.into_iter().flatten().min().unwrap_or(address.len())]
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_public() {
        for (address, expected) in [
            ("https://u:PW@h.example/x.git", "https://h.example/x.git"),
            (
                "https://PW@h.example:8443/b?key=PW#PW",
                "https://h.example:8443/b",
            ),
            (
                "https://h.example/@scope/x@1",
                "https://h.example/@scope/x@1",
            ),
            ("https://u:P/W@h.example/x", "https://h.example/x"),
            ("https://u:P@W@h.example/x", "https://h.example/x"),
            (
                "https://ü.example/ä b",
                "https://xn--tda.example/%C3%A4%20b",
            ),
            ("https://[::1]:8443/x", "https://[::1]:8443/x"),
            ("ssh://git:PW@h.example:2222/x", "ssh://h.example:2222/x"),
            ("ssh://git@[::1]:22/~ada/x", "ssh://[::1]:22/~ada/x"),
            ("ssh://Ü.example/x", "ssh://xn--tda.example/x"),
            ("git@h.example:acme/x.git", "ssh://h.example/acme/x.git"),
            ("git@h.example:x@v1", "ssh://h.example/x@v1"),
            ("u:PW@h.example:x.git", "ssh://h.example/x.git"),
            ("u:P@W@h.example:x.git", "ssh://h.example/x.git"),
            ("u:P/W@h.example:x.git", "ssh://h.example/x.git"),
            ("git@[::1]:x/y.git", "ssh://[::1]/x/y.git"),
            (
                "[git@host.example:2222]:x.git",
                "ssh://host.example:2222/x.git",
            ),
            ("[git@::1]:x.git", "ssh://[::1]/x.git"),
            ("[git:SECRET@[::1]:22]:x.git", "ssh://[::1]:22/x.git"),
            ("git@[h.example:22]:x", "ssh://h.example:22/x"),
            ("h.example:/srv/x", "ssh://h.example/srv/x"),
            ("h.example:~ada/x", "ssh://h.example/~ada/x"),
            ("hg::https://u:PW@h.example/x?PW", "hg::https://h.example/x"),
            ("hg::u:PW@h.example:x", "hg::ssh://h.example/x"),
            ("codecommit::eu-west-1://PW@x", "codecommit::eu-west-1://x"),
            (
                "a::b::https://u:PW@h.example/x",
                "a::b::https://h.example/x",
            ),
            ("ext::ssh -i PW u@h.example %S x", "ext::"),
            ("ext::curl --user u:PW https://h.example/x", "ext::"),
            ("ext::connect --pass=PW h.example:9418", "ext::"),
            ("ext::PW", "ext::"),
            ("fd::17/PW", "fd::"),
            ("hg::curl u:PW@h.example/x", "hg::"),
            ("codecommit::PW@x", "codecommit::"),
            ("hg::https:u:PW@h.example", "hg::https://h.example/"),
            // A scheme, a slash or a name of a program that is written wrong.
            ("u:PW@h.example/x.git", "ssh://h.example/x.git"),
            ("https:/u:PW@h.example/x", "https://h.example/x"),
            (" https://u:PW@h.example/x", "https://h.example/x"),
            ("ssh:u:PW@h.example/x", "ssh://h.example/x"),
            ("https:\\\\u:PW@h.example\\x", "https://h.example/x"),
            ("git_x::https://u:PW@h.example/x", "ssh://h.example/x"),
            ("https://u%3APW%40h.example/x", "https://h.example/x"),
            ("https://h.example/x%3Ftoken=PW", "https://h.example/x"),
            ("h.example:/srv/x@v1", "ssh://h.example/srv/x@v1"),
            ("git:acme/x", "ssh://git/acme/x"),
            ("hg::/srv/x", "hg::/srv/x"),
            (
                "svn+ssh://ada:PW@h.example/srv/x",
                "svn+ssh://h.example/srv/x",
            ),
            ("foo://u:PW@h.example/x?PW", "foo://h.example/x"),
            ("file:///srv/a b", "file:///srv/a%20b"),
        ] {
            assert_eq!(public(address).as_deref(), Some(expected), "{address}");
            assert!(!without_secrets(address).contains("u:P"), "{address}");
        }
        for path in ["/srv/git/x", "../x", "./a:b", "a/b:c", "x", ""] {
            assert_eq!(public(path), None, "{path}");
        }
        let slip = of_path(Path::new("//u:PW@h.example/x"));
        assert_eq!(slip.as_deref(), Some("file:///h.example/x"));
    }

    #[test]
    fn messages_show_an_address_as_it_was_written_but_for_the_secret() {
        for (address, expected) in [
            ("https://u:PW@h/x?q", "https://h/x?q"),
            ("git@h:x", "git@h:x"),
            ("u:PW@h:x", "h:x"),
            ("hg::https://PW@h/x", "hg::https://h/x"),
            ("https://ü.example/x", "https://ü.example/x"),
            ("../x", "../x"),
        ] {
            assert_eq!(without_secrets(address), expected);
        }
    }

    #[test]
    fn a_password_is_noticed() {
        for (address, expected) in [
            ("svn://ada:x@host/a%20b", true),
            ("svn://ada:x@hö st/a", true),
            ("svn+ssh://ada:@host/r", false),
            ("https://ada@host/r", false),
            ("https://host/r:x@y", false),
            ("file:///r", false),
            ("nonsense", false),
        ] {
            assert_eq!(has_password(address), expected, "{address}");
        }
    }
}
