//! Why a command failed.

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenHook {
    /// What happened: `the hook ... ended with status 3`.
    pub(super) what: String,
    /// The last lines that it wrote.
    pub(super) end: String,
}

/// What stands between a failure and what the command wrote.
const OUTPUT: &str = "; its output ends with:";

/// Takes what commands wrote out of a failure: it can hold secrets, which must not leave the server.
pub(crate) fn without_output(failure: &str) -> &str {
    failure
        .split_once(OUTPUT)
        .map_or(failure, |(failure, _)| failure)
}

impl std::fmt::Display for BrokenHook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.what)?;
        if !self.end.is_empty() {
            write!(formatter, "{OUTPUT}\n{}", self.end)?;
        }
        Ok(())
    }
}
