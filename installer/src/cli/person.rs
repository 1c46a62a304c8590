//! Who runs the program, as far as a person can be told from a user.

use clap::Args;

use crate::platform::users;

/// Takes a reason that a person wrote. An empty one says nothing to those who read it.
pub(super) fn reason(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("a reason must not be empty"),
        text => Ok(text.to_owned()),
    }
}

#[derive(Debug, Args)]
pub(super) struct PersonArguments {
    /// The user who called `sudo`
    #[arg(long = "sudo-user-from-environment", env = "SUDO_USER", hide = true)]
    sudo_user: Option<String>,
    /// The user
    #[arg(long = "user-from-environment", env = "USER", hide = true)]
    user: Option<String>,
}

impl PersonArguments {
    /// Returns the user's name, or the number where there is no name.
    pub(super) fn name(self) -> String {
        let named = self.sudo_user.or(self.user).filter(|name| !name.is_empty());
        named.unwrap_or_else(|| {
            let number = rustix::process::getuid().as_raw();
            users::name(number).unwrap_or_else(|| format!("uid {number}"))
        })
    }
}
