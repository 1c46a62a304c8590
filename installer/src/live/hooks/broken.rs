//! Why a command failed.

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenHook {
    /// What happened: `the hook ... ended with status 3`.
    pub(super) what: String,
    /// The last lines that it wrote.
    pub(super) end: String,
}

impl std::fmt::Display for BrokenHook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.what)?;
        if !self.end.is_empty() {
            write!(formatter, "; its output ends with:\n{}", self.end)?;
        }
        Ok(())
    }
}
