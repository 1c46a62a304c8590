//! `export-subst`: `$Format:...$` in a file, filled in from the commit.
//!
//! Only what is a function of the commit object is known here. What `git archive` would take from
//! elsewhere (abbreviations, names of branches and tags, notes, `.mailmap`, signatures, the
//! clock) would differ from one clone or day to the next, and is refused by name.

use gix::bstr::ByteSlice as _;
use gix::date::time::format;
use gix::objs::CommitRef;

/// Most bytes of a file that is searched.
pub(super) const MAX_LEN: u64 = 16 * 1024 * 1024;

/// A placeholder that is no function of the commit, or none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownPlaceholder(pub(super) String);

/// Fills in every `$Format:...$` of `content`. None when there is none.
pub(super) fn expand(
    content: &[u8],
    id: gix::ObjectId,
    commit: &CommitRef<'_>,
) -> Result<Option<Vec<u8>>, UnknownPlaceholder> {
    const BEGIN: &[u8] = b"$Format:";
    let mut rest = content;
    let mut expanded = Vec::new();
    while let Some(begin) = rest.find(BEGIN) {
        let after = &rest[begin + BEGIN.len()..];
        let Some(end) = after.find_byte(b'$') else {
            break;
        };
        expanded.extend_from_slice(&rest[..begin]);
        fill(&after[..end], id, commit, &mut expanded)?;
        rest = &after[end + 1..];
    }
    if rest.len() == content.len() {
        return Ok(None);
    }
    expanded.extend_from_slice(rest);
    Ok(Some(expanded))
}

/// Writes `text` with its placeholders filled in.
fn fill(
    mut text: &[u8],
    id: gix::ObjectId,
    commit: &CommitRef<'_>,
    expanded: &mut Vec<u8>,
) -> Result<(), UnknownPlaceholder> {
    while let Some(percent) = text.find_byte(b'%') {
        expanded.extend_from_slice(&text[..percent]);
        text = &text[percent..];
        let (length, value) = placeholder(text, id, commit).ok_or_else(|| name(text))?;
        expanded.extend_from_slice(&value);
        text = &text[length..];
    }
    expanded.extend_from_slice(text);
    Ok(())
}

/// Returns the length of the placeholder that `text` begins with, and its value.
fn placeholder(text: &[u8], id: gix::ObjectId, commit: &CommitRef<'_>) -> Option<(usize, Vec<u8>)> {
    let value = match text.get(1)? {
        b'%' => b"%".to_vec(),
        b'n' => b"\n".to_vec(),
        b'x' => {
            let digits = std::str::from_utf8(text.get(2..4)?).ok()?;
            let byte = u8::from_str_radix(digits, 16).ok()?;
            return Some((4, vec![byte]));
        }
        b'H' => id.to_string().into_bytes(),
        b'T' => commit.tree().to_string().into_bytes(),
        b'P' => {
            let parents: Vec<String> = commit.parents().map(|id| id.to_string()).collect();
            parents.join(" ").into_bytes()
        }
        b'e' => commit
            .encoding
            .map(|name| name.to_vec())
            .unwrap_or_default(),
        b's' => subject(in_utf8(commit)?),
        b'f' => sanitized(in_utf8(commit)?),
        b'b' => body(in_utf8(commit)?).to_vec(),
        b'B' => in_utf8(commit)?.to_vec(),
        who @ (b'a' | b'c') => {
            let person = match who {
                b'a' => commit.author(),
                _ => commit.committer(),
            };
            return Some((3, of_person(*text.get(2)?, person.ok()?, commit)?));
        }
        _ => return None,
    };
    Some((2, value))
}

/// Returns name, address or date of a person.
fn of_person(
    what: u8,
    person: gix::actor::SignatureRef<'_>,
    commit: &CommitRef<'_>,
) -> Option<Vec<u8>> {
    let time = |layout: gix::date::time::Format| person.time().ok()?.format(layout).ok();
    Some(match what {
        b'n' => is_utf8(commit).then(|| person.name.to_vec())?,
        b'e' => is_utf8(commit).then(|| person.email.to_vec())?,
        b'l' => {
            let email = is_utf8(commit).then_some(person.email)?;
            let end = email.find_byte(b'@').unwrap_or(email.len());
            email[..end].to_vec()
        }
        b'd' => time(format::DEFAULT.into())?.into_bytes(),
        b'D' => time(format::GIT_RFC2822.into())?.into_bytes(),
        b'i' => time(format::ISO8601.into())?.into_bytes(),
        b's' => time(format::SHORT.into())?.into_bytes(),
        b't' => time(format::UNIX)?.into_bytes(),
        b'I' => {
            let written = time(format::ISO8601_STRICT.into())?;
            match written.strip_suffix("+00:00") {
                Some(utc) => format!("{utc}Z").into_bytes(),
                None => written.into_bytes(),
            }
        }
        _ => return None,
    })
}

/// Tells whether the commit's text needs no conversion, which `git archive` would do.
fn is_utf8(commit: &CommitRef<'_>) -> bool {
    commit.encoding.is_none_or(|name| {
        name.eq_ignore_ascii_case(b"utf-8") || name.eq_ignore_ascii_case(b"utf8")
    })
}

fn in_utf8<'a>(commit: &CommitRef<'a>) -> Option<&'a [u8]> {
    is_utf8(commit).then_some(commit.message.as_bytes())
}

/// Returns the message without blank lines at its beginning.
fn skip_blank_lines(mut message: &[u8]) -> &[u8] {
    while let Some(end) = message.find_byte(b'\n') {
        if !message[..end].trim_end().is_empty() {
            break;
        }
        message = &message[end + 1..];
    }
    message
}

/// Cuts the first paragraph off: its lines, without what is blank at their ends, and the rest.
fn first_paragraph(message: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut rest = skip_blank_lines(message);
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let end = rest.find_byte(b'\n').map_or(rest.len(), |end| end + 1);
        let line = rest[..end].trim_end();
        rest = &rest[end..];
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    (lines, rest)
}

fn subject(message: &[u8]) -> Vec<u8> {
    first_paragraph(message).0.join(&b' ')
}

fn body(message: &[u8]) -> &[u8] {
    skip_blank_lines(first_paragraph(message).1)
}

/// Writes the first line as a file name, as `git format-patch` does.
fn sanitized(message: &[u8]) -> Vec<u8> {
    let line = skip_blank_lines(message).lines().next().unwrap_or_default();
    let mut name = Vec::new();
    let mut gap = false;
    for &byte in line {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') {
            if gap && !name.is_empty() {
                name.push(b'-');
            }
            gap = false;
            if byte != b'.' || name.last() != Some(&b'.') {
                name.push(byte);
            }
        } else {
            gap = true;
        }
    }
    name.trim_end_with(|character| matches!(character, '.' | '-'))
        .to_vec()
}

/// Names what `text` begins with, for a message.
fn name(text: &[u8]) -> UnknownPlaceholder {
    let length = match text.get(1) {
        Some(b'(') => text.find_byte(b')').map_or(text.len(), |end| end + 1),
        Some(b'a' | b'c' | b'g' | b'G' | b'C') => 3,
        Some(b'x') => 4,
        _ => 2,
    };
    let shown = &text[..length.min(text.len()).min(40)];
    UnknownPlaceholder(shown.to_str_lossy().into_owned())
}
