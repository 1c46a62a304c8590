//! The snapshot: a state as bytes, so that a start needs no replay.
//!
//! ```text
//! "bulla-log-state 4\n"
//! roots      count, 32 bytes each: the Merkle root at every size
//! peaks      32 bytes each
//! policies   count, each: entry, payload
//! projects   count, each: name, releases, promotions, revocations
//! sha256     of everything before it
//! ```
//!
//! Numbers are LEB128, a text stands in full the first time and as its number afterwards. The
//! file is its owner's own memory, not evidence: the sum finds damage, not an attacker who can
//! write here. What is read goes through the same functions as a replay, so that what is derived
//! is derived again.

use std::io::{self, Write};

use bulla_schemas::outcome::Outcome;
use bulla_schemas::statement::{Action, Build, Severity, Wave};
use bulla_schemas::{Digest, Name, ProjectName, Timestamp};

use super::codec::{Reader, Writer};
use super::effect::Effect;
use super::entries::{PolicyVersion, Promotion, ReleaseRecord, Revocation};
use super::log_state::{LogState, Project};
use crate::json;
use crate::merkle::Peaks;
use crate::policy::CheckedPolicy;

const MAGIC: &[u8] = b"bulla-log-state 4\n";

/// Why bytes are not a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Another file, or one of another version.
    #[error("the snapshot of the log's state is of another version")]
    Version,
    /// The sum is wrong: a torn or damaged file.
    #[error("the snapshot of the log's state is damaged")]
    Damaged,
    /// The sum is right and the content is not.
    #[error("the snapshot of the log's state contradicts itself: {what}")]
    Inconsistent {
        /// What does not fit.
        what: &'static str,
    },
}

impl Outcome for SnapshotError {
    fn hint(&self) -> Option<String> {
        Some("remove it and read the log again from its start".to_owned())
    }
}

impl LogState {
    /// Returns the hashes from which the tree grows on.
    pub(crate) const fn peaks(&self) -> &Peaks {
        &self.peaks
    }

    /// Writes the state.
    ///
    /// # Panics
    ///
    /// Never: a vector takes everything.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).expect("a vector takes all bytes");
        bytes
    }

    /// Writes the state as [`to_bytes`](Self::to_bytes) does, piece by piece.
    pub fn write_to(&self, out: impl Write) -> io::Result<()> {
        let mut writer = Writer::new(out, MAGIC);
        writer.number(self.size());
        self.roots.iter().for_each(|root| writer.digest(root));
        self.peaks
            .hashes()
            .iter()
            .for_each(|hash| writer.digest(hash));
        writer.list(self.policies.len(), &self.policies, |writer, version| {
            writer.number(version.entry);
            writer.bytes(&version.payload);
        });
        writer.number(self.projects.len() as u64);
        for (name, project) in self.projects.iter() {
            writer.text(name.as_str());
            write_project(&mut writer, project);
        }
        writer.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        if !bytes.starts_with(MAGIC) {
            return Err(SnapshotError::Version);
        }
        let (content, sum) = bytes
            .split_last_chunk::<{ Digest::LEN }>()
            .ok_or(SnapshotError::Damaged)?;
        if Digest::of(content).as_bytes() != sum {
            return Err(SnapshotError::Damaged);
        }
        let mut reader = Reader::new(&content[MAGIC.len()..]);
        let state = read_state(&mut reader).ok_or(SnapshotError::Inconsistent {
            what: "a value cannot be read",
        })?;
        if !reader.is_empty() {
            return Err(SnapshotError::Inconsistent {
                what: "it goes on after its end",
            });
        }
        if state.peaks.root() != state.root() {
            return Err(SnapshotError::Inconsistent {
                what: "the peaks do not lead to the root",
            });
        }
        Ok(state)
    }
}

fn write_project<'a>(writer: &mut Writer<'a, impl Write>, project: &'a Project) {
    let releases = &project.releases;
    writer.list(releases.len(), releases.iter(), |writer, release| {
        writer.digest(&release.hash);
        let statements = &release.statements;
        writer.list(statements.len(), statements, write_record);
    });
    let promotions = &project.promotions;
    writer.list(promotions.len(), promotions.iter(), write_promotion);
    let revocations = &project.revocations;
    writer.list(
        revocations.len(),
        revocations.iter(),
        |writer, revocation| {
            writer.number(revocation.entry);
            let hashes = &revocation.hashes;
            writer.list(hashes.len(), hashes, Writer::digest);
            writer.number(u64::from(revocation.severity == Severity::Block));
            write_names(writer, &revocation.people);
            writer.text(&revocation.reason);
            writer.time(revocation.issued_at.as_seconds());
            writer.digest(&revocation.payload);
        },
    );
}

fn write_names<'a>(writer: &mut Writer<'a, impl Write>, names: &'a [Name]) {
    writer.list(names.len(), names, |writer, name| {
        writer.text(name.as_str());
    });
}

fn write_record<'a>(writer: &mut Writer<'a, impl Write>, record: &'a ReleaseRecord) {
    writer.number(record.entry);
    write_names(writer, &record.builders);
    for text in [
        &record.source,
        &record.reference,
        &record.revision,
        &record.label,
    ] {
        writer.text(text);
    }
    writer.number(u64::from(record.dirty));
    writer.number(match record.build {
        Build::None => 0,
        Build::Sandbox => 1,
        Build::NoSandbox => 2,
    });
    writer.number(record.size);
    writer.time(record.finished_on.as_seconds());
    writer.digest(&record.payload);
}

fn write_promotion<'a>(writer: &mut Writer<'a, impl Write>, promotion: &'a Promotion) {
    writer.number(promotion.entry);
    writer.text(promotion.channel.as_str());
    writer.number(promotion.seq);
    writer.number(match promotion.action {
        Action::Promote => 0,
        Action::Rollback => 1,
        Action::Pause => 2,
        Action::Widen => 3,
    });
    writer.digest(&promotion.hash);
    write_names(writer, &promotion.people);
    writer.text(&promotion.reason);
    writer.time(promotion.issued_at.as_seconds());
    let waves = promotion.waves.map(|waves| waves.to_string());
    writer.text(waves.unwrap_or_default());
    writer.number(u64::from(promotion.urgent));
    writer.number(promotion.up_to.map_or(0, u64::from));
    writer.digest(&promotion.payload);
}

fn read_state(reader: &mut Reader<'_>) -> Option<LogState> {
    let size = reader.number()?;
    let roots = reader.digests(size)?.into_iter().collect();
    let peaks = reader.digests(size.count_ones().into())?;
    let mut state = LogState {
        peaks: Peaks::from_parts(size, peaks)?,
        roots,
        ..LogState::default()
    };
    for _ in 0..reader.number()? {
        let effect = Effect::Policy(Box::new(read_policy(reader)?));
        state.apply(effect);
    }
    for _ in 0..reader.number()? {
        let project: ProjectName = reader.text()?.parse().ok()?;
        read_project(reader, &mut state, &project)?;
    }
    Some(state)
}

fn read_policy(reader: &mut Reader<'_>) -> Option<PolicyVersion> {
    let (entry, payload) = (reader.number()?, reader.bytes()?.to_vec());
    let policy = json::read(&json::parse(&payload).ok()?).ok()?;
    Some(PolicyVersion {
        entry,
        payload,
        checked: CheckedPolicy::new(policy).ok()?,
    })
}

fn read_project(
    reader: &mut Reader<'_>,
    state: &mut LogState,
    project: &ProjectName,
) -> Option<()> {
    for _ in 0..reader.number()? {
        let hash = reader.digest()?;
        for _ in 0..reader.number()? {
            let record = Box::new(read_record(reader)?);
            state.apply(Effect::Release(project.clone(), hash, record));
        }
    }
    for _ in 0..reader.number()? {
        let promotion = Box::new(read_promotion(reader)?);
        state.apply(Effect::Promotion(project.clone(), promotion));
    }
    for _ in 0..reader.number()? {
        let revocation = Box::new(read_revocation(reader)?);
        state.apply(Effect::Revocation(project.clone(), revocation));
    }
    Some(())
}

fn read_record(reader: &mut Reader<'_>) -> Option<ReleaseRecord> {
    Some(ReleaseRecord {
        entry: reader.number()?,
        builders: reader.names()?,
        source: reader.text()?.to_owned(),
        reference: reader.text()?.to_owned(),
        revision: reader.text()?.to_owned(),
        label: reader.text()?.to_owned(),
        dirty: reader.flag()?,
        build: read_build(reader)?,
        size: reader.number()?,
        finished_on: Timestamp::from_seconds(reader.time()?).ok()?,
        payload: reader.digest()?,
    })
}

fn read_build(reader: &mut Reader<'_>) -> Option<Build> {
    match reader.number()? {
        0 => Some(Build::None),
        1 => Some(Build::Sandbox),
        2 => Some(Build::NoSandbox),
        _ => None,
    }
}

fn read_promotion(reader: &mut Reader<'_>) -> Option<Promotion> {
    Some(Promotion {
        entry: reader.number()?,
        channel: reader.text()?.parse().ok()?,
        seq: reader.number()?,
        action: match reader.number()? {
            0 => Action::Promote,
            1 => Action::Rollback,
            2 => Action::Pause,
            3 => Action::Widen,
            _ => return None,
        },
        hash: reader.digest()?,
        people: reader.names()?,
        reason: reader.text()?.to_owned(),
        issued_at: Timestamp::from_seconds(reader.time()?).ok()?,
        waves: match reader.text()? {
            "" => None,
            waves => Some(waves.parse().ok()?),
        },
        urgent: reader.flag()?,
        up_to: match reader.number()? {
            0 => None,
            wave => Some(Wave::try_from(wave).ok()?),
        },
        payload: reader.digest()?,
    })
}

fn read_revocation(reader: &mut Reader<'_>) -> Option<Revocation> {
    let entry = reader.number()?;
    let count = reader.number()?;
    Some(Revocation {
        entry,
        hashes: reader.digests(count)?,
        severity: if reader.flag()? {
            Severity::Block
        } else {
            Severity::Warn
        },
        people: reader.names()?,
        reason: reader.text()?.to_owned(),
        issued_at: Timestamp::from_seconds(reader.time()?).ok()?,
        payload: reader.digest()?,
    })
}
