//! Reports of hosts: taken in one after the other, so that a fleet that reports at once leaves the
//! database to others.

use bulla_schemas::{HostName, Timestamp};

use super::{Catalog, PublishError};
use crate::database::ReportRow;

/// After so many seconds of silence a host makes room for another.
const FORGOTTEN: i64 = 90 * 24 * 60 * 60;

impl Catalog {
    /// Takes in what a host reported, when it has reported before or fewer than `most` hosts have.
    pub(crate) async fn take_report(
        &self,
        host: &HostName,
        report: &ReportRow,
        now: Timestamp,
        most: u32,
    ) -> Result<(), PublishError> {
        let forgotten = Timestamp::from_seconds(now.as_seconds() - FORGOTTEN);
        let forgotten = forgotten.unwrap_or(Timestamp::EPOCH);
        let _turn = self.reports.lock().await;
        let database = &self.database;
        let taken = database.take_report(host, report, now, most, forgotten);
        if taken.await? {
            Ok(())
        } else {
            Err(PublishError::TooManyHosts { most })
        }
    }
}
