//! The three programs together, as people and servers run them.
#![expect(clippy::unwrap_used, reason = "what goes wrong fails the test")]

mod dependencies;
mod oracle;
