//! A patch in git's format: what `git apply` and `patch -p1` take to turn one release's tree into
//! the other's.
//!
//! ```text
//! diff --git a/bin/app b/bin/app
//! old mode 100644
//! new mode 100755
//! index <blob id>..<blob id>
//! --- a/bin/app
//! +++ b/bin/app
//! @@ -1,3 +1,4 @@
//! ```
//!
//! Links are files of mode 120000 that hold their target. Files with a NUL in their beginning,
//! and files larger than [`LIMIT`], are only named (`Binary files ... differ`), as git does. Git
//! knows no directories, so empty ones are not in a patch.

mod hunks;
mod name;
mod steps;

use std::collections::BTreeSet;
use std::io::{self, Write};

use bulla_bundle::VerifiedBundle;
use bulla_schemas::EntryPath;
use bulla_schemas::api::Change;
use bulla_schemas::index::EntryKind;
use bulla_schemas::outcome::{FailureKind, Outcome};

pub use self::hunks::Reader;
use self::name::quote;
use self::steps::Step;
use crate::contents::{ContentsError, Files};

/// Most bytes of a file that is compared line by line.
pub const LIMIT: u64 = 8 * 1024 * 1024;
/// How many bytes git looks at to tell text from binary.
const SNIFFED: usize = 8000;

/// What a patch cannot say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Omitted {
    /// Binary files: only named.
    pub binary: Vec<EntryPath>,
    /// Files of more than [`LIMIT`] bytes: only named.
    pub large: Vec<EntryPath>,
    /// Empty directories that come or go.
    pub directories: Vec<EntryPath>,
}

/// Why a patch cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// A file's bytes cannot be had.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// The output is lost.
    #[error("cannot write the patch")]
    Write(#[from] io::Error),
}

impl Outcome for PatchError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Contents(error) => error.kind(),
            Self::Write(_) => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Contents(error) => error.hint(),
            Self::Write(_) => None,
        }
    }
}

/// One release of the two.
pub struct Side<'a> {
    /// The release.
    pub bundle: &'a VerifiedBundle,
    /// Its files; those that [`needed`] names are there.
    pub files: Files<'a>,
}

/// Returns the positions of the entries whose bytes a patch of `changes` needs, of the older and
/// of the newer release.
pub fn needed(
    changes: &[Change],
    from: &VerifiedBundle,
    to: &VerifiedBundle,
) -> [BTreeSet<usize>; 2] {
    let mut needed = [BTreeSet::new(), BTreeSet::new()];
    for step in steps::of(changes) {
        let sides = step.sides(from, to);
        if step.same_content || sides.iter().flatten().any(is_large) {
            continue;
        }
        for (side, needed) in sides.iter().zip(&mut needed) {
            needed.extend(side.as_ref().map(|(position, _)| *position));
        }
    }
    needed
}

/// Writes a patch of `changes`.
pub fn write(
    output: &mut dyn Write,
    changes: &[Change],
    [from, to]: &mut [Side<'_>; 2],
    reader: Reader,
) -> Result<Omitted, PatchError> {
    let mut omitted = Omitted {
        directories: steps::empty_directories(changes, from.bundle, to.bundle),
        ..Omitted::default()
    };
    for step in steps::of(changes) {
        let [before, after] = step.sides(from.bundle, to.bundle);
        let is_large = before.iter().chain(&after).any(is_large);
        let version = |side: &mut Side<'_>, found: Option<(usize, &EntryKind)>| {
            found
                .map(|(position, kind)| {
                    Version::read(side, position, kind, is_large || step.same_content)
                })
                .transpose()
        };
        let versions = [version(from, before)?, version(to, after)?];
        let is_binary = versions.iter().flatten().any(Version::is_binary);
        if is_large && !step.same_content {
            omitted.large.push(step.path.clone());
        } else if is_binary {
            omitted.binary.push(step.path.clone());
        }
        write_file(output, &step, &versions, is_large || is_binary, reader)?;
    }
    Ok(omitted)
}

fn is_large((_, kind): &(usize, &EntryKind)) -> bool {
    matches!(kind, EntryKind::File { size, .. } if *size > LIMIT)
}

/// What one release has at a path, as git sees it.
struct Version {
    mode: &'static str,
    /// Absent where it is not needed, or too large.
    content: Option<Vec<u8>>,
}

impl Version {
    fn read(
        side: &mut Side<'_>,
        position: usize,
        kind: &EntryKind,
        unread: bool,
    ) -> Result<Self, ContentsError> {
        let (mode, content) = match kind {
            EntryKind::Link { target } => ("120000", Some(target.as_str().as_bytes().to_vec())),
            // Steps have no directories.
            EntryKind::File { .. } | EntryKind::Directory if unread => (mode(kind), None),
            EntryKind::File { .. } | EntryKind::Directory => {
                (mode(kind), Some(side.files.read(position)?))
            }
        };
        Ok(Self { mode, content })
    }

    fn is_binary(&self) -> bool {
        let content = self.content.as_deref().unwrap_or_default();
        content[..content.len().min(SNIFFED)].contains(&0)
    }

    /// Returns the id that git gives the content.
    fn id(&self) -> Option<String> {
        let content = self.content.as_deref()?;
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, content);
        Some(id.ok()?.to_string())
    }
}

const fn mode(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File {
            executable: true, ..
        } => "100755",
        _ => "100644",
    }
}

fn write_file(
    output: &mut dyn Write,
    step: &Step<'_>,
    versions: &[Option<Version>; 2],
    only_named: bool,
    reader: Reader,
) -> io::Result<()> {
    let [before, after] = versions;
    let path = step.path.as_str();
    let names = [quote("a/", path), quote("b/", path)];
    writeln!(output, "diff --git {} {}", names[0], names[1])?;
    let mut same_mode = "";
    match (before, after) {
        (None, Some(after)) => writeln!(output, "new file mode {}", after.mode)?,
        (Some(before), None) => writeln!(output, "deleted file mode {}", before.mode)?,
        (Some(before), Some(after)) if before.mode != after.mode => {
            writeln!(output, "old mode {}\nnew mode {}", before.mode, after.mode)?;
        }
        (Some(before), _) => same_mode = before.mode,
        (None, None) => {}
    }
    if step.same_content {
        return Ok(());
    }
    write_ids(output, versions, same_mode)?;
    let nothing = "/dev/null".to_owned();
    let [old, new] = names;
    let old = if before.is_some() {
        old
    } else {
        nothing.clone()
    };
    let new = if after.is_some() { new } else { nothing };
    if only_named {
        return writeln!(output, "Binary files {old} and {new} differ");
    }
    let [old_content, new_content] = versions.each_ref().map(|version| {
        let content = version
            .as_ref()
            .and_then(|version| version.content.as_deref());
        content.unwrap_or_default()
    });
    if old_content == new_content {
        return Ok(()); // An empty file that comes or goes.
    }
    // A name with a space ends with a tab, so that nothing behind it is taken for a time.
    let tab = if path.contains(' ') { "\t" } else { "" };
    let tab_of = |name: &str| if name == "/dev/null" { "" } else { tab };
    writeln!(
        output,
        "--- {old}{}\n+++ {new}{}",
        tab_of(&old),
        tab_of(&new)
    )?;
    hunks::write(output, old_content, new_content, reader)
}

/// The line `index`: ids of git's, by which `git apply --3way` finds what it needs.
fn write_ids(
    output: &mut dyn Write,
    [before, after]: &[Option<Version>; 2],
    same_mode: &str,
) -> io::Result<()> {
    let id = |version: &Option<Version>| match version {
        None => Some("0".repeat(40)),
        Some(version) => version.id(),
    };
    let (Some(before), Some(after)) = (id(before), id(after)) else {
        return Ok(());
    };
    let space = if same_mode.is_empty() { "" } else { " " };
    writeln!(output, "index {before}..{after}{space}{same_mode}")
}
