//! What a commit is called: the revision asked for, the branch or tag, and the repository's URL.

use std::path::Path;

use gix::bstr::{BStr, BString, ByteSlice as _};

use super::error::GitError;
use super::program::{Git, GitFailure};
use crate::source::{SourceSpec, address};

/// Where tags are.
const TAGS: &str = "refs/tags/";

/// Finds the commit that `revision` names, `HEAD` when it is none.
pub(super) fn commit<'repository>(
    repository: &'repository gix::Repository,
    top: &Path,
    revision: Option<&str>,
) -> Result<gix::Commit<'repository>, GitError> {
    let revision = match revision {
        None | Some("HEAD" | "@") => return head(repository, top),
        Some(revision) => revision,
    };
    let found = match said_by_git(repository, revision) {
        Answer::Object(id) => {
            repository
                .find_object(id)
                .map_err(|source| GitError::Repository {
                    action: "find a revision in",
                    repository: top.to_owned(),
                    source,
                })?
        }
        answer => {
            let found = repository
                .rev_parse_single(BStr::new(revision))
                .and_then(|id| id.object())
                .map_err(|source| match answer {
                    // It may not be there because the repository is damaged.
                    Answer::Nothing if !source.is_corrupted() => {
                        unknown_to_git(repository, top, revision)
                    }
                    _ => unknown(source, repository, top, revision),
                })?;
            if answer == Answer::Nothing {
                return Err(unknown_to_git(repository, top, revision));
            }
            found
        }
    };
    found
        .peel_to_commit()
        .map_err(|source| GitError::NotCommit {
            revision: revision.to_owned(),
            repository: top.to_owned(),
            source,
        })
}

/// Finds the commit that is checked out.
fn head<'repository>(
    repository: &'repository gix::Repository,
    top: &Path,
) -> Result<gix::Commit<'repository>, GitError> {
    if repository.head().is_ok_and(|head| head.is_unborn()) {
        return Err(GitError::NoCommit {
            repository: top.to_owned(),
        });
    }
    repository
        .head_commit()
        .map_err(|source| GitError::Repository {
            action: "find the commit that is checked out in",
            repository: top.to_owned(),
            source,
        })
}

/// What `git rev-parse` answers.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Object(gix::ObjectId),
    Nothing,
    /// It was not asked, or is not there.
    Unasked,
}

/// Asks `git` for all but the plainest names: searches, dates and the reflog are its own art.
fn said_by_git(repository: &gix::Repository, revision: &str) -> Answer {
    let is_id = revision.len() == repository.object_hash().len_in_hex()
        && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id {
        return Answer::Unasked;
    }
    match Git::new(repository.git_dir()).object(revision) {
        Ok(id) => gix::ObjectId::from_hex(id.as_bytes()).map_or(Answer::Nothing, Answer::Object),
        Err(GitFailure::Said(_)) => Answer::Nothing,
        Err(_) => Answer::Unasked,
    }
}

fn unknown_to_git(repository: &gix::Repository, top: &Path, revision: &str) -> GitError {
    GitError::UnknownRevision {
        revision: revision.to_owned(),
        repository: top.to_owned(),
        shallow: repository.is_shallow().unwrap_or(false),
        source: None,
    }
}

/// Tells a name that leads nowhere from a repository that cannot be read.
fn unknown(
    source: gix::Error,
    repository: &gix::Repository,
    top: &Path,
    revision: &str,
) -> GitError {
    let is_wrong = source.is_not_found() || source.is_validation();
    if source.is_corrupted() || !is_wrong {
        return GitError::Repository {
            action: "find a revision in",
            repository: top.to_owned(),
            source,
        };
    }
    GitError::UnknownRevision {
        revision: revision.to_owned(),
        repository: top.to_owned(),
        shallow: repository.is_shallow().unwrap_or(false),
        source: (!source.is_not_found()).then_some(source),
    }
}

/// Returns the full name of the branch or tag that `commit` is published from, and its label: what a
/// person named, the branch that is checked out or was asked for, what the CI service says, or the
/// tag at the commit.
pub(super) fn reference_and_label(
    repository: &gix::Repository,
    spec: &SourceSpec,
    commit: gix::ObjectId,
) -> (String, String) {
    let given = &spec.reference;
    let mut reference = match &given.named {
        Some(named) => named.clone(),
        None => reference(repository, spec.revision.as_deref(), commit),
    };
    if reference.is_empty() {
        let said = given.of_ci(&commit.to_string());
        said.unwrap_or_default().clone_into(&mut reference);
    }
    let label = label(repository, &reference, commit);
    if reference.is_empty() && !label.is_empty() {
        reference = format!("{TAGS}{label}");
    }
    (reference, label)
}

/// Returns the full name of the branch or tag that `revision` is, empty when it is none.
fn reference(
    repository: &gix::Repository,
    revision: Option<&str>,
    commit: gix::ObjectId,
) -> String {
    let name = match revision {
        None | Some("HEAD" | "@") => repository.head_name().ok().flatten(),
        Some(text) => {
            repository
                .try_find_reference(text)
                .ok()
                .flatten()
                .and_then(|mut reference| {
                    let peeled = reference.peel_to_commit().ok()?;
                    (peeled.id == commit).then(|| reference.name().to_owned())
                })
        }
    };
    name.and_then(|name| name.as_bstr().to_str().ok().map(str::to_owned))
        .unwrap_or_default()
}

/// Returns the tag that names `commit`: the one asked for, else an annotated one before a light
/// one, else the first by name.
fn label(repository: &gix::Repository, reference: &str, commit: gix::ObjectId) -> String {
    if let Some(tag) = reference.strip_prefix(TAGS) {
        return tag.to_owned();
    }
    let Ok(references) = repository.references() else {
        return String::new();
    };
    let Ok(tags) = references.tags() else {
        return String::new();
    };
    // A tag that cannot be read names nothing; the commit can be packed all the same.
    tags.filter_map(Result::ok)
        .filter_map(|mut tag| {
            let direct = tag.try_id()?.detach();
            let peeled = tag.peel_to_id().ok()?.detach();
            let name = tag.name().as_bstr().to_str().ok()?.strip_prefix(TAGS)?;
            (peeled == commit).then(|| (direct == commit, name.to_owned()))
        })
        .min()
        .map(|(_, name)| name)
        .unwrap_or_default()
}

/// Returns `git+` and the address of the only remote, or of `origin` when there are several,
/// without user, password or query; without a remote the repository's own path.
pub(super) fn source(repository: &gix::Repository, top: &Path) -> String {
    let remote = repository.remote_default_name(gix::remote::Direction::Fetch);
    let configured = remote.and_then(|name| remote_url(repository, name.as_bstr()));
    let url = match configured {
        None => address::of_path(top),
        Some(configured) => {
            let text = configured.to_str_lossy();
            address::public(&text).or_else(|| {
                let base = repository.workdir().unwrap_or(repository.git_dir());
                address::of_path(&base.join(gix::path::from_bstr(configured.as_bstr()).ok()?))
            })
        }
    };
    url.map(|url| format!("git+{url}")).unwrap_or_default()
}

/// Returns the URL of a remote, as it is configured.
pub(super) fn remote_url(repository: &gix::Repository, name: &BStr) -> Option<BString> {
    let key = format!("remote.{name}.url");
    repository.config_snapshot().string(key.as_str())
}
