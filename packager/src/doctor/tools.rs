//! The programs that Bulla runs, and whether those that are needed here are installed.

use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::report::{Finding, Step};
use std::process::Stdio;

use crate::build::{self, BuildOptions};
use crate::child;

const STEP: Step = Step::Tools;

/// What is needed here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a need of its own")]
pub struct Needed {
    /// `git`: a git checkout.
    pub git: bool,
    /// `svn`: a Subversion checkout.
    pub svn: bool,
    /// `git-lfs`: files that Git LFS keeps.
    pub git_lfs: bool,
    /// A sandbox: a recipe with a build.
    pub sandbox: bool,
}

/// Looks for each program that is needed; promoting needs OpenSSH.
pub fn examine(needed: Needed, options: &BuildOptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (is_needed, program, arguments, what, package) in [
        (
            needed.git,
            "git",
            &["--version"][..],
            "it fetches submodules and looks revisions up by their message or date",
            "git",
        ),
        (
            needed.svn,
            "svn",
            &["--version", "--quiet"],
            "it reads URLs, other revisions and working copies with changes",
            "subversion",
        ),
        (
            needed.git_lfs,
            "git-lfs",
            &["version"],
            "it fetches the content of files that `.gitattributes` gives to Git LFS",
            "git-lfs",
        ),
    ] {
        if is_needed {
            findings.push(program_finding(program, arguments, what, package));
        }
    }
    findings.push(match said("ssh-keygen", &["-?"]) {
        Some(_) => Finding::ok(STEP, "ssh-keygen is installed"),
        None => Finding::warning(
            STEP,
            "`ssh-keygen` is not installed; people sign with it",
            "install `openssh-client`",
        ),
    });
    if needed.sandbox {
        findings.push(match build::probe(options) {
            Ok(name) => Finding::ok(STEP, format_args!("builds run in a sandbox made by {name}")),
            Err(error) => Finding::error(STEP, &error, error.hint()),
        });
    }
    findings
}

fn program_finding(program: &str, arguments: &[&str], what: &str, package: &str) -> Finding {
    match said(program, arguments) {
        Some(version) => {
            let version = version.lines().next().unwrap_or_default();
            let version = version.trim_start_matches(program).trim();
            Finding::ok(STEP, format_args!("{program} is installed: {version}"))
        }
        None => Finding::warning(
            STEP,
            format_args!("`{program}` is not installed; {what}"),
            format!("install `{package}`"),
        ),
    }
}

/// Runs a program and returns what it says, whatever its status: that it starts is enough.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = child::command(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
