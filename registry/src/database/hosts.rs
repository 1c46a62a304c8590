//! Tables `hosts`, `host_projects` and `host_changes`: what hosts said of themselves. They are in no
//! file either, like the tokens.

use std::collections::HashMap;

use bulla_schemas::api::{HostChange, HostFacts, ProjectReport};
use bulla_schemas::{Digest, HostName, ProjectName, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{Database, DatabaseError, damaged, parse, parse_optional};

/// How many reports that differ are kept of a project on a host.
const CHANGES_OF_PROJECT: i64 = 100;
/// How many are kept of a host in all: a host that names other projects every time has as much
/// room as one of fifty projects.
const CHANGES_OF_HOST: i64 = 5000;

/// A host as it last reported.
#[derive(Debug, Clone)]
pub(crate) struct HostRow {
    /// Its name.
    pub(crate) host: HostName,
    /// When it reported.
    pub(crate) received_at: Timestamp,
    /// What is true of it as a whole.
    pub(crate) facts: HostFacts,
}

/// A report as it is written.
#[derive(Debug)]
pub(crate) struct ReportRow {
    /// What is true of the host as a whole, as JSON.
    facts: String,
    /// What it said about its projects, each with its JSON.
    projects: Vec<(ProjectReport, String)>,
}

/// What a host last said about its projects.
#[derive(Debug)]
pub(crate) struct Reports {
    /// By name.
    pub(crate) items: Vec<ProjectReport>,
    /// Bytes of all of it.
    pub(crate) bytes: usize,
}

impl ReportRow {
    pub(crate) fn new(
        facts: &HostFacts,
        projects: Vec<ProjectReport>,
    ) -> Result<Self, serde_json::Error> {
        let written = projects.into_iter().map(|report| {
            let text = serde_json::to_string(&report)?;
            Ok((report, text))
        });
        Ok(Self {
            facts: serde_json::to_string(facts)?,
            projects: written.collect::<Result<_, serde_json::Error>>()?,
        })
    }
}

/// Which changes of a host.
#[derive(Debug)]
pub(crate) struct Changes<'a> {
    /// The host.
    pub(crate) host: &'a HostName,
    /// Only of this project.
    pub(crate) project: Option<&'a ProjectName>,
    /// Only those with smaller numbers.
    pub(crate) before: u64,
    /// At most so many.
    pub(crate) limit: u32,
}

impl Database {
    /// Writes down what a host reported. Of a host that is not known yet it is only taken when
    /// fewer than `most` are, or one that has been silent since `forgotten` makes room; tells
    /// whether it was taken.
    pub(crate) async fn take_report(
        &self,
        host: &HostName,
        report: &ReportRow,
        now: Timestamp,
        most: u32,
        forgotten: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let mut transaction = self.write().await?;
        let Some(mut number) = number(&mut transaction, host, most, forgotten).await? else {
            return Ok(false);
        };
        let mut known = known_projects(&mut transaction, host).await?;
        for (project, text) in &report.projects {
            let last = known.remove(project.project.as_str());
            if last.as_ref() == Some(text) {
                continue;
            }
            set_project(&mut transaction, host, project, text).await?;
            let last = last.and_then(|text| serde_json::from_str::<ProjectReport>(&text).ok());
            if last.is_none_or(|last| last.differs_from(project)) {
                number += 1;
                let change = (number, now, text.as_str());
                add_change(&mut transaction, host, &project.project, change).await?;
            }
        }
        // The host does not speak of these any more.
        for project in known.keys() {
            sqlx::query("DELETE FROM host_projects WHERE host = $1 AND project = $2")
                .bind(host.as_str())
                .bind(project)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "DELETE FROM host_changes WHERE host = $1 AND number <=
             (SELECT number FROM host_changes WHERE host = $1
              ORDER BY number DESC LIMIT 1 OFFSET $2)",
        )
        .bind(host.as_str())
        .bind(CHANGES_OF_HOST)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO hosts (host, received_at, changes, facts) VALUES ($1, $2, $3, $4)
             ON CONFLICT (host) DO UPDATE SET received_at = excluded.received_at,
             changes = excluded.changes, facts = excluded.facts",
        )
        .bind(host.as_str())
        .bind(now.to_string())
        .bind(number)
        .bind(&report.facts)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Returns up to `limit` hosts after `after`, in the order of their bytes.
    pub(crate) async fn hosts(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<HostRow>, DatabaseError> {
        let query =
            "SELECT host, received_at, facts FROM hosts WHERE host > $1 ORDER BY host LIMIT $2";
        let query = sqlx::query(query).bind(after);
        self.page(query, limit, read_host).await
    }

    /// Returns how many there are.
    pub(crate) async fn count_hosts(&self) -> Result<u64, DatabaseError> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM hosts")
            .fetch_one(&self.reads)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Returns one host.
    pub(crate) async fn host(&self, host: &HostName) -> Result<Option<HostRow>, DatabaseError> {
        let row = sqlx::query("SELECT host, received_at, facts FROM hosts WHERE host = $1")
            .bind(host.as_str())
            .fetch_optional(&self.reads)
            .await?;
        row.as_ref().map(read_host).transpose()
    }

    /// Returns what a host last said about its projects, by name.
    pub(crate) async fn host_projects(&self, host: &HostName) -> Result<Reports, DatabaseError> {
        let rows = sqlx::query("SELECT report FROM host_projects WHERE host = $1 ORDER BY project")
            .bind(host.as_str())
            .fetch_all(&self.lists)
            .await?;
        let mut reports = Reports {
            items: Vec::with_capacity(rows.len()),
            bytes: 0,
        };
        for row in &rows {
            reports.bytes += row.try_get::<&str, _>("report")?.len();
            reports.items.push(json(row, "report")?);
        }
        Ok(reports)
    }

    /// Returns what up to `limit` hosts after `after` last said about a project.
    pub(crate) async fn project_hosts(
        &self,
        project: &ProjectName,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(HostRow, ProjectReport)>, DatabaseError> {
        let query = "SELECT hosts.host, received_at, facts, report
             FROM host_projects JOIN hosts ON hosts.host = host_projects.host
             WHERE project = $1 AND host_projects.host > $2 ORDER BY host_projects.host LIMIT $3";
        let query = sqlx::query(query).bind(project.as_str()).bind(after);
        let read = |row: &AnyRow| Ok((read_host(row)?, json(row, "report")?));
        self.page(query, limit, read).await
    }

    /// Returns what is live of a project on a host by its last report, or was live last, and what was
    /// live there before that.
    pub(crate) async fn lives(
        &self,
        project: &ProjectName,
        host: &HostName,
    ) -> Result<(Option<Digest>, Option<Digest>), DatabaseError> {
        let query = "SELECT was_live, live_before FROM host_projects
             WHERE project = $1 AND host = $2";
        let row = sqlx::query(query)
            .bind(project.as_str())
            .bind(host.as_str());
        let Some(row) = row.fetch_optional(&self.lists).await? else {
            return Ok((None, None));
        };
        let read = |column| parse_optional(&row, column);
        Ok((read("was_live")?, read("live_before")?))
    }

    /// Returns reports of a host that differed from the one before, newest first.
    pub(crate) async fn host_changes(
        &self,
        asked: &Changes<'_>,
    ) -> Result<Vec<HostChange>, DatabaseError> {
        let before = i64::try_from(asked.before).unwrap_or(i64::MAX);
        let query = match asked.project {
            None => sqlx::query(
                "SELECT number, received_at, report FROM host_changes
                 WHERE host = $1 AND number < $2 ORDER BY number DESC LIMIT $3",
            )
            .bind(asked.host.as_str()),
            Some(project) => sqlx::query(
                "SELECT number, received_at, report FROM host_changes
                 WHERE host = $1 AND project = $2 AND number < $3
                 ORDER BY number DESC LIMIT $4",
            )
            .bind(asked.host.as_str())
            .bind(project.as_str()),
        };
        self.page(query.bind(before), asked.limit, read_change)
            .await
    }

    /// Forgets a host and all that it said, and tells whether there was one.
    pub(crate) async fn remove_host(&self, host: &HostName) -> Result<bool, DatabaseError> {
        let mut transaction = self.write().await?;
        let removed = forget(&mut transaction, host.as_str()).await?;
        transaction.commit().await?;
        Ok(removed)
    }
}

/// Returns how many changes of a host there have been; nothing when there is no room for it.
async fn number(
    transaction: &mut Transaction<'static, Any>,
    host: &HostName,
    most: u32,
    forgotten: Timestamp,
) -> Result<Option<i64>, DatabaseError> {
    let row = sqlx::query("SELECT changes FROM hosts WHERE host = $1")
        .bind(host.as_str())
        .fetch_optional(&mut **transaction)
        .await?;
    if let Some(row) = row {
        return Ok(Some(row.try_get("changes")?));
    }
    let row = sqlx::query("SELECT COUNT(*) AS hosts FROM hosts")
        .fetch_one(&mut **transaction)
        .await?;
    if row.try_get::<i64, _>("hosts")? < i64::from(most) {
        return Ok(Some(0));
    }
    let row = sqlx::query(
        "SELECT host FROM hosts WHERE received_at < $1 ORDER BY received_at, host LIMIT 1",
    )
    .bind(forgotten.to_string())
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    forget(transaction, row.try_get("host")?).await?;
    Ok(Some(0))
}

/// Writes down a report, and what was live before. A host that has nothing live for a while has what it
/// had last.
async fn set_project(
    transaction: &mut Transaction<'static, Any>,
    host: &HostName,
    report: &ProjectReport,
    text: &str,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO host_projects (host, project, report, was_live) VALUES ($1, $2, $3, $4)
         ON CONFLICT (host, project) DO UPDATE SET report = excluded.report,
         live_before = CASE WHEN excluded.was_live <> host_projects.was_live
             THEN host_projects.was_live ELSE host_projects.live_before END,
         was_live = COALESCE(excluded.was_live, host_projects.was_live)",
    )
    .bind(host.as_str())
    .bind(report.project.as_str())
    .bind(text)
    .bind(report.live.map(|live| live.to_string()))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Adds a change, and removes the oldest of the project where there are too many.
async fn add_change(
    transaction: &mut Transaction<'static, Any>,
    host: &HostName,
    project: &ProjectName,
    (number, now, report): (i64, Timestamp, &str),
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO host_changes (host, number, project, received_at, report)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(host.as_str())
    .bind(number)
    .bind(project.as_str())
    .bind(now.to_string())
    .bind(report)
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "DELETE FROM host_changes WHERE host = $1 AND project = $2 AND number <=
         (SELECT number FROM host_changes WHERE host = $1 AND project = $2
          ORDER BY number DESC LIMIT 1 OFFSET $3)",
    )
    .bind(host.as_str())
    .bind(project.as_str())
    .bind(CHANGES_OF_PROJECT)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn known_projects(
    transaction: &mut Transaction<'static, Any>,
    host: &HostName,
) -> Result<HashMap<String, String>, DatabaseError> {
    sqlx::query("SELECT project, report FROM host_projects WHERE host = $1")
        .bind(host.as_str())
        .fetch_all(&mut **transaction)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("project")?, row.try_get("report")?)))
        .collect()
}

async fn forget(
    transaction: &mut Transaction<'static, Any>,
    host: &str,
) -> Result<bool, DatabaseError> {
    let mut removed = 0;
    for statement in [
        "DELETE FROM host_changes WHERE host = $1",
        "DELETE FROM host_projects WHERE host = $1",
        "DELETE FROM hosts WHERE host = $1",
    ] {
        let done = sqlx::query(statement)
            .bind(host)
            .execute(&mut **transaction);
        removed = done.await?.rows_affected();
    }
    Ok(removed > 0)
}

fn read_host(row: &AnyRow) -> Result<HostRow, DatabaseError> {
    Ok(HostRow {
        host: parse(row, "host")?,
        received_at: parse(row, "received_at")?,
        facts: json(row, "facts")?,
    })
}

fn read_change(row: &AnyRow) -> Result<HostChange, DatabaseError> {
    let number: i64 = row.try_get("number")?;
    Ok(HostChange {
        number: number.unsigned_abs(),
        received_at: parse(row, "received_at")?,
        report: json(row, "report")?,
    })
}

/// Reads a column of JSON as the type that wrote it.
fn json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T, DatabaseError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|source| damaged(column, source))
}
