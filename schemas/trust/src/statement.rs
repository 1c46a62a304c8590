//! Statements: from payload bytes to the four kinds, and back for signing.

use bulla_schemas::ProjectName;
use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::policy::Policy;
use bulla_schemas::statement::{
    BUILD_TYPE, PROMOTION_TYPE, PromotionStatement, RELEASE_TYPE, REVOCATION_TYPE,
    ReleaseStatement, RevocationStatement, STATEMENT_TYPE,
};
use serde::Serialize;
use serde_json::Value;

use crate::json::{self, JsonError};

mod draft;

pub use draft::{pause, policy_after, promote, revoke, widen};

/// What all payload types of policies begin with.
const POLICY_FAMILY: &str = "application/vnd.bulla.policy.";

/// What an envelope can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Who may do what.
    Policy(Box<Policy>),
    /// A bundle came from a revision.
    Release(Box<ReleaseStatement>),
    /// A channel points to a bundle.
    Promotion(Box<PromotionStatement>),
    /// Bundles must not be activated.
    Revocation(Box<RevocationStatement>),
}

/// Why a payload is not a statement that we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not a statement of Bulla, or of a later version.
    #[error("the payload type {found:?} is not known")]
    PayloadType {
        /// The type.
        found: String,
    },
    /// An in-toto statement about something else, or of a later version.
    #[error("the predicate type {found:?} is not known")]
    PredicateType {
        /// The type.
        found: String,
    },
    /// Not the strict profile, or not the fields of its type.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A constant that is not what it has to be.
    #[error("expected `{expected}` as `{field}`, found {found:?}")]
    Constant {
        /// The field.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// What stood there.
        found: String,
    },
    /// No bundles, or more than a revocation may name.
    #[error("a revocation names 1 to 64 bundles, found {found}")]
    SubjectCount {
        /// How many.
        found: usize,
    },
}

impl Statement {
    /// Reads a payload whose envelope said what it is.
    pub fn parse(payload_type: &str, payload: &[u8]) -> Result<Self, StatementError> {
        match payload_type {
            POLICY => Ok(Self::Policy(Box::new(json::read(&json::parse(payload)?)?))),
            IN_TOTO => Self::parse_in_toto(&json::parse(payload)?),
            other => Err(StatementError::PayloadType {
                found: other.to_owned(),
            }),
        }
    }

    fn parse_in_toto(value: &Value) -> Result<Self, StatementError> {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
        constant("_type", STATEMENT_TYPE, text("_type"))?;
        match text("predicateType") {
            RELEASE_TYPE => {
                let release: ReleaseStatement = json::read(value)?;
                let definition = &release.predicate.build_definition;
                constant("buildType", BUILD_TYPE, &definition.build_type)?;
                Ok(Self::Release(Box::new(release)))
            }
            PROMOTION_TYPE => Ok(Self::Promotion(Box::new(json::read(value)?))),
            REVOCATION_TYPE => {
                let revocation: RevocationStatement = json::read(value)?;
                match revocation.subject.len() {
                    1..=64 => Ok(Self::Revocation(Box::new(revocation))),
                    found => Err(StatementError::SubjectCount { found }),
                }
            }
            other => Err(StatementError::PredicateType {
                found: other.chars().take(120).collect(),
            }),
        }
    }

    /// Returns the projects that it is about; none for a policy, which is about all.
    pub fn projects(&self) -> impl Iterator<Item = &ProjectName> {
        let (one, several) = match self {
            Self::Policy(_) => (None, None),
            Self::Release(release) => (Some(&release.subject[0].name), None),
            Self::Promotion(promotion) => (Some(&promotion.predicate.project), None),
            Self::Revocation(revocation) => (None, Some(&revocation.subject)),
        };
        let several = several.into_iter().flatten().map(|subject| &subject.name);
        one.into_iter().chain(several)
    }

    /// Returns the payload type of an envelope that says this.
    pub const fn payload_type(&self) -> &'static str {
        match self {
            Self::Policy(_) => POLICY,
            Self::Release(_) | Self::Promotion(_) | Self::Revocation(_) => IN_TOTO,
        }
    }
}

/// Returns the bytes of a statement, for signing.
///
/// # Panics
///
/// Never: statements are made of strings and integers.
pub fn to_payload(statement: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(statement).expect("a statement has a JSON form")
}

/// Tells whether a payload is a policy of a version that this program does not know. It could
/// take away rights that it would go on to grant, so nothing after it can be judged.
pub fn is_later_policy(payload_type: &str) -> bool {
    payload_type.starts_with(POLICY_FAMILY) && payload_type != POLICY
}

fn constant(
    field: &'static str,
    expected: &'static str,
    found: &str,
) -> Result<(), StatementError> {
    if found == expected {
        Ok(())
    } else {
        Err(StatementError::Constant {
            field,
            expected,
            found: found.chars().take(120).collect(),
        })
    }
}
