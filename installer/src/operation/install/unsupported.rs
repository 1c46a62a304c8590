//! What a release may ask for and this version does not do. A release must never be activated in
//! a way that its author did not intend, so these are refusals, not warnings.

use bulla_schemas::install::Install;

use super::error::InstallError;

/// Refuses a release that wants hooks, health checks or environment variables.
pub(super) fn refuse(install: &Install) -> Result<(), InstallError> {
    let Install {
        persist: _,
        require: _,
        environment,
        hooks,
        health,
    } = install;
    let wants = if !hooks.is_empty() {
        "wants hooks to be run".to_owned()
    } else if health.is_some() {
        "wants its health to be checked".to_owned()
    } else if let Some(name) = environment.first() {
        format!("wants the environment variable `{name}` to be checked")
    } else {
        return Ok(());
    };
    Err(InstallError::Unsupported { wants })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_everything_but_persistent_paths() {
        let install = |json: &str| serde_json::from_str::<Install>(json).unwrap();
        assert!(refuse(&install(r#"{"persist":["var"]}"#)).is_ok());
        for json in [
            r#"{"hooks":{"deactivate":["bin/drain"]}}"#,
            r#"{"health":{"tcp":"127.0.0.1:80"}}"#,
            r#"{"environment":["DATABASE_URL"]}"#,
        ] {
            assert!(
                matches!(
                    refuse(&install(json)),
                    Err(InstallError::Unsupported { .. })
                ),
                "{json}"
            );
        }
    }
}
