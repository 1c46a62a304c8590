//! A state as plain JSON, for comparison with golden logs and with the second implementation.

use bulla_schemas::ProjectName;
use bulla_schemas::statement::Action;
use serde_json::{Map, Value, json};

use crate::replay::Verdict;
use crate::state::{LogState, Promotion};

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

/// Tells whether a promotion says anything about the steps in which it reaches servers.
fn says_rollout(promotion: &Promotion) -> bool {
    promotion.waves.is_some()
        || promotion.is_widening()
        || promotion.urgent != (promotion.action == Action::Rollback)
}

fn describe_project(state: &LogState, project: &ProjectName) -> Value {
    let channels = state.channels(project).map(|head| {
        let mut value = json!({
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
        // Channels without waves are described as they were before there were any.
        let of_channel = |promotion: &&Promotion| promotion.channel == head.channel;
        if state
            .promotions(project)
            .filter(of_channel)
            .any(says_rollout)
        {
            value["waves"] = json!(head.rollout.waves);
            value["open"] = json!(head.rollout.open);
            value["urgent"] = json!(head.rollout.urgent);
            value["lastSeq"] = json!(head.last_seq);
        }
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
