//! An audited entry as a row of a table for spreadsheets (RFC 4180): a line for each entry, several
//! values of a cell with a space between them.

use bulla_schemas::escape::escape;
use bulla_schemas::report::{AuditEntry, SignatureStanding};
use bulla_schemas::statement::Severity;

/// The names of the columns.
pub const HEADER: &str = "entry,kind,project,channel,action,version,releases,signers,keys,signatures,\
                          effective,because,reason,issuedAt,heads,revoked";

/// Writes a row, without its end of line.
pub fn row(entry: &AuditEntry) -> String {
    let text = |value: Option<String>| value.unwrap_or_default();
    let releases = &entry.releases;
    let signers = &entry.signers;
    let name = |signer: &bulla_schemas::report::EntrySigner| {
        signer
            .name
            .as_ref()
            .map_or("?", |name| name.as_str())
            .to_owned()
    };
    let revoked = releases.iter().filter_map(|one| one.revoked);
    let cells = [
        entry.entry.to_string(),
        entry.kind.to_string(),
        text(entry.project.as_ref().map(ToString::to_string)),
        text(entry.channel.as_ref().map(ToString::to_string)),
        text(entry.action.map(|action| action.to_string())),
        text(entry.version.map(|version| version.to_string())),
        joined(releases.iter().map(|one| one.hash)),
        joined(signers.iter().map(name)),
        joined(signers.iter().map(|one| &one.key)),
        joined(signers.iter().map(|one| match one.signature {
            SignatureStanding::Right => "right",
            SignatureStanding::Wrong => "wrong",
            SignatureStanding::UnknownKey => "unknownKey",
        })),
        entry.effective.to_string(),
        text(entry.because.clone()),
        text(entry.reason.clone()),
        text(entry.issued_at.map(|time| time.to_string())),
        joined(releases.iter().flat_map(|one| &one.heads)),
        joined(revoked.map(|severity| match severity {
            Severity::Block => "block",
            Severity::Warn => "warn",
        })),
    ];
    cells.map(|cell| quoted(&cell)).join(",")
}

fn joined(values: impl Iterator<Item = impl ToString>) -> String {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    values.join(" ")
}

/// Quotes a cell. What people wrote may begin as a formula does, which a spreadsheet would run: an
/// apostrophe before it makes it a text there.
fn quoted(cell: &str) -> String {
    let cell = escape(cell);
    let formula = cell.starts_with(['=', '+', '-', '@']);
    let text = format!("{}{cell}", if formula { "'" } else { "" });
    if text.contains([',', '"', '\'']) || text.starts_with(' ') || text.ends_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays_one_cell_and_is_no_formula() {
        assert_eq!(quoted("a fix"), "a fix");
        assert_eq!(quoted("one, \"two\""), "\"one, \"\"two\"\"\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
        assert_eq!(quoted("-1"), "\"'-1\"");
        assert!(!quoted("two\nlines\r\u{1b}[31m").contains(['\n', '\r', '\u{1b}']));
    }
}
