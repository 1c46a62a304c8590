//! What a doctor found, the same for every program.

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::{Finding, FindingKind};
use bulla_schemas::units::count;

use crate::{Failure, Table, stdout};

/// Prints what was found, step by step with what to do, and fails when something did.
pub fn print(findings: &[Finding], json: bool) -> Result<(), Failure> {
    if json {
        stdout::json(&findings)?;
    } else {
        let mut table = Table::new(&["RESULT", "STEP", "FOUND"]).wrap(&["FOUND"]);
        for finding in findings {
            table.row([
                finding.result.to_string(),
                finding.step.to_string(),
                finding.found.clone(),
            ]);
            if let Some(hint) = &finding.hint {
                table.row([String::new(), String::new(), format!("hint: {hint}")]);
            }
        }
        table.print()?;
    }
    let failed = findings
        .iter()
        .filter(|f| f.result == FindingKind::Failed)
        .count();
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(
            FailureKind::Failed,
            count(failed as u64, "thing failed", "things failed"),
        )),
    }
}
