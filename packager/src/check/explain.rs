//! `Explainer`: the `diffoscope` program, which looks into archives and programs to say why two
//! files differ.

use std::fs::File;
use std::io::{self, Cursor, Read as _};
use std::path::PathBuf;
use std::process::Stdio;

use bulla_bundle::Content;
use bulla_schemas::EntryPath;
use bulla_schemas::escape::escape_lines;

use crate::child;

/// Larger files are not looked into.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Most bytes of what it says.
const LONGEST: u64 = 16 * 1024;
/// Most seconds that it may take for one file.
const SECONDS: &str = "60";

/// The program that explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explainer {
    /// The path of `diffoscope`.
    pub program: PathBuf,
    /// The directory for its temporary files.
    pub spool: PathBuf,
}

impl Explainer {
    /// Asks why two contents differ; it may have nothing to say.
    pub(super) fn explain(
        &self,
        path: &EntryPath,
        one: &dyn Fn() -> io::Result<Content>,
        two: &dyn Fn() -> io::Result<Content>,
    ) -> io::Result<Option<String>> {
        let directory = tempfile::Builder::new()
            .prefix("bulla-check-")
            .tempdir_in(&self.spool)?;
        // The name tells it the format.
        let name = path.as_str().rsplit('/').next().unwrap_or("file");
        for (side, content) in [("first", one()?), ("second", two()?)] {
            if content.size() > LARGEST {
                return Ok(None);
            }
            std::fs::create_dir(directory.path().join(side))?;
            let mut file = File::create(directory.path().join(side).join(name))?;
            match content {
                Content::Memory(bytes) => io::copy(&mut Cursor::new(bytes), &mut file)?,
                Content::Stream { mut reader, .. } => io::copy(&mut reader, &mut file)?,
            };
        }
        let spawned = child::command("timeout")
            .arg(SECONDS)
            .arg(&self.program)
            .args([
                "--no-progress",
                "--text",
                "-",
                "--max-text-report-size",
                "16384",
                "--",
            ])
            .args([format!("first/{name}"), format!("second/{name}")])
            .current_dir(directory.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = spawned else {
            return Ok(None);
        };
        let mut said = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(LONGEST).read_to_end(&mut said)?;
        }
        child.wait()?;
        let said = escape_lines(String::from_utf8_lossy(&said).trim());
        Ok((!said.is_empty()).then_some(said))
    }
}
