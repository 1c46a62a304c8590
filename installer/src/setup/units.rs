//! The files, as they lie in `installer/units/`: one source for `setup` and for packages.

use std::path::Path;

use super::error::SetupError;

/// The program as the files name it.
const PROGRAM: &str = "/usr/bin/bulla-installer";

/// A unit of systemd.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) name: &'static str,
    text: &'static str,
}

pub(super) const AGENT: Unit = Unit {
    name: "bulla-agent.service",
    text: include_str!("../../units/bulla-agent.service"),
};

pub(super) const VERIFY_TIMER: Unit = Unit {
    name: "bulla-verify.timer",
    text: include_str!("../../units/bulla-verify.timer"),
};

const VERIFY: Unit = Unit {
    name: "bulla-verify.service",
    text: include_str!("../../units/bulla-verify.service"),
};

pub(super) const UNITS: [Unit; 3] = [AGENT, VERIFY, VERIFY_TIMER];

pub(super) const SYSUSERS: &str = include_str!("../../units/sysusers.conf");
pub(super) const TMPFILES: &str = include_str!("../../units/tmpfiles.conf");

impl Unit {
    /// Returns the unit, starting a program that lies elsewhere.
    pub(super) fn text(&self, program: Option<&Path>) -> Result<String, SetupError> {
        let Some(program) = program else {
            return Ok(self.text.to_owned());
        };
        let name = program.to_str().filter(|name| is_plain(name));
        let name = name.ok_or_else(|| SetupError::ProgramName {
            program: program.to_owned(),
        })?;
        Ok(self.text.replace(PROGRAM, name))
    }
}

/// Tells whether a path means itself in a unit, where spaces, quotes and `%` mean something.
fn is_plain(name: &str) -> bool {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/._+-".contains(character);
    name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_start_the_program_that_wrote_them() {
        for unit in [AGENT, VERIFY] {
            let text = unit
                .text(Some(Path::new("/opt/bulla-1.2/installer")))
                .unwrap();
            assert!(
                text.contains("\nExecStart=/opt/bulla-1.2/installer "),
                "{text}"
            );
            assert!(!text.contains(PROGRAM), "{text}");
            assert!(unit.text(None).unwrap().contains(PROGRAM));
            for name in ["/opt/two words", "/opt/%h", "/opt/a\nb"] {
                let error = unit.text(Some(Path::new(name))).unwrap_err();
                assert!(matches!(error, SetupError::ProgramName { .. }), "{error}");
            }
        }
    }
}
