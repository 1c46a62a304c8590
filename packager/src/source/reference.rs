//! The branch or tag that a revision is published from, where the checkout does not tell: CI
//! services check out a commit and no branch.

use super::SourceError;

/// What is said about the branch or tag from outside the checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenReference {
    /// The full name that a person gave, such as `refs/heads/main`. It counts in any case.
    pub named: Option<String>,
    /// What the CI service says. It counts where no branch is checked out.
    pub ci: Option<CiRevision>,
}

/// What a CI service builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiRevision {
    /// The commit. Another one may be packed as well, of which the service says nothing.
    pub commit: String,
    /// The full name of the branch or tag.
    pub reference: String,
}

impl CiRevision {
    /// Reads the variables that GitHub Actions, GitLab CI and Jenkins document.
    pub fn of_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is = |name, value: &str| variable(name).is_some_and(|found| found == value);
        let prefixed = |prefix: &str, name| Some(format!("{prefix}{}", variable(name)?));
        // https://docs.github.com/en/actions/reference/workflows-and-actions/variables
        let (commit, reference) = if is("GITHUB_ACTIONS", "true") {
            (variable("GITHUB_SHA"), variable("GITHUB_REF"))
        // https://docs.gitlab.com/ci/variables/predefined_variables/
        } else if is("GITLAB_CI", "true") {
            let reference = prefixed("refs/tags/", "CI_COMMIT_TAG")
                .or_else(|| prefixed("refs/heads/", "CI_COMMIT_BRANCH"))
                .or_else(|| variable("CI_MERGE_REQUEST_REF_PATH"));
            (variable("CI_COMMIT_SHA"), reference)
        // https://www.jenkins.io/doc/book/pipeline/jenkinsfile/, and the help of the git plugin
        } else if variable("JENKINS_URL").is_some() {
            let reference = prefixed("refs/tags/", "TAG_NAME")
                .or_else(|| prefixed("refs/heads/", "GIT_LOCAL_BRANCH"))
                .or_else(|| jenkins_branch(&variable("GIT_BRANCH")?));
            (variable("GIT_COMMIT"), reference)
        } else {
            return None;
        };
        let reference = reference.filter(|reference| is_full_name(reference))?;
        Some(Self {
            commit: commit?,
            reference,
        })
    }
}

/// Writes `GIT_BRANCH` in full: `origin/main`, or `main` where a multibranch pipeline sets it.
fn jenkins_branch(branch: &str) -> Option<String> {
    if branch.starts_with("refs/") {
        return Some(branch.to_owned());
    }
    if branch == "detached" {
        return None;
    }
    let name = branch.strip_prefix("origin/").unwrap_or(branch);
    Some(format!("refs/heads/{name}"))
}

impl GivenReference {
    /// Checks what a person gave.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        match &self.named {
            Some(named) if !is_full_name(named) => Err(SourceError::NotReference {
                found: named.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns what the CI service says about `commit`.
    pub(super) fn of_ci(&self, commit: &str) -> Option<&str> {
        let ci = self.ci.as_ref()?;
        (ci.commit == commit).then_some(ci.reference.as_str())
    }
}

/// Tells whether a text is the full name of a branch or tag and nothing else, such as two names.
pub(super) fn is_full_name(text: &str) -> bool {
    text.starts_with("refs/") && gix::validate::reference::name(text.into()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Option<CiRevision> {
        CiRevision::of_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn reads_what_each_service_documents() {
        let github = |reference| {
            read(&[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_SHA", "c"),
                ("GITHUB_REF", reference),
            ])
        };
        let gitlab =
            |name, value| read(&[("GITLAB_CI", "true"), ("CI_COMMIT_SHA", "c"), (name, value)]);
        let jenkins = |name, value| {
            read(&[
                ("JENKINS_URL", "http://j/"),
                ("GIT_COMMIT", "c"),
                (name, value),
            ])
        };
        for (found, expected) in [
            (github("refs/heads/a/b"), "refs/heads/a/b"),
            (github("refs/tags/v1"), "refs/tags/v1"),
            (github("refs/pull/7/merge"), "refs/pull/7/merge"),
            (gitlab("CI_COMMIT_BRANCH", "main"), "refs/heads/main"),
            (gitlab("CI_COMMIT_TAG", "v1"), "refs/tags/v1"),
            (
                gitlab("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/1/head"),
                "refs/merge-requests/1/head",
            ),
            (jenkins("GIT_BRANCH", "origin/a/b"), "refs/heads/a/b"),
            (jenkins("GIT_BRANCH", "main"), "refs/heads/main"),
            (jenkins("GIT_BRANCH", "refs/tags/v1"), "refs/tags/v1"),
            (jenkins("GIT_LOCAL_BRANCH", "main"), "refs/heads/main"),
            (jenkins("TAG_NAME", "v1"), "refs/tags/v1"),
        ] {
            let expected = CiRevision {
                commit: "c".to_owned(),
                reference: expected.to_owned(),
            };
            assert_eq!(found, Some(expected));
        }
        for nothing in [
            read(&[]),
            read(&[("GITHUB_SHA", "c"), ("GITHUB_REF", "refs/heads/x")]),
            read(&[("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/heads/x")]),
            github("main"),
            github("refs/heads/a b"),
            jenkins("GIT_BRANCH", "detached"),
        ] {
            assert_eq!(nothing, None);
        }
    }
}
