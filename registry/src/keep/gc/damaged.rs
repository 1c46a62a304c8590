//! What lies in `damaged/`: what has been right again for the grace period, by a push or a repair, goes,
//! and what no project has any more. All else stays for people to look at.

use std::time::{Duration, SystemTime};

use bulla_schemas::report::GcReport;

use super::project::COMMAND;
use crate::blocking::blocking;
use crate::error::RegistryError;
use crate::keep::parts::Parts;
use crate::oci::digest::OciDigest;

/// Removes that, or only says how much it is.
pub(super) async fn sweep(
    parts: &Parts,
    before: i64,
    report: &mut GcReport,
) -> Result<(), RegistryError> {
    let blobs = parts.blobs.clone();
    let damaged: Vec<OciDigest> = blocking(move || blobs.damaged())
        .await?
        .into_iter()
        .collect();
    let named = parts.database.named(&damaged).await?;
    let before = SystemTime::UNIX_EPOCH + Duration::from_secs(before.max(0).unsigned_abs());
    for digest in damaged {
        let is_named = named.contains(&digest);
        let (blobs, lock, is_dry) = (parts.blobs.clone(), parts.content.clone(), report.dry_run);
        let size = blocking(move || {
            if is_named
                && blobs
                    .right_since(&digest)?
                    .is_none_or(|since| since >= before)
            {
                return Ok(None);
            }
            let size = blobs.damaged_size(&digest)?;
            if !is_dry {
                let _alone = lock.alone(COMMAND)?;
                blobs.remove_damaged(&digest)?;
            }
            Ok::<_, RegistryError>(Some(size))
        });
        if let Some(size) = size.await? {
            report.damaged += 1;
            report.freed += size;
        }
    }
    Ok(())
}
