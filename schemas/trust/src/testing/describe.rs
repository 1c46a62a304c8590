//! A state as plain JSON, for comparison with golden logs and with the second implementation.

use bulla_schemas::ProjectName;
use serde_json::{Map, Value, json};

use crate::replay::Verdict;
use crate::state::LogState;

/// Describes everything that a log says, and which of its entries took effect.
pub fn describe(state: &LogState, verdicts: &[Verdict]) -> Value {
    let effective = verdicts.iter().map(|verdict| match verdict {
        Verdict::Effective => '+',
        Verdict::Inert(_) => '-',
    });
    let projects = state.projects();
    json!({
        "size": state.size(),
        "root": state.root().hex(),
        "origin": state.origin(),
        "effective": effective.collect::<String>(),
        "policyVersion": state.policy_version(),
        "policyPayload": state.policy_payload().hex(),
        "projects": projects
            .map(|project| (project.to_string(), describe_project(state, project)))
            .collect::<Map<_, _>>(),
    })
}

fn describe_project(state: &LogState, project: &ProjectName) -> Value {
    let channels = state.channels(project).map(|head| {
        let value = json!({
            "hash": head.hash.hex(),
            "size": head.size,
            "seq": head.seq,
            "entry": head.entry,
            "action": head.action,
            "people": head.people,
            "reason": head.reason,
            "issuedAt": head.issued_at,
            "payload": head.payload.hex(),
        });
        (head.channel.to_string(), value)
    });
    let releases = state.releases(project).map(|release| {
        let statements = release.statements.iter().map(|record| {
            let mut statement = json!({
                "entry": record.entry,
                "builders": record.builders,
                "source": record.source,
                "ref": record.reference,
                "revision": record.revision,
                "label": record.label,
                "dirty": record.dirty,
                "size": record.size,
                "finishedOn": record.finished_on,
            });
            if !record.build.is_none() {
                statement["build"] = json!(record.build);
            }
            statement
        });
        (release.hash.hex(), statements.collect::<Value>())
    });
    let promotions = state.promotions(project).map(|promotion| {
        let (channel, hash) = (&promotion.channel, promotion.hash.hex());
        json!([
            promotion.entry,
            channel,
            promotion.seq,
            promotion.action,
            hash
        ])
    });
    let revoked = state
        .revocations(project)
        .flat_map(|revocation| &revocation.hashes)
        .map(|hash| (hash.hex(), json!(state.revocation(project, hash))));
    json!({
        "channels": channels.collect::<Map<_, _>>(),
        "releases": releases.collect::<Map<_, _>>(),
        "promotions": promotions.collect::<Value>(),
        "revoked": revoked.collect::<Map<_, _>>(),
    })
}
