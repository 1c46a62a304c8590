//! What of a project is kept, and why.
//!
//! ```text
//! heads, earlier heads, tags, hosts, new ─▶ manifests ─▶ manifests in them, manifests about them
//!                                              └▶ their blobs
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bulla_schemas::units::count;
use bulla_schemas::{ChannelName, Digest, HostName, ProjectName, media_type};
use bulla_trust::LogState;

use crate::database::SeenManifest;
use crate::keep::Terms;
use crate::oci::digest::OciDigest;
use crate::oci::document::is_statement;
use crate::oci::reference::Tag;

const DAY: i64 = 24 * 60 * 60;

/// What is known of a project.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Its manifests.
    pub(super) manifests: BTreeMap<OciDigest, SeenManifest>,
    /// What those that can be read name.
    pub(super) documents: BTreeMap<OciDigest, Named>,
    pub(super) tags: BTreeSet<(Tag, OciDigest)>,
    /// What hosts say that they have, or had last.
    pub(super) hosts: BTreeSet<(Digest, HostName)>,
}

impl Known {
    /// Tells whether some of its manifests were made of statements of the log.
    pub(super) fn has_statements(&self) -> bool {
        let mut manifests = self.manifests.values();
        manifests.any(|manifest| is_statement(manifest.artifact_type.as_deref()))
    }
}

/// What a manifest names.
#[derive(Debug, Default, Clone)]
pub(super) struct Named {
    /// With their sizes.
    pub(super) blobs: BTreeMap<OciDigest, u64>,
    pub(super) manifests: BTreeSet<OciDigest>,
}

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Why each of these stays.
    pub(super) kept: BTreeMap<OciDigest, BTreeSet<Reason>>,
    /// Why each of these goes.
    pub(super) removed: BTreeMap<OciDigest, String>,
}

/// Why a manifest stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Head(ChannelName),
    Earlier(ChannelName),
    Tag(Tag),
    Host(HostName),
    New(i64),
    Unpromoted(i64),
    Part(OciDigest),
    About(OciDigest),
}

impl Reason {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Head(channel) => format!("head of {channel}"),
            Self::Earlier(channel) => format!("was the head of {channel}"),
            Self::Tag(tag) => format!("tag {tag}"),
            Self::Host(host) => format!("on {host}"),
            Self::New(age) => format!("pushed or asked for {}", ago(*age)),
            Self::Unpromoted(age) => {
                format!("never promoted, and pushed or asked for {}", ago(*age))
            }
            Self::Part(of) => format!("part of {}", short(of)),
            Self::About(subject) => format!("about {}", short(subject)),
        }
    }
}

/// Decides about the manifests of a project.
pub(super) fn mark(
    project: &ProjectName,
    known: &Known,
    state: &LogState,
    (terms, grace): (&Terms, i64),
    now: i64,
) -> Marks {
    let mut marks = Marks::default();
    let mut open = Vec::new();
    let mut keep = |digest: OciDigest, reason: Reason| {
        if known.manifests.contains_key(&digest) {
            open.push(digest.clone());
            marks.kept.entry(digest).or_default().insert(reason);
        }
    };
    for head in state.channels(project) {
        keep(head.hash.into(), Reason::Head(head.channel.clone()));
    }
    for (hash, channel) in earlier(project, state, terms, now) {
        let is_head = state
            .head(project, &channel)
            .is_some_and(|head| head.hash == hash);
        if !is_head {
            keep(hash.into(), Reason::Earlier(channel));
        }
    }
    for (tag, digest) in &known.tags {
        keep(digest.clone(), Reason::Tag(tag.clone()));
    }
    for (hash, host) in &known.hosts {
        keep((*hash).into(), Reason::Host(host.clone()));
    }
    for (digest, manifest) in &known.manifests {
        let age = now.saturating_sub(manifest.seen_at);
        if age <= grace {
            keep(digest.clone(), Reason::New(age));
        } else if age <= terms.unpromoted && is_unpromoted(project, state, digest, manifest) {
            keep(digest.clone(), Reason::Unpromoted(age));
        }
    }
    let keeps = keeps(known);
    while let Some(digest) = open.pop() {
        for (other, reason) in keeps.get(&digest).into_iter().flatten() {
            if !marks.kept.contains_key(other) {
                open.push(other.clone());
            }
            marks
                .kept
                .entry(other.clone())
                .or_default()
                .insert(reason.clone());
        }
    }
    for (digest, manifest) in &known.manifests {
        if !marks.kept.contains_key(digest) {
            let age = now.saturating_sub(manifest.seen_at);
            let why = why_removed(project, state, digest, age);
            marks.removed.insert(digest.clone(), why);
        }
    }
    marks
}

/// Returns what `seen` keeps: itself, what is in it, and what is about it.
pub(super) fn closure(known: &Known, seen: &BTreeSet<OciDigest>) -> BTreeSet<OciDigest> {
    let keeps = keeps(known);
    let mut kept = seen.clone();
    let mut open: Vec<OciDigest> = seen.iter().cloned().collect();
    while let Some(digest) = open.pop() {
        for (other, _) in keeps.get(&digest).into_iter().flatten() {
            if kept.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    kept
}

/// Which manifests each one keeps.
fn keeps(known: &Known) -> BTreeMap<OciDigest, Vec<(OciDigest, Reason)>> {
    let mut keeps: BTreeMap<OciDigest, Vec<(OciDigest, Reason)>> = BTreeMap::new();
    for (digest, named) in &known.documents {
        for part in &named.manifests {
            if known.manifests.contains_key(part) {
                let parts = keeps.entry(digest.clone()).or_default();
                parts.push((part.clone(), Reason::Part(digest.clone())));
            }
        }
    }
    for (digest, manifest) in &known.manifests {
        if let Some(subject) = &manifest.subject {
            let about = keeps.entry(subject.clone()).or_default();
            about.push((digest.clone(), Reason::About(subject.clone())));
        }
    }
    keeps
}

/// Returns what channels pointed to and is kept for it.
fn earlier(
    project: &ProjectName,
    state: &LogState,
    terms: &Terms,
    now: i64,
) -> Vec<(Digest, ChannelName)> {
    let promotions = state.promotions(project);
    if terms.keeps_all_promoted() {
        return promotions
            .map(|one| (one.hash, one.channel.clone()))
            .collect();
    }
    let mut kept = Vec::new();
    for head in state.channels(project) {
        let moves = state.moves(project, &head.channel);
        let most = terms
            .heads
            .map_or(0, |heads| usize::try_from(heads).unwrap_or(usize::MAX));
        let last = moves.in_effect().into_iter().rev().take(most);
        kept.extend(last.map(|one| (one.hash, head.channel.clone())));
        let Some(since) = terms.promoted.map(|period| now.saturating_sub(period)) else {
            continue;
        };
        // Until when it was the head is when the next one came; a clock that was behind has moved
        // nothing before what is in front of it in the log.
        let mut came = i64::MIN;
        let came = moves.iter().map(|one| {
            came = came.max(one.issued_at.as_seconds());
            came
        });
        let left = came.skip(1).chain([i64::MAX]);
        let stayed = moves.iter().zip(left).filter(|(_, left)| *left >= since);
        kept.extend(stayed.map(|(one, _)| (one.hash, head.channel.clone())));
    }
    kept
}

/// Tells whether nobody promoted a bundle: also one that the log does not name, as after it was
/// restored from an older backup.
fn is_unpromoted(
    project: &ProjectName,
    state: &LogState,
    digest: &OciDigest,
    manifest: &SeenManifest,
) -> bool {
    let hash = digest.sha256();
    is_bundle(manifest) && state.promotions(project).all(|one| Some(one.hash) != hash)
}

fn why_removed(project: &ProjectName, state: &LogState, digest: &OciDigest, age: i64) -> String {
    let ago = ago(age);
    let hash = digest.sha256();
    let promotions = state.promotions(project);
    let channels: BTreeSet<&str> = promotions
        .filter(|one| Some(one.hash) == hash)
        .map(|one| one.channel.as_str())
        .collect();
    let is_published = hash.is_some_and(|hash| state.release(project, &hash).is_some());
    if !channels.is_empty() {
        let channels: Vec<_> = channels.into_iter().collect();
        let channels = channels.join(", ");
        format!("no longer among the heads of {channels} that are kept; last asked for {ago}")
    } else if is_published {
        format!("never promoted; last asked for {ago}")
    } else {
        format!("named by no entry of the log, no tag and no host; last asked for {ago}")
    }
}

fn ago(age: i64) -> String {
    match u64::try_from(age / DAY).unwrap_or(0) {
        0 => "within a day".to_owned(),
        days => format!("{} ago", count(days, "day", "days")),
    }
}

fn short(digest: &OciDigest) -> String {
    digest
        .sha256()
        .map_or_else(|| digest.to_string(), |hash| hash.short())
}

/// Tells whether a manifest is one of a bundle.
pub(super) fn is_bundle(manifest: &SeenManifest) -> bool {
    manifest.artifact_type.as_deref() == Some(media_type::BUNDLE)
}

/// Returns the blobs that the manifests need which stay, or one of these manifests that cannot be
/// read.
pub(super) fn needed(
    known: &Known,
    is_kept: impl Fn(&OciDigest) -> bool,
) -> Result<BTreeMap<OciDigest, u64>, OciDigest> {
    let mut needed = BTreeMap::new();
    for digest in known.manifests.keys().filter(|digest| is_kept(digest)) {
        let named = known.documents.get(digest).ok_or_else(|| digest.clone())?;
        needed.extend(named.blobs.clone());
    }
    Ok(needed)
}
