//! The registry: the log it shows, and what the token allows there.

use bulla_registry_client::{ClientError, Greeting};
use bulla_schemas::ProjectName;
use bulla_schemas::api::LogInfo;
use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::report::{Finding, Step};
use bulla_schemas::units::count;
use bulla_trust::LogState;

const STEP: Step = Step::Registry;

/// Looks at a log that was verified.
pub fn log(state: &LogState) -> Finding {
    Finding::ok(
        STEP,
        format_args!(
            "the log `{}` is consistent with what is remembered here; its size is {}",
            state.origin().unwrap_or_default(),
            state.size()
        ),
    )
}

/// Looks at a log that cannot be verified, because nothing is known of it here yet.
pub fn unverified_log(state: &LogState, is_builder: bool) -> Finding {
    let found = format!(
        "the registry shows the log `{}` of size {}; without an anchor it is not verified",
        state.origin().unwrap_or_default(),
        state.size()
    );
    if is_builder {
        return Finding::ok(
            STEP,
            format_args!("{found}, and publishing does not need it"),
        );
    }
    Finding::warning(
        STEP,
        found,
        "to look at releases or move channels, give --anchor or BULLA_ANCHOR once; publishing does \
         not need it",
    )
}

/// Looks at how far a mirror is; nothing of a registry that is none.
pub fn mirror(info: &LogInfo) -> Option<Finding> {
    let origin = info.mirror_of.as_ref()?;
    let so_far = match (info.mirror_behind, info.mirrored_at) {
        (None | Some(0), Some(at)) => format!("and had all of it at {at}"),
        (Some(0), None) => "and has all of its log, and not yet all of its content".to_owned(),
        (Some(behind), _) => format!("and {} behind", count(behind, "entry is", "entries are")),
        (None, None) => "and has not heard of it since it started".to_owned(),
    };
    let found = format!("this is a mirror of {origin}, {so_far}");
    let hint = format!("publish and promote at {origin}; here, what is newest may be missing");
    Some(
        if info.mirrored_at.is_some() && info.mirror_behind.unwrap_or(0) == 0 {
            Finding::ok(STEP, found)
        } else {
            Finding::warning(STEP, found, hint)
        },
    )
}

/// Looks at what the registry says of the caller.
pub fn token(
    answer: &Result<Greeting, ClientError>,
    has_token: bool,
    project: Option<&ProjectName>,
) -> Vec<Finding> {
    const MAKE: &str = "`bulla-registry token create` makes one; give it in BULLA_TOKEN, --token-file or \
                        `token-file` of the configuration";
    let caller = match answer {
        Ok(greeting) => &greeting.caller,
        // An older registry cannot be asked this.
        Err(error) if error.is_not_found() => {
            let hint = "ask its operator for a newer version";
            let found = "the registry cannot say what the token allows";
            return vec![Finding::warning(STEP, found, hint)];
        }
        Err(error) => return vec![Finding::error(STEP, error, error.hint())],
    };
    if !has_token {
        return vec![if caller.anonymous_read {
            Finding::warning(
                STEP,
                "no token: reading needs none here, but publishing and promoting do",
                MAKE,
            )
        } else {
            Finding::failed(
                STEP,
                "no token, and reading needs one here",
                Some(MAKE.to_owned()),
            )
        }];
    }
    let says = format!("the token is valid: {}", caller.rights());
    let is_for = |project: &ProjectName| {
        caller
            .projects
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => project.as_str().starts_with(prefix),
                None => project.as_str() == pattern,
            })
    };
    let mut findings = vec![Finding::ok(STEP, says)];
    if let Some(project) = project.filter(|project| !is_for(project)) {
        let found = format_args!("the token is not for {project}");
        findings.push(Finding::failed(STEP, found, Some(MAKE.to_owned())));
    }
    if !caller.allows("push") {
        let found = "the token cannot publish or promote: it lacks the scope `push`";
        findings.push(Finding::warning(STEP, found, MAKE));
    }
    if !caller.allows("pull") && !caller.anonymous_read {
        let found = "the token cannot read: it lacks the scope `pull`";
        findings.push(Finding::failed(STEP, found, Some(MAKE.to_owned())));
    }
    findings
}
