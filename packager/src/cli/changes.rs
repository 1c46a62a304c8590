//! Changes of paths and lists of names, in words.

use bulla_schemas::Name;
use bulla_schemas::api::{Change, ChangeKind, ChangeSide, SideKind};
use bulla_schemas::line;
use bulla_terminal::{bytes, escape};

/// Writes one change as a line.
pub(super) fn line(change: &Change) -> String {
    let path = escape(change.path.as_str());
    let sides = [&change.before, &change.after].map(|one| side(change, one.as_ref()));
    match sides.each_ref().map(String::as_str) {
        ["", ""] => format!("{} {path}", word(change.change)),
        ["", only] | [only, ""] => format!("{} {path} ({only})", word(change.change)),
        [before, after] => format!("{} {path} ({before} -> {after})", word(change.change)),
    }
}

pub(super) const fn word(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
        ChangeKind::Mode => "mode",
        ChangeKind::Link => "link",
        ChangeKind::Kind => "kind",
    }
}

/// Writes what is on one side of a change: a size, a target, and the bit if it is the news.
pub(super) fn side(change: &Change, side: Option<&ChangeSide>) -> String {
    let Some(side) = side else {
        return String::new();
    };
    let kinds = [&change.before, &change.after].map(|side| side.as_ref().map(|side| side.kind));
    let text = match side.kind {
        SideKind::Directory => "directory".to_owned(),
        SideKind::Link => format!("-> {}", escape(side.target.as_deref().unwrap_or(""))),
        SideKind::File | SideKind::Executable => bytes(side.size.unwrap_or(0)),
    };
    if side.kind == SideKind::Executable && kinds[0] != kinds[1] {
        format!("{text}, executable")
    } else {
        text
    }
}

/// Joins names.
pub(super) fn names(names: &[Name]) -> String {
    line::list(names)
}
