//! The properties of a node that decide what is packed.

use crate::line_ends::LineEnds;
use crate::skel;

/// Of all properties of a node, those that matter for its release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// `svn:executable` is there, with whatever value.
    pub executable: bool,
    /// `svn:special` is there: a symbolic link.
    pub special: bool,
    /// What `svn:eol-style` asks for.
    pub line_ends: LineEnds,
    /// The value of `svn:externals`.
    pub externals: Option<String>,
}

impl Properties {
    /// Reads the column `properties`, a skel of names and values.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let atoms = skel::atoms(bytes)?;
        let (pairs, []) = atoms.as_chunks::<2>() else {
            return None;
        };
        let mut properties = Self::default();
        for [name, value] in pairs {
            match *name {
                b"svn:executable" => properties.executable = true,
                b"svn:special" => properties.special = true,
                b"svn:eol-style" => properties.line_ends = LineEnds::of_style(value),
                b"svn:externals" => {
                    properties.externals = Some(String::from_utf8_lossy(value).into_owned());
                }
                _ => {}
            }
        }
        Some(properties)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_matters_and_skips_the_rest() {
        let skel = b"(svn:mime-type 10 text/plain svn:executable 0  svn:eol-style native svn:externals 9 ^/a/x@1 f)";
        let properties = Properties::parse(skel).unwrap();
        assert!(properties.executable && !properties.special);
        assert_eq!(properties.line_ends, LineEnds::Lf);
        assert_eq!(properties.externals.as_deref(), Some("^/a/x@1 f"));
        assert_eq!(Properties::parse(b"()"), Some(Properties::default()));
        assert_eq!(Properties::parse(b"(svn:special)"), None);
    }
}
