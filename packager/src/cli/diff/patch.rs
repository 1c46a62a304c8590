//! A diff as a patch on stdout: exact for programs, escaped for a person at a terminal.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};

use bulla_schemas::EntryPath;
use bulla_schemas::api::Change;
use bulla_terminal::{Bar, Failure, bytes, stderr, stdout};

use super::side::Opened;
use crate::contents::{ContentsError, Files};
use crate::patch::{self, Omitted, PatchError, Reader, Side};

/// Prints the patch of `changes`, and says what cannot be in it.
pub(super) async fn print(changes: &[Change], [from, to]: [&Opened; 2]) -> Result<(), Failure> {
    let [older, newer] = patch::needed(changes, from.bundle(), to.bundle());
    let mut sides = [side(from, older).await?, side(to, newer).await?];
    let reader = if io::stdout().is_terminal() {
        Reader::Person
    } else {
        Reader::Program
    };
    let mut written = Ok(Omitted::default());
    stdout::stream(|output| {
        written = match patch::write(output, changes, &mut sides, reader) {
            Err(PatchError::Write(error)) => return Err(error),
            Err(PatchError::Contents(error)) => Err(error),
            Ok(omitted) => Ok(omitted),
        };
        Ok(())
    })?;
    say_omitted(&written?);
    Ok(())
}

async fn side(opened: &Opened, needed: BTreeSet<usize>) -> Result<Side<'_>, ContentsError> {
    let files = match opened {
        Opened::File(file) => Files::of_bundle_file(file),
        Opened::Registry {
            client,
            project,
            bundle,
        } => {
            let bar = Bar::new("fetch");
            Files::fetch(client, project, bundle, needed, &std::env::temp_dir(), &bar).await?
        }
    };
    Ok(Side {
        bundle: opened.bundle(),
        files,
    })
}

fn say_omitted(omitted: &Omitted) {
    let large = format!("larger than {}, only named", bytes(patch::LIMIT));
    let omissions = [
        (&omitted.binary, "binary, only named"),
        (&omitted.large, large.as_str()),
        (
            &omitted.directories,
            "an empty directory, which a patch cannot hold",
        ),
    ];
    for (paths, why) in omissions {
        for path in paths.iter().map(EntryPath::as_str) {
            stderr::note(format_args!("`{path}` is {why}"));
        }
    }
}
