//! What `svn --xml` says, as far as it is needed.

use bulla_schemas::Timestamp;
use bulla_schemas::timestamp::TimestampError;
use quick_xml::DeError;
use serde::Deserialize;

#[derive(Deserialize)]
struct InfoDocument {
    entry: Info,
}

/// `svn info` about one target.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    #[serde(rename = "@kind")]
    pub(super) kind: String,
    #[serde(rename = "@revision")]
    pub(super) revision: u64,
    pub(super) url: String,
    pub(super) repository: Repository,
    /// The last change, absent for what was never committed.
    pub(super) commit: Option<Commit>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub(super) root: String,
    pub(super) uuid: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Commit {
    #[serde(rename = "@revision")]
    pub(super) revision: u64,
    date: Option<String>,
}

impl Commit {
    /// Returns when it was committed; a server may keep that to itself.
    pub(super) fn date(&self) -> Result<Option<Timestamp>, TimestampError> {
        let Some(date) = &self.date else {
            return Ok(None);
        };
        let time: jiff::Timestamp = date.parse().map_err(|_| TimestampError::Malformed {
            found: date.clone(),
        })?;
        Timestamp::from_seconds(time.as_second()).map(Some)
    }
}

impl Info {
    pub(super) fn parse(xml: &[u8]) -> Result<Self, DeError> {
        let document: InfoDocument = quick_xml::de::from_reader(xml)?;
        Ok(document.entry)
    }

    /// Returns the path inside the repository, empty for its root.
    pub(super) fn path(&self) -> String {
        let path = self.url.strip_prefix(&self.repository.root);
        let path = path.unwrap_or_default().trim_matches('/');
        decode(path)
    }
}

#[derive(Deserialize)]
struct StatusDocument {
    #[serde(default)]
    target: Vec<StatusGroup>,
    #[serde(default)]
    changelist: Vec<StatusGroup>,
}

#[derive(Deserialize)]
struct StatusGroup {
    #[serde(default)]
    entry: Vec<StatusEntry>,
}

/// One path of `svn status`.
#[derive(Debug, Deserialize)]
pub(super) struct StatusEntry {
    #[serde(rename = "@path")]
    pub(super) path: String,
    #[serde(rename = "wc-status")]
    pub(super) status: Status,
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    #[serde(rename = "@item")]
    pub(super) item: String,
    #[serde(rename = "@props")]
    pub(super) properties: String,
    #[serde(rename = "@tree-conflicted", default)]
    pub(super) tree_conflicted: bool,
}

/// Reads `svn status --xml`; paths in a changelist stand apart from the others.
pub(super) fn parse_status(xml: &[u8]) -> Result<Vec<StatusEntry>, DeError> {
    let document: StatusDocument = quick_xml::de::from_reader(xml)?;
    let groups = document.target.into_iter().chain(document.changelist);
    Ok(groups.flat_map(|group| group.entry).collect())
}

#[derive(Deserialize)]
struct PropertiesDocument {
    #[serde(default)]
    target: Vec<PropertyTarget>,
}

#[derive(Deserialize)]
struct PropertyTarget {
    #[serde(rename = "@path")]
    path: String,
    #[serde(default)]
    property: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "$text", default)]
    value: String,
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

/// Reads what `svn propget --xml` or `svn proplist --xml --verbose` says of the property `name`: paths
/// as `svn` writes them, and values.
pub(super) fn parse_properties(xml: &[u8], name: &str) -> Result<Vec<(String, String)>, DeError> {
    let document: PropertiesDocument = quick_xml::de::from_reader(xml)?;
    let targets = document.target.into_iter();
    Ok(targets
        .flat_map(|PropertyTarget { path, property }| {
            let named = property.into_iter().filter(|found| found.name == name);
            named.map(move |found| (path.clone(), found.value))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_svn_says_about_a_directory() {
        let info = Info::parse(
            br#"<?xml version="1.0" encoding="UTF-8"?>
<info><entry kind="dir" path="x" revision="7">
<url>file:///srv/repo/a%20b/%C3%BC@x</url><relative-url>^/a%20b/%C3%BC@x</relative-url>
<repository><root>file:///srv/repo</root><uuid>u</uuid></repository>
<commit revision="5"><author>a</author><date>2026-11-23T07:30:40.909213Z</date></commit>
</entry></info>"#,
        )
        .unwrap();
        assert_eq!(info.path(), "a b/ü@x");
        let commit = info.commit.unwrap();
        assert_eq!((info.revision, commit.revision), (7, 5));
        assert_eq!(
            commit.date(),
            Ok(Some("2026-11-23T07:30:40Z".parse().unwrap()))
        );
    }

    #[test]
    fn reads_paths_in_changelists_too() {
        let entries = parse_status(
            br#"<status><target path="w"><entry path="w"><wc-status item="normal" props="none" revision="2"/></entry>
<entry path="w/x"><wc-status item="external" props="none"/></entry></target>
<changelist name="l"><entry path="w/&quot;a&quot;"><wc-status item="modified" props="none" revision="2" switched="true"/></entry></changelist></status>"#,
        )
        .unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[2].path, "w/\"a\"");
        assert_eq!(entries[2].status.item, "modified");
    }
}
