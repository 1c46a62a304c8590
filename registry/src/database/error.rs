//! What can go wrong with the database.

use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::data::DataError;

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
        let Self::Statement(sqlx::Error::Database(error)) = self else {
            return false;
        };
        error.code().is_some_and(|code| code == "13")
    }
}

impl Outcome for DatabaseError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Data(error) => error.kind(),
            _ => FailureKind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            _ => Some(
                "the database is an index: move it away, and `bulla-registry reindex` makes a new \
                 one; the tokens and what hosts reported are lost with it"
                    .to_owned(),
            ),
        }
    }
}
