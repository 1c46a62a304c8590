//! `Organisation`, and what it signs.

use std::collections::BTreeMap;

use bulla_schemas::envelope::{Envelope, Signature};
use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::policy::{BuilderRule, ChannelRule, Person, Policy, Root, Witnesses};
use bulla_schemas::statement::{
    BUILD_TYPE, Build, BuildDefinition, BuildMetadata, Builder, Dependency, DependencyDigest,
    DigestSet, ExternalParameters, InternalParameters, PromotionStatement, RELEASE_TYPE,
    ReleasePredicate, ReleaseStatement, ReleaseSubject, RevocationStatement, RunDetails,
    STATEMENT_TYPE, Severity, SizeAnnotation,
};
use bulla_schemas::{Digest, Name, ProjectName, Timestamp};

use crate::accept::{Pin, accept};
use crate::checkpoint::Checkpoint;
use crate::envelope::{SignedEnvelope, pae, sign};
use crate::key::{PublicKey, SigningKey};
use crate::merkle::{leaf_hash, tree_hash};
use crate::note::{SignatureType, VerifierKey};
use crate::replay::{Reason, Verdict, replay};
use crate::sshsig::sign_for_tests;
use crate::state::LogState;
use crate::statement::{policy_after, promote, revoke, to_payload};
use crate::tile::{FULL, TileKind, TilePath, encode_entries, encode_hashes};

/// The log's name in tests.
pub const ORIGIN: &str = "releases.acme.example/bulla";
/// The project in tests.
pub const PROJECT: &str = "acme/billing";
/// What the builder's statements say as `builder.id`.
pub const BUILDER_ID: &str = "https://ci.acme.example/runner";
/// Where the releases in tests come from.
pub const SOURCE: &str = "git+https://git.acme.example/billing";

/// An organisation and its log.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Every entry of the log.
    pub entries: Vec<Vec<u8>>,
    /// What they lead to.
    pub state: LogState,
}

/// Returns the key that belongs to a name.
pub fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(Digest::of(name.as_bytes()).as_bytes())
}

/// Returns the public half of the security key that belongs to a name.
pub fn security_key(name: &str) -> PublicKey {
    key(name).public_key().in_token("ssh:")
}

/// Returns the key of the organisation's log.
pub fn log_key() -> SigningKey {
    key("log")
}

/// Returns the project of the tests.
pub fn project() -> ProjectName {
    name(PROJECT)
}

/// Parses a name that the test knows to be good.
///
/// # Panics
///
/// If it is not.
pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a good name")
}

/// Returns a second of the day on which all tests happen.
///
/// # Panics
///
/// Never: every `u32` is in range.
pub fn time(second: u32) -> Timestamp {
    Timestamp::from_seconds(1_795_000_000 + i64::from(second)).expect("a time in range")
}

/// Returns a policy, not yet numbered: `alice`, `bob` and `carol` are the root with threshold 2
/// and may promote to `prod` alone, to `vault` by two and by way of `staging`, to which as to
/// `dev` anybody may promote, to `dev` also the builder `ci`.
pub fn policy() -> Policy {
    let people = ["alice", "bob", "carol"];
    let person = |person: &str| Person {
        name: name(person),
        keys: vec![key(person).public_key().to_openssh()],
    };
    let channel =
        |channel: &str, people: &[&str], builders: &[&str], threshold, via: Option<&str>| {
            ChannelRule {
                project: "acme/*".to_owned(),
                channel: channel.to_owned(),
                people: people.iter().map(|&person| person.to_owned()).collect(),
                builders: builders.iter().map(|builder| name(builder)).collect(),
                threshold,
                via: via.map(name),
                max_age: None,
            }
        };
    Policy {
        version: 0,
        prev: Digest::from_bytes([0; 32]),
        origin: ORIGIN.to_owned(),
        log: LogPosition {
            size: 0,
            root: Digest::of(b""),
        },
        people: people.into_iter().map(person).collect(),
        root: Root {
            people: people.iter().map(|person| name(person)).collect(),
            threshold: 2,
        },
        builders: vec![BuilderRule {
            name: name("ci"),
            key: key("ci").public_key().to_openssh(),
            builder_id: BUILDER_ID.to_owned(),
            projects: vec!["acme/*".to_owned()],
            sources: vec!["git+https://git.acme.example/*".to_owned()],
            refs: vec!["refs/heads/main".to_owned(), "refs/tags/*".to_owned()],
        }],
        channels: vec![
            channel("dev", &["*"], &["ci"], 1, None),
            channel("staging", &["*"], &[], 1, None),
            channel("vault", &people, &[], 2, Some("staging")),
            channel("prod", &people, &[], 1, None),
        ],
        log_keys: vec![log_verifier(&log_key())],
        witnesses: Witnesses {
            keys: Vec::new(),
            quorum: 0,
        },
    }
}

/// Returns a log key as it stands in a policy.
///
/// # Panics
///
/// Never: the origin of the tests is a good name.
pub fn log_verifier(key: &SigningKey) -> String {
    VerifierKey::new(ORIGIN, SignatureType::Note, key.public_key())
        .expect("a good name")
        .to_string()
}

/// Returns the key of a witness as it stands in a policy.
///
/// # Panics
///
/// If the name is none for a key.
pub fn witness_line(name: &str) -> String {
    VerifierKey::new(name, SignatureType::Cosignature, key(name).public_key())
        .expect("a good name")
        .to_string()
}

/// Returns a checkpoint with the cosignature of a witness, as of a second of the tests' day.
///
/// # Panics
///
/// If it is no checkpoint, or the name is none for a key.
pub fn cosign(checkpoint: &[u8], witness: &str, second: u32) -> Vec<u8> {
    let (_, mut note) = Checkpoint::parse(checkpoint).expect("a checkpoint");
    let time = time(second).as_seconds().cast_unsigned();
    note.cosign(witness, &key(witness), time)
        .expect("a good name");
    note.to_bytes()
}

/// Returns the statement that the builder makes about a bundle.
pub fn release(project: &ProjectName, hash: Digest) -> ReleaseStatement {
    ReleaseStatement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: [ReleaseSubject {
            name: project.clone(),
            digest: DigestSet { sha256: hash },
            annotations: SizeAnnotation { size: 18_734_592 },
        }],
        predicate_type: RELEASE_TYPE.to_owned(),
        predicate: ReleasePredicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters: ExternalParameters {
                    project: project.clone(),
                    source: SOURCE.to_owned(),
                    reference: "refs/heads/main".to_owned(),
                    recipe: "bulla.toml".to_owned(),
                    label: "1.4.2".to_owned(),
                    dirty: false,
                    build: Build::None,
                },
                internal_parameters: InternalParameters {
                    tool: "bulla 0.1.0".to_owned(),
                },
                resolved_dependencies: [Dependency {
                    uri: format!("{SOURCE}@refs/heads/main"),
                    digest: DependencyDigest::GitCommit(hash.hex()[..40].to_owned()),
                    annotations: None,
                }],
            },
            run_details: RunDetails {
                builder: Builder {
                    id: BUILDER_ID.to_owned(),
                },
                metadata: BuildMetadata {
                    invocation_id: "https://ci.acme.example/run/991".to_owned(),
                    started_on: time(0),
                    finished_on: time(1),
                },
            },
        },
    }
}

/// Signs a payload as people do, each with the key of their name.
///
/// # Panics
///
/// If nobody signs, or the payload is too large.
pub fn sign_as(people: &[&str], payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut signatures: Vec<(String, Vec<u8>)> = people
        .iter()
        .map(|person| {
            let signature = sign_for_tests(&key(person), &pae(payload_type, payload));
            (signature.key().fingerprint(), signature.to_blob())
        })
        .collect();
    signatures.sort();
    raw_envelope(payload_type, payload, &signatures)
}

/// Signs a payload as builders do.
///
/// # Panics
///
/// If the payload is too large.
pub fn sign_as_builder(builder: &str, payload: &[u8]) -> Vec<u8> {
    sign(IN_TOTO, payload, &key(builder))
        .expect("a small payload")
        .to_bytes()
}

/// Signs a message as `ssh-keygen -Y sign -n bulla` does, and returns the armoured text.
pub fn armoured(person: &str, message: &[u8]) -> String {
    sign_for_tests(&key(person), message).to_armour()
}

/// Writes the JSON of an envelope without checking any rule.
///
/// # Panics
///
/// Never: an envelope is made of strings.
pub fn raw_envelope(
    payload_type: &str,
    payload: &[u8],
    signatures: &[(String, Vec<u8>)],
) -> Vec<u8> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    serde_json::to_vec(&Envelope {
        payload: STANDARD.encode(payload),
        payload_type: payload_type.to_owned(),
        signatures: signatures
            .iter()
            .map(|(keyid, signature)| Signature {
                keyid: keyid.clone(),
                sig: STANDARD.encode(signature),
            })
            .collect(),
    })
    .expect("strings have a JSON form")
}

impl Default for Organisation {
    fn default() -> Self {
        Self::new()
    }
}

impl Organisation {
    /// Founds an organisation: a log with the first policy.
    pub fn new() -> Self {
        Self::with_policy(|_| ())
    }

    /// Founds an organisation with another policy.
    ///
    /// # Panics
    ///
    /// If the policy does not hold.
    pub fn with_policy(edit: impl FnOnce(&mut Policy)) -> Self {
        let mut organisation = Self {
            entries: Vec::new(),
            state: LogState::default(),
        };
        let mut first = policy();
        edit(&mut first);
        let verdict = organisation.adopt(first, &["alice", "bob"]);
        assert_eq!(verdict, Verdict::Effective);
        organisation
    }

    /// Founds an organisation with two releases, the first of them on `prod`.
    ///
    /// # Panics
    ///
    /// Never: alice may promote.
    pub fn live() -> (Self, Digest, Digest) {
        let mut organisation = Self::new();
        let old = organisation.publish(&project(), "old");
        let new = organisation.publish(&project(), "new");
        let verdict = organisation.promote("prod", old, &["alice"]);
        assert_eq!(verdict, Verdict::Effective);
        (organisation, old, new)
    }

    /// Returns the head of `prod` in the project of the tests.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn prod(&self) -> Digest {
        let head = self.state.head(&project(), &name("prod"));
        head.expect("something is on `prod`").hash
    }

    /// Returns what a server remembers that was enrolled with the whole log.
    ///
    /// # Panics
    ///
    /// If the log is not acceptable.
    pub fn enrolled(&self) -> LogState {
        let (anchor, empty) = (self.anchor(), LogState::default());
        accept(
            &empty,
            Pin::Anchor(&anchor),
            &self.checkpoint(),
            &self.entries,
        )
        .expect("an honest log")
    }

    /// Appends an entry and tells what it did.
    ///
    /// # Panics
    ///
    /// If the entry stops the replay.
    pub fn append(&mut self, entry: Vec<u8>) -> Verdict {
        let state = std::mem::take(&mut self.state);
        let (state, mut verdicts) =
            replay(state, [entry.as_slice()]).expect("an entry of this version");
        self.state = state;
        self.entries.push(entry);
        verdicts.remove(0)
    }

    /// Appends a policy as the next version.
    pub fn adopt(&mut self, policy: Policy, people: &[&str]) -> Verdict {
        let payload = to_payload(&policy_after(&self.state, policy));
        self.append(sign_as(people, POLICY, &payload))
    }

    /// Appends the release of a bundle that is named after `content`, and returns its hash.
    ///
    /// # Panics
    ///
    /// If the policy does not let `ci` release it.
    pub fn publish(&mut self, project: &ProjectName, content: &str) -> Digest {
        let hash = Digest::of(content.as_bytes());
        let verdict = self.append_release(&release(project, hash));
        assert_eq!(verdict, Verdict::Effective);
        hash
    }

    /// Appends a release statement signed by `ci`.
    pub fn append_release(&mut self, release: &ReleaseStatement) -> Verdict {
        self.append(sign_as_builder("ci", &to_payload(release)))
    }

    /// Drafts the promotion of a bundle in the project of the tests.
    pub fn draft(&self, channel: &str, hash: Digest) -> PromotionStatement {
        let second = u32::try_from(self.entries.len()).unwrap_or(0);
        promote(
            &self.state,
            &project(),
            &name(channel),
            hash,
            "because".to_owned(),
            time(second),
        )
    }

    /// Appends the promotion of a bundle in the project of the tests.
    pub fn promote(&mut self, channel: &str, hash: Digest, people: &[&str]) -> Verdict {
        let promotion = self.draft(channel, hash);
        self.append_promotion(&promotion, people)
    }

    /// Appends a promotion signed by people.
    pub fn append_promotion(&mut self, promotion: &PromotionStatement, people: &[&str]) -> Verdict {
        self.append(sign_as(people, IN_TOTO, &to_payload(promotion)))
    }

    /// Drafts a revocation in the project of the tests.
    pub fn draft_revocation(&self, hash: Digest, severity: Severity) -> RevocationStatement {
        revoke(
            &self.state,
            &project(),
            &[hash],
            severity,
            "broken".to_owned(),
            time(0),
        )
    }

    /// Appends a revocation in the project of the tests.
    pub fn revoke(&mut self, hash: Digest, severity: Severity, person: &str) -> Verdict {
        let revocation = self.draft_revocation(hash, severity);
        self.append(sign_as(&[person], IN_TOTO, &to_payload(&revocation)))
    }

    /// Returns the checkpoint over all entries, signed by the log.
    pub fn checkpoint(&self) -> Vec<u8> {
        self.checkpoint_at(self.entries.len(), &log_key())
    }

    /// Returns a checkpoint over the first `size` entries, signed by some key.
    ///
    /// # Panics
    ///
    /// If the log is shorter.
    pub fn checkpoint_at(&self, size: usize, key: &SigningKey) -> Vec<u8> {
        let leaves: Vec<Digest> = self.entries[..size].iter().map(|e| leaf_hash(e)).collect();
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size: size as u64,
            root: tree_hash(&leaves),
        };
        checkpoint.sign(key).expect("a good origin").to_bytes()
    }

    /// Returns the line that a new server starts from.
    ///
    /// # Panics
    ///
    /// Never: the log has a policy.
    pub fn anchor(&self) -> Anchor {
        self.state.anchor().expect("the log has a policy")
    }

    /// Returns the log as static files, by path.
    ///
    /// # Panics
    ///
    /// If an entry is too large for a log.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let leaves: Vec<Digest> = self.entries.iter().map(|e| leaf_hash(e)).collect();
        let mut files = BTreeMap::from([("checkpoint".to_owned(), self.checkpoint())]);
        for tile in TilePath::grown(0, self.entries.len() as u64) {
            let start = usize::try_from(tile.start()).expect("a small log");
            let width = usize::from(tile.width);
            let content = match tile.kind {
                TileKind::Entries => encode_entries(&self.entries[start..start + width])
                    .expect("entries fit into a bundle"),
                TileKind::Hashes { level } => {
                    let span = usize::from(FULL).pow(level.into());
                    let hash = |n: usize| tree_hash(&leaves[n * span..(n + 1) * span]);
                    let hashes: Vec<Digest> = (start..start + width).map(hash).collect();
                    encode_hashes(&hashes)
                }
            };
            files.insert(tile.to_string(), content);
        }
        files
    }

    /// Returns an entry, taken apart.
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    pub fn envelope(&self, entry: usize) -> SignedEnvelope {
        SignedEnvelope::from_bytes(&self.entries[entry]).expect("a canonical envelope")
    }
}

/// Returns why an entry has no effect.
///
/// # Panics
///
/// If it has one.
pub fn inert(verdict: Verdict) -> Reason {
    match verdict {
        Verdict::Inert(reason) => reason,
        Verdict::Effective => panic!("the entry took effect"),
    }
}

/// Returns the names in a list of people.
pub fn names(people: &[&str]) -> Vec<Name> {
    people.iter().map(|person| name(person)).collect()
}
