//! Skels, the S-expressions in which `wc.db` keeps properties (`subversion/libsvn_subr/skel.c`).
//!
//! ```text
//! (svn:executable 1 * svn:externals 13 ^/a/x@1 f x\n)
//! ```
//!
//! An atom is bare when it begins with a letter and has no space or parenthesis; any other is its
//! length in decimal, one space and its bytes.

/// Reads a list of atoms: the whole of `bytes`, with no list inside.
pub(crate) fn atoms(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = skip_space(bytes).strip_prefix(b"(")?;
    let mut atoms = Vec::new();
    loop {
        rest = skip_space(rest);
        let first = *rest.first()?;
        if first == b')' {
            return skip_space(&rest[1..]).is_empty().then_some(atoms);
        }
        let atom = if first.is_ascii_digit() {
            let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
            let length: usize = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
            if !is_space(rest[digits]) {
                return None;
            }
            rest = &rest[digits + 1..];
            rest.get(..length)?
        } else if first.is_ascii_alphabetic() {
            let end = rest
                .iter()
                .position(|byte| is_space(*byte) || b"()".contains(byte))?;
            &rest[..end]
        } else {
            return None;
        };
        rest = &rest[atom.len()..];
        atoms.push(atom);
    }
}

fn skip_space(bytes: &[u8]) -> &[u8] {
    let space = bytes.iter().take_while(|byte| is_space(**byte)).count();
    &bytes[space..]
}

fn is_space(byte: u8) -> bool {
    b" \t\n\x0c\r".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bare_atoms_and_counted_ones() {
        for (skel, expected) in [
            ("()", vec![]),
            ("(svn:special 1 *)", vec!["svn:special", "*"]),
            (
                "(a native b 3 (\n) c 0 )",
                vec!["a", "native", "b", "(\n)", "c", ""],
            ),
        ] {
            let expected: Vec<&[u8]> = expected.into_iter().map(str::as_bytes).collect();
            assert_eq!(atoms(skel.as_bytes()), Some(expected), "{skel:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_list_of_atoms() {
        for wrong in [
            "",
            "a",
            "(",
            "(a",
            "(a ",
            "((a))",
            "(5 abc)",
            "(99999999999999999999 a)",
            "(3abc)",
            "(a) b",
            "(*)",
        ] {
            assert_eq!(atoms(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
