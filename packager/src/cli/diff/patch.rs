//! A diff as a patch on stdout: exact for programs, escaped for a person at a terminal.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use bulla_schemas::EntryPath;
use bulla_schemas::api::Change;

use super::super::failure::Failure;
use super::super::output;
use super::super::progress::Bar;
use super::side::Opened;
use crate::contents::{ContentsError, Files};
use crate::patch::{self, Omitted, PatchError, Reader, Side};

/// Prints the patch of `changes`, and says what cannot be in it.
pub(super) async fn print(changes: &[Change], [from, to]: [&Opened; 2]) -> Result<(), Failure> {
    let [older, newer] = patch::needed(changes, from.bundle(), to.bundle());
    let mut sides = [side(from, older).await?, side(to, newer).await?];
    let stdout = io::stdout();
    let reader = if stdout.is_terminal() {
        Reader::Person
    } else {
        Reader::Program
    };
    let mut output = BufWriter::new(stdout.lock());
    let written = patch::write(&mut output, changes, &mut sides, reader)
        .and_then(|omitted| Ok(output.flush().map(|()| omitted)?));
    match written {
        // A reader that went away has read enough.
        Err(PatchError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error.into()),
        Ok(omitted) => {
            say_omitted(&omitted);
            Ok(())
        }
    }
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
    let large = format!("larger than {}, only named", output::bytes(patch::LIMIT));
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
            output::say(format_args!("note: `{}` is {why}", output::text(path)));
        }
    }
}
