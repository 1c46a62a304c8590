//! What can go wrong with the database.

use bulla_schemas::outcome::{FailureKind, Outcome};

use sqlx::migrate::MigrateError;

use crate::data::DataError;

/// SQLite's result codes (`sqlite3.h`); what is above the lowest byte says more.
const SQLITE_BUSY: u32 = 5;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The database could not be opened.
    #[error("cannot open the database `{path}`")]
    Open {
        /// The database's file.
        path: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A newer program has changed the tables.
    #[error(
        "a newer bulla-registry has changed the database `{path}`: it has version {version}, and \
         this program knows versions up to {known}"
    )]
    Newer {
        /// The database's file.
        path: String,
        /// The first version that this program does not know.
        version: i64,
        /// The newest version that it knows.
        known: i64,
    },
    /// The tables could not be made.
    #[error("cannot make the tables of the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the database failed")]
    Statement(#[from] sqlx::Error),
}

impl DatabaseError {
    /// Tells whether the disk is full, as SQLite says it (`SQLITE_FULL`).
    pub(crate) fn is_full(&self) -> bool {
        self.code() == Some(SQLITE_FULL)
    }

    /// Tells whether the disk, or what the disk allows, may be why.
    pub(crate) fn is_of_disk(&self) -> bool {
        let codes = [SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN];
        // Connections may be what could not be opened meanwhile.
        matches!(self, Self::Statement(sqlx::Error::PoolTimedOut))
            || self.code().is_some_and(|code| codes.contains(&code))
    }

    /// Tells whether no connection was free, or another process wrote, for too long.
    pub(crate) fn is_busy(&self) -> bool {
        match self {
            Self::Statement(sqlx::Error::PoolTimedOut) => true,
            _ => self.code() == Some(SQLITE_BUSY),
        }
    }

    fn code(&self) -> Option<u32> {
        let error = match self {
            Self::Open { source, .. }
            | Self::Statement(source)
            | Self::Migrate(
                MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _),
            ) => source,
            Self::Data(_) | Self::Newer { .. } | Self::Migrate(_) => return None,
        };
        let code = error.as_database_error()?.code()?;
        Some(code.parse::<u32>().ok()? & 0xff)
    }
}

impl Outcome for DatabaseError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Data(error) => error.kind(),
            _ if self.is_busy() => FailureKind::Temporary,
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Newer { .. } => Some(
                "run that bulla-registry or a later one; to go back, restore a backup of before \
                 the upgrade"
                    .to_owned(),
            ),
            _ if self.is_busy() => {
                Some("another process writes to it for long; try again".to_owned())
            }
            _ if self.is_of_disk() => Some(
                "look at the disk of the data directory, and at what it lets this user do".to_owned(),
            ),
            _ => Some(
                "the database is an index: stop the registry, move it away with its `-wal` and `-shm`, and `bulla-registry reindex` makes a new \
                 one; the tokens and what hosts reported are lost with it"
                    .to_owned(),
            ),
        }
    }
}
