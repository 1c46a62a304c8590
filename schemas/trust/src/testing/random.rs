//! Random logs: statements of all kinds, honest, careless and hostile, in a reproducible order.

use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::policy::Policy;
use bulla_schemas::statement::{Action, Build, PromotionStatement, Severity, Wave, Waves};
use bulla_schemas::{Digest, ProjectName};

use super::{Organisation, key, name, policy, raw_envelope, release, security_key, time};
use crate::envelope::{SignedEnvelope, pae};
use crate::sshsig::{sign_as_token_for_tests, sign_for_tests};
use crate::statement::{policy_after, promote, revoke, to_payload};

mod damage;
mod generator;

use damage::{damage_bytes, damage_text};
pub use generator::Random;

const PROJECTS: [&str; 3] = ["acme/billing", "acme/shop", "other/thing"];
const CHANNELS: [&str; 5] = ["dev", "staging", "vault", "prod", "nowhere"];

/// Returns a log of `length` entries with all kinds of right and wrong ones.
pub fn random_log(seed: u64, length: usize) -> Organisation {
    let mut random = Random::new(seed);
    let mut acme = Organisation::with_policy(|policy| {
        policy.people[0]
            .keys
            .push(key("alice2").public_key().to_openssh());
        policy.people[1]
            .keys
            .push(security_key("token").to_openssh());
    });
    while acme.entries.len() < length {
        let entry = random_entry(&acme, &mut random);
        // A later policy that the root happened to sign would end the log.
        if acme.state.judge(&entry).is_ok() {
            acme.append(entry);
        }
    }
    acme
}

fn random_entry(acme: &Organisation, random: &mut Random) -> Vec<u8> {
    if random.percent(2) && acme.entries.len() > 1 {
        return acme.entries[random.below(acme.entries.len())].clone();
    }
    let (payload_type, mut payload, signers) = match random.below(100) {
        0..4 => repeated(acme, random),
        4..7 => later_policy(acme, random),
        7..30 => random_release(random),
        30..80 => random_promotion(acme, random),
        80..88 => random_revocation(acme, random),
        _ => random_policy(acme, random),
    };
    if random.percent(12) {
        payload = damage_text(&payload, random);
    }
    let entry = sign_mixed(payload_type, &payload, &signers, random);
    if random.percent(6) {
        damage_bytes(entry, random)
    } else {
        entry
    }
}

type Unsigned = (&'static str, Vec<u8>, Vec<&'static str>);

/// What an earlier entry said, signed again, by the same or by others.
fn repeated(acme: &Organisation, random: &mut Random) -> Unsigned {
    let entry = &acme.entries[random.below(acme.entries.len())];
    let payload = SignedEnvelope::from_bytes(entry).map_or_else(
        |_| to_payload(&release(&name(PROJECTS[0]), Digest::of(entry))),
        |envelope| envelope.payload().to_vec(),
    );
    let signers = match random.below(4) {
        0 => vec!["deploy"],
        1 => vec!["ci", "deploy"],
        2 => random.signers(2),
        _ => vec!["ci"],
    };
    (IN_TOTO, payload, signers)
}

fn later_policy(acme: &Organisation, random: &mut Random) -> Unsigned {
    let later = [
        "application/vnd.bulla.policy.v2+json",
        "application/vnd.bulla.policy.",
        "application/vnd.bulla.policy.v1+json2",
    ];
    let next = policy_after(
        &acme.state,
        acme.state.policy().cloned().unwrap_or_else(policy),
    );
    (
        later[random.below(later.len())],
        to_payload(&next),
        random.signers(2),
    )
}

fn random_release(random: &mut Random) -> Unsigned {
    let statement_of = if random.percent(85) { 2 } else { 3 };
    let project: ProjectName = name(PROJECTS[random.below(statement_of)]);
    let mut statement = release(&project, random_hash(random));
    let definition = &mut statement.predicate.build_definition;
    let parameters = &mut definition.external_parameters;
    parameters.dirty = random.percent(15);
    parameters.build = match random.below(6) {
        0 => Build::Sandbox,
        1 => Build::NoSandbox,
        _ => Build::None,
    };
    if random.percent(5) {
        let sources = [
            "git+https://evil.example/x",
            "",
            "svn+https://git.acme.example/",
        ];
        parameters.source = String::from(random.pick(&sources));
    }
    if random.percent(20) {
        let refs = ["refs/tags/v1", "refs/tags/", "refs/heads/main2", ""];
        parameters.reference = String::from(random.pick(&refs));
    }
    if random.percent(3) {
        parameters.project = name("acme/shop");
    }
    if random.percent(3) {
        statement.predicate.run_details.builder.id.push('/');
    }
    if random.percent(2) {
        definition.build_type.push('2');
    }
    let signers = match random.below(10) {
        0 => random.signers(2),
        1 => vec!["ci", "deploy"],
        2 => vec!["alice", "ci"],
        _ => vec!["ci"],
    };
    (IN_TOTO, to_payload(&statement), signers)
}

fn random_promotion(acme: &Organisation, random: &mut Random) -> Unsigned {
    let project: ProjectName = name(PROJECTS[usize::from(random.percent(15))]);
    let channels = if random.percent(95) { 4 } else { 5 };
    let channel = name(CHANNELS[random.below(channels)]);
    let known: Vec<Digest> = acme.state.releases(&project).map(|r| r.hash).collect();
    let hash = if known.is_empty() || random.percent(10) {
        random_hash(random)
    } else {
        known[random.below(known.len())]
    };
    let at = time(u32::try_from(acme.entries.len()).unwrap_or(0));
    let mut statement = promote(
        &acme.state,
        &project,
        &channel,
        hash,
        "why ü\n".to_owned(),
        at,
    );
    random_rollout(&mut statement, acme, random);
    let predicate = &mut statement.predicate;
    match random.below(30) {
        0 => predicate.seq += 1,
        1 => predicate.seq = predicate.seq.saturating_sub(1),
        2 => predicate.prev = Digest::of(b"another"),
        3 => predicate.log.root = Digest::of(b"a fork"),
        4 => predicate.log.size += 1,
        5 => predicate.project = name("acme/shop"),
        6 => predicate.action = Action::Promote,
        7 => predicate.action = Action::Rollback,
        8..10 => {
            predicate.action = Action::Pause;
            if let Some(head) = acme.state.head(&project, &channel) {
                statement.subject[0].digest.sha256 = head.hash;
            }
        }
        10..14 => {
            // An earlier place in the same history is as good.
            let size = random.below(acme.entries.len() + 1) as u64;
            predicate.log.size = size;
            predicate.log.root = acme.state.root_at(size).unwrap_or(Digest::of(b""));
        }
        _ => {}
    }
    let most = if channel.as_str() == "vault" { 4 } else { 2 };
    (IN_TOTO, to_payload(&statement), random.signers(most))
}

/// Waves of promotions and their widening, with fields where they belong and where they do not.
fn random_rollout(statement: &mut PromotionStatement, acme: &Organisation, random: &mut Random) {
    let predicate = &mut statement.predicate;
    let is_right = predicate.action == Action::Promote || random.percent(10);
    if random.percent(40) && is_right {
        let waves = ["manual", "1s", "10m", "90s", "24h"];
        predicate.waves = Some(random.pick(&waves).parse::<Waves>().expect("waves"));
    }
    if random.percent(15) {
        let usual = predicate.action == Action::Rollback;
        predicate.urgent = Some(usual == random.percent(10));
    }
    if random.percent(25) {
        if let Some(head) = acme.state.head(&predicate.project, &predicate.channel) {
            statement.subject[0].digest.sha256 = head.hash;
        }
        predicate.action = Action::Widen;
        let wave = u64::try_from(random.below(8) + 1).unwrap_or(1);
        predicate.up_to = Wave::try_from(wave).ok();
        if random.percent(90) {
            predicate.waves = None;
            predicate.urgent = None;
        }
    }
    if random.percent(4) {
        predicate.up_to = Some(Wave::LAST).filter(|_| predicate.up_to.is_none());
    }
}

fn random_revocation(acme: &Organisation, random: &mut Random) -> Unsigned {
    let project: ProjectName = name(PROJECTS[random.below(3)]);
    let hashes: Vec<Digest> = (0..random.below(3)).map(|_| random_hash(random)).collect();
    let severity = if random.percent(50) {
        Severity::Block
    } else {
        Severity::Warn
    };
    let mut statement = revoke(
        &acme.state,
        &project,
        &hashes,
        severity,
        "bad".to_owned(),
        time(9),
    );
    if random.percent(10) {
        statement.predicate.log.size = 0;
        if random.percent(50) {
            statement.predicate.log.root = Digest::of(b"");
        }
    }
    if random.percent(10)
        && let Some(subject) = statement.subject.last_mut()
    {
        subject.name = name("acme/shop");
    }
    (IN_TOTO, to_payload(&statement), random.signers(1))
}

fn random_policy(acme: &Organisation, random: &mut Random) -> Unsigned {
    let current = acme.state.policy().cloned().unwrap_or_else(policy);
    let mut next = policy_after(&acme.state, current);
    for _ in 0..=random.below(2) {
        edit_policy(&mut next, random);
    }
    match random.below(20) {
        0 => next.version += 1,
        1 => next.prev = Digest::of(b"another"),
        2 => next.origin = String::from("other.example/log"),
        3 => next.log.size += 1,
        4 => next.version = 1,
        _ => {}
    }
    let signers = match random.below(4) {
        0 => random.signers(3),
        1 => vec!["bob", "carol"],
        _ => vec!["alice", "bob", "carol", "dave"],
    };
    (POLICY, to_payload(&next), signers)
}

fn edit_policy(policy: &mut Policy, random: &mut Random) {
    let openssh = |name: &str| key(name).public_key().to_openssh();
    match random.below(22) {
        0 => policy.root.threshold = u32::try_from(random.below(4)).unwrap_or(0),
        1 => policy.channels.swap(0, 3),
        2 => policy.channels[2].via = None,
        3 => policy.channels[3].threshold = u32::try_from(random.below(5)).unwrap_or(0),
        4 => policy.channels[0].people = vec!["bob".to_owned(), "*".to_owned()],
        5 => policy.channels[1].people = vec!["nobody".to_owned()],
        6 => policy.people[0].keys = vec![openssh("alice2")],
        7 => policy.people[0].keys = vec![openssh("alice")],
        8 => policy.people[1].keys.push(openssh("alice")),
        9 => policy.people[1].keys.push(openssh("bob") + " comment"),
        10 => policy.people[2].keys.clear(),
        11 => {
            let mut dave = policy.people[0].clone();
            dave.name = name("dave");
            dave.keys = vec![openssh("dave")];
            policy.people.push(dave);
        }
        12 => policy.root.people.push(name("dave")),
        13 => {
            let mut builder = policy.builders[0].clone();
            builder.name = name("deploy");
            builder.key = openssh("deploy");
            policy.builders.push(builder);
        }
        14 => policy.builders[0].refs = vec!["*".to_owned()],
        15 => policy.builders[0].refs = vec!["refs/*/main".to_owned()],
        16 => policy.builders[0].name = name("alice"),
        17 => policy.channels[1].builders = vec![name("ci")],
        18 => policy.log_keys.clear(),
        19 => policy.witnesses.quorum = 1,
        20 => policy.channels[0].max_age = Some(604_800),
        _ => policy.people[2].keys = vec!["ssh-rsa AAAAB3NzaC1yc2E=".to_owned()],
    }
}

fn random_hash(random: &mut Random) -> Digest {
    let content = format!("bundle {}", random.below(9));
    Digest::of(content.as_bytes())
}

/// Signs with every name's key, builders as builders do; now and then as the wrong kind, or with
/// a signature of something else.
fn sign_mixed(
    payload_type: &str,
    payload: &[u8],
    signers: &[&str],
    random: &mut Random,
) -> Vec<u8> {
    let mut message = pae(payload_type, payload);
    let mut signatures: Vec<(String, Vec<u8>)> = signers
        .iter()
        .map(|signer| {
            let key = key(signer);
            let is_builder = matches!(*signer, "ci" | "deploy") != random.percent(1);
            if random.percent(1) {
                message.push(b' ');
            }
            if is_builder {
                let signature = key.sign_raw(&message).to_vec();
                return (key.public_key().fingerprint(), signature);
            }
            let signature = if *signer == "token" {
                let flags = if random.percent(80) {
                    1
                } else {
                    random.below(8)
                };
                sign_as_token_for_tests(&key, flags.to_le_bytes()[0], &message)
            } else {
                sign_for_tests(&key, &message)
            };
            (signature.key().fingerprint(), signature.to_blob())
        })
        .collect();
    signatures.sort();
    if random.percent(1) {
        signatures.reverse();
    }
    raw_envelope(payload_type, payload, &signatures)
}
