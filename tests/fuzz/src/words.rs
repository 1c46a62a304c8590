//! Names, numbers and documents of the interface: what is read is written again and read as the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bulla_schemas::api::{
    Appended, BlobFrames, CallerInfo, Diff, ErrorBody, HostDetail, HostReport, HostSummary,
    LogInfo, MissingFrames, Page, ProjectSummary, ReleaseDetail, ReleaseSummary,
};
use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::period::Period;
use bulla_schemas::statement::Waves;
use bulla_schemas::{
    ChannelName, Codec, Digest, DigestPrefix, EntryPath, HostName, Name, ProjectName, Timestamp,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A text that may be a name or a number: it has one form, or one that all others become.
pub fn word(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    has_one_text::<ProjectName>(text);
    has_one_text::<ChannelName>(text);
    has_one_text::<HostName>(text);
    has_one_text::<Name>(text);
    has_one_text::<EntryPath>(text);
    has_one_text::<Digest>(text);
    has_one_text::<Anchor>(text);
    has_one_text::<Codec>(text);
    becomes_one_text::<DigestPrefix>(text);
    becomes_one_text::<Timestamp>(text);
    becomes_one_text::<Period>(text);
    becomes_one_text::<Waves>(text);
}

fn has_one_text<T: FromStr + Display>(text: &str) {
    if let Ok(word) = text.parse::<T>() {
        assert_eq!(word.to_string(), text);
    }
}

fn becomes_one_text<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(word) = text.parse::<T>() {
        let written = word.to_string();
        assert_eq!(written.parse().ok(), Some(word), "{text:?} as {written:?}");
    }
}

/// What a host reports.
pub fn report(bytes: &[u8]) {
    if let Some(report) = is_read_again::<HostReport>(bytes) {
        for now in [report.facts.observed_at, Timestamp::EPOCH] {
            let _ = report.facts.is_silent(report.facts.observed_at, now);
        }
    }
}

/// What a registry answers.
pub fn answer(bytes: &[u8]) {
    is_read_again::<Appended>(bytes);
    is_read_again::<BlobFrames>(bytes);
    is_read_again::<CallerInfo>(bytes);
    is_read_again::<Diff>(bytes);
    is_read_again::<ErrorBody>(bytes);
    is_read_again::<HostDetail>(bytes);
    is_read_again::<LogInfo>(bytes);
    is_read_again::<LogPosition>(bytes);
    is_read_again::<MissingFrames>(bytes);
    is_read_again::<Page<HostSummary>>(bytes);
    is_read_again::<Page<ProjectSummary>>(bytes);
    is_read_again::<Page<ReleaseSummary>>(bytes);
    is_read_again::<ReleaseDetail>(bytes);
}

fn is_read_again<T>(bytes: &[u8]) -> Option<T>
where
    T: DeserializeOwned + Serialize + PartialEq + Debug,
{
    let read: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read is written");
    let again = serde_json::from_slice(&written).ok();
    assert_eq!(again.as_ref(), Some(&read));
    Some(read)
}
