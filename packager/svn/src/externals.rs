//! What `svn:externals` puts into a directory, read as `svn` reads it
//! (`svn_wc_parse_externals_description3` in `libsvn_wc/externals.c`).
//!
//! ```text
//! [-r REV] URL[@PEG] PATH      since Subversion 1.5
//! PATH [-r REV] URL            before; an `@` is part of the URL
//! ```

pub mod location;

/// A directory or file of another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Where it is put: the path from the top of what is packed.
    pub path: String,
    /// The directory that has the property, from the same top.
    pub directory: String,
    /// What the line says; the line itself when it cannot be understood.
    pub definition: Result<Definition, String>,
}

/// One line of the property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The URL, absolute or relative.
    pub url: String,
    /// Where the URL is looked up.
    pub peg: Moment,
    /// Which revision of that is meant.
    pub operative: Moment,
    /// The path from the directory that has the property.
    path: String,
}

/// A revision in a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A number, which always means the same.
    Number(u64),
    /// The youngest revision, or a date.
    Moving,
    /// Not said.
    Unsaid,
}

/// Reads the value of the property of `directory`, a path from the top. A line that cannot be
/// understood stands for the directory itself.
pub fn read(value: &str, directory: &str) -> Vec<External> {
    value
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let definition = Definition::parse(line).ok_or_else(|| line.to_owned());
            let path = definition.as_ref().map_or("", |found| found.path.as_str());
            External {
                path: format!("{directory}/{path}").trim_matches('/').to_owned(),
                directory: directory.to_owned(),
                definition,
            }
        })
        .collect()
}

/// Reads the property of a directory above `top`; both are paths from the same root. Returns where
/// externals are put into `top`.
pub fn from_above(value: &str, directory: &str, top: &str) -> Vec<String> {
    let externals = read(value, directory).into_iter();
    externals
        .filter(|external| external.definition.is_ok())
        .filter_map(|external| {
            let below = external.path.strip_prefix(top)?.strip_prefix('/')?;
            Some(below.to_owned())
        })
        .collect()
}

impl Definition {
    fn parse(line: &str) -> Option<Self> {
        let mut words = words(line)?;
        let mut operative = Moment::Unsaid;
        let option = words.iter().take(2).position(|word| word.starts_with("-r"));
        if let Some(position) = option {
            let word = words.remove(position);
            operative = match &word[2..] {
                "" if position < words.len() => Moment::of_option(&words.remove(position))?,
                text => Moment::of_option(text)?,
            };
        }
        let [first, second] = <[String; 2]>::try_from(words).ok()?;
        let is_new = match option {
            Some(position) => position == 0,
            None => is_absolute(&first) || !is_absolute(&second),
        };
        let (url, path) = if is_new {
            (first, second)
        } else {
            (second, first)
        };
        // Also `-r5 PATH URL`, which is neither of the two orders.
        if is_absolute(&path) {
            return None;
        }
        let (url, peg) = if is_new {
            split_peg(&url)?
        } else {
            (url, operative)
        };
        if operative == Moment::Unsaid {
            operative = peg;
        }
        Some(Self {
            url,
            peg,
            operative,
            path: canonical(&path)?,
        })
    }
}

impl Moment {
    /// Reads what stands behind `-r`: a number or a date.
    fn of_option(text: &str) -> Option<Self> {
        let number = text.trim_start_matches('r');
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return number.parse().ok().map(Self::Number);
        }
        (text.starts_with('{') && text.ends_with('}')).then_some(Self::Moving)
    }

    /// Reads what stands behind `@`: that, or the word for the youngest revision.
    fn of_peg(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("head") {
            return Some(Self::Moving);
        }
        Self::of_option(text)
    }
}

/// Splits `URL@PEG`; an `@` in front of a `/` belongs to a user or a directory.
fn split_peg(url: &str) -> Option<(String, Moment)> {
    match url.rsplit_once('@') {
        Some((url, "")) => Some((url.to_owned(), Moment::Unsaid)),
        Some((url, peg)) if !peg.contains('/') => Some((url.to_owned(), Moment::of_peg(peg)?)),
        _ => Some((url.to_owned(), Moment::Unsaid)),
    }
}

fn is_absolute(word: &str) -> bool {
    word.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && !scheme.contains('/'))
}

/// Cleans a path that must stay below its directory.
fn canonical(path: &str) -> Option<String> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let is_inside = !path.starts_with('/') && !parts.contains(&"..") && !parts.is_empty();
    is_inside.then(|| parts.join("/"))
}

/// Splits at spaces as APR does: a word in quotes begins with one, a backslash takes the next
/// character as it is.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let quote = matches!(first, '"' | '\'').then_some(first);
        let mut characters = rest.char_indices().skip(usize::from(quote.is_some()));
        let mut word = String::new();
        let end = loop {
            match characters.next() {
                Some((_, '\\')) => word.push(characters.next()?.1),
                Some((at, character)) if Some(character) == quote => break at + 1,
                Some((at, ' ' | '\t')) if quote.is_none() => break at,
                Some((_, character)) => word.push(character),
                None if quote.is_none() => break rest.len(),
                None => return None,
            }
        };
        words.push(word);
        rest = rest[end..].trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    #[test]
    fn reads_what_svn_reads() {
        use Moment::{Moving, Number, Unsaid};
        for (line, url, peg, operative, path) in [
            ("^/other ext", "^/other", Unsaid, Unsaid, "ext"),
            (
                "-r 12 ^/other@3 lib/ext",
                "^/other",
                Number(3),
                Number(12),
                "lib/ext",
            ),
            ("^/other@3 ext", "^/other", Number(3), Number(3), "ext"),
            ("^/a%40b@3 ext", "^/a%40b", Number(3), Number(3), "ext"),
            ("^/a@b@ ext", "^/a@b", Unsaid, Unsaid, "ext"),
            (
                "-r12 https://example.com/x ./ext/",
                "https://example.com/x",
                Unsaid,
                Number(12),
                "ext",
            ),
            (
                "svn+ssh://ada@example.com/x ext",
                "svn+ssh://ada@example.com/x",
                Unsaid,
                Unsaid,
                "ext",
            ),
            (
                "ext -r 5 https://example.com/x@3",
                "https://example.com/x@3",
                Number(5),
                Number(5),
                "ext",
            ),
            ("ext -r5 ../x", "../x", Number(5), Number(5), "ext"),
            (
                "ext https://example.com/x@3",
                "https://example.com/x@3",
                Unsaid,
                Unsaid,
                "ext",
            ),
            ("-r rr5 ^/x@HEAD ext", "^/x", Moving, Number(5), "ext"),
            (
                "-r {2026-01-01} //host/x 'my  ext'",
                "//host/x",
                Unsaid,
                Moving,
                "my  ext",
            ),
            (
                "\"^/a b@7\" \"b \\\" c\"",
                "^/a b",
                Number(7),
                Number(7),
                "b \" c",
            ),
            ("/c d\\ e", "/c", Unsaid, Unsaid, "d e"),
            ("-r5 -r6 ext", "-r6", Unsaid, Number(5), "ext"),
            ("^/it's@4 it's", "^/it's", Number(4), Number(4), "it's"),
        ] {
            let expected = Definition {
                url: url.to_owned(),
                peg,
                operative,
                path: path.to_owned(),
            };
            assert_eq!(Definition::parse(line), Some(expected), "{line}");
        }
    }

    /// Whether `svn propset` takes the line.
    fn svn_takes(directory: &Path, line: &str) -> bool {
        let mut propset = Command::new("svn");
        propset.args(["propset", "-q", "svn:externals", "--", line, "."]);
        let output = propset.current_dir(directory).output().unwrap();
        output.status.success()
    }

    #[test]
    fn takes_no_line_that_svn_refuses() {
        let home = tempfile::TempDir::new().unwrap();
        let repository = home.path().join("repository");
        let work = home.path().join("work");
        for (program, arguments) in [
            (
                "svnadmin",
                vec![OsStr::new("create"), repository.as_os_str()],
            ),
            (
                "svn",
                vec![
                    OsStr::new("checkout"),
                    OsStr::new(&format!("file://{}", repository.display())),
                    work.as_os_str(),
                ],
            ),
        ] {
            let output = Command::new(program).args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        for line in [
            "^/a b",
            "^/a@5 b",
            "^/a@r5 b",
            "^/a@HEAD b",
            "^/a@{2026-01-01} b",
            "-r r5 ^/a b",
            "b -r 5 ^/a",
            "b -r5 ^/a",
            "^/a b/./c/",
            "^/a b//c",
            "^/a b\\ c",
            "^/a\tb",
            "^/it's it's",
            "b https://c/d@3",
        ] {
            assert!(Definition::parse(line).is_some(), "{line}");
            assert!(svn_takes(&work, line), "{line}");
        }
        for line in [
            "nonsense",
            "^/a b c",
            "^/a@x b",
            "^/a@5:6 b",
            "-r x ^/a b",
            "-r -5 ^/a b",
            "-r5x ^/a b",
            "-r5:6 ^/a b",
            "-r HEAD ^/a b",
            "-rHEAD ^/a b",
            "^/a -r",
            "^/a b -r5",
            "^/a b -r 5",
            "-r5 b https://c/d",
            "https://a/b https://c/d",
            "^/a ../b",
            "^/a b/../c",
            "^/a b/..",
            "^/a /b",
            "^/a .",
            "^/a \"\"",
            "^/a 'b'\"c\"",
            "^/a \"b\"c",
        ] {
            assert_eq!(Definition::parse(line), None, "{line}");
            assert!(!svn_takes(&work, line), "{line}");
        }
        // What `svn` would guess, or that no revision can be found for, is not taken.
        for line in [
            "^/a 'open",
            "^/a b\\",
            "^/a@BASE b",
            "-r 99999999999999999999 ^/a b",
        ] {
            assert_eq!(Definition::parse(line), None, "{line}");
            assert!(svn_takes(&work, line), "{line}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_stands_for_its_directory() {
        let found = read("# comment\n\n^/a@1 b\nnonsense\n", "lib");
        let paths: Vec<&str> = found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths, ["lib/b", "lib"]);
        assert_eq!(found[1].definition, Err("nonsense".to_owned()));
    }
}
