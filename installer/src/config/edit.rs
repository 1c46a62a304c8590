//! Changes of a host file's text: what is not changed stays byte for byte, comments too.

use std::path::Path;

use bulla_schemas::log::Anchor;
use bulla_schemas::{ChannelName, ProjectName};
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};
use url::Url;

/// Where a log is read, and from when on.
#[derive(Debug, Clone)]
pub struct Enrollment<'a> {
    /// The registry's address.
    pub url: &'a Url,
    /// The address of the same log before this.
    pub moved_from: Option<&'a Url>,
    /// The file that holds the token for the registry, where it is to be remembered.
    pub token_file: Option<&'a Path>,
    /// What the log must contain.
    pub anchor: &'a Anchor,
}

/// Writes down which channel of a project is followed, and where that is so, that its releases carry
/// this program.
pub(super) fn follow(
    document: &mut DocumentMut,
    project: &ProjectName,
    channel: &ChannelName,
    carries_installer: bool,
) {
    if carries_installer {
        set(document.as_table_mut(), "installer", project.as_str());
    }
    let projects = document.entry("project").or_insert_with(|| {
        let mut table = Table::new();
        // Only `[project."acme/billing"]` is written, not `[project]`.
        table.set_implicit(true);
        Item::Table(table)
    });
    let Some(projects) = projects.as_table_like_mut() else {
        return;
    };
    if !projects.contains_key(project.as_str()) {
        projects.insert(project.as_str(), Item::Table(Table::new()));
    }
    let section = projects.get_mut(project.as_str());
    if let Some(section) = section.and_then(Item::as_table_like_mut) {
        set(section, "channel", channel.as_str());
    }
}

/// Takes the channel of a project away. Other settings of the project stay, and so does a section
/// with a comment.
pub(super) fn unfollow(document: &mut DocumentMut, project: &ProjectName) {
    let installer = document.get("installer").and_then(Item::as_str);
    if installer == Some(project.as_str()) {
        document.remove("installer");
    }
    let projects = document.get_mut("project");
    let Some(projects) = projects.and_then(Item::as_table_like_mut) else {
        return;
    };
    let Some(section) = projects.get_mut(project.as_str()) else {
        return;
    };
    if let Some(settings) = section.as_table_like_mut() {
        settings.remove("channel");
    }
    let is_bare = match &*section {
        Item::Table(table) => {
            let prefix = table
                .decor()
                .prefix()
                .and_then(toml_edit::RawString::as_str);
            table.is_empty() && prefix.is_none_or(|prefix| prefix.trim().is_empty())
        }
        section => section.as_table_like().is_some_and(TableLike::is_empty),
    };
    if is_bare {
        projects.remove(project.as_str());
    }
}

/// Writes down where the log is read. An anchor of the same log that goes further stays.
pub(super) fn enroll(document: &mut DocumentMut, said: Option<&Anchor>, new: &Enrollment<'_>) {
    let goes_further = |said: &Anchor| {
        said.origin == new.anchor.origin && said.position.size >= new.anchor.position.size
    };
    if !said.is_some_and(goes_further) {
        set(document.as_table_mut(), "anchor", &new.anchor.to_string());
    }
    let mut registries = registries(document);
    let has = |table: &dyn TableLike, wanted: Option<&Url>| {
        let url = table.get("url").and_then(Item::as_str);
        let url = url.and_then(|url| Url::parse(url).ok());
        url.is_some() && url.as_ref() == wanted
    };
    let same = registries
        .iter()
        .position(|table| has(&**table, Some(new.url)));
    let moved = || {
        registries
            .iter()
            .position(|table| has(&**table, new.moved_from))
    };
    let token = new.token_file.and_then(Path::to_str);
    match same.or_else(moved) {
        Some(position) => {
            let registry = &mut *registries[position];
            if same.is_none() {
                set(registry, "url", new.url.as_str());
                // The token of the old address is not shown to the new one.
                registry.remove("token-file");
            }
            if let Some(token) = token {
                set(registry, "token-file", token);
            }
        }
        None => add_registry(document, new.url, token),
    }
}

/// Returns the registries, whichever way they are written.
fn registries(document: &mut DocumentMut) -> Vec<&mut dyn TableLike> {
    match document.get_mut("registry") {
        Some(Item::ArrayOfTables(tables)) => tables
            .iter_mut()
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        Some(Item::Value(Value::Array(values))) => {
            let tables = values.iter_mut().filter_map(Value::as_inline_table_mut);
            tables.map(|table| table as &mut dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

/// The new one is asked first.
fn add_registry(document: &mut DocumentMut, url: &Url, token: Option<&str>) {
    let fields = [("url", Some(url.as_str())), ("token-file", token)];
    let fields = fields
        .into_iter()
        .filter_map(|(key, text)| Some((key, text?)));
    let registries = document
        .entry("registry")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    match registries {
        Item::Value(Value::Array(values)) => {
            values.insert(0, fields.collect::<InlineTable>());
        }
        Item::ArrayOfTables(tables) => {
            let mut table = Table::new();
            for (key, text) in fields {
                table.insert(key, value(text));
            }
            tables.insert(0, table);
        }
        _ => {}
    }
}

/// Sets a key, and keeps the comment behind the old value.
fn set(table: &mut dyn TableLike, key: &str, text: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if old.as_str() == Some(text) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = Value::from(text);
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, value(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    const FILE: &str = r#"# web1, the shop's machine
root = "/data" # the big disk

# What matters most.
[project."acme/billing"]
channel = "prod" # not next!
keep = { count = 3 }

[project.shop] # closed on Sundays
channel = "prod"

[project.wiki]
channel = "prod"
"#;

    fn changed(text: &str, change: impl FnOnce(&mut DocumentMut)) -> String {
        let mut document: DocumentMut = text.parse().unwrap();
        change(&mut document);
        let text = document.to_string();
        parse(text.as_bytes()).unwrap();
        text
    }

    fn follows(text: &str, project: &str, channel: &str) -> String {
        changed(text, |document| {
            follow(
                document,
                &project.parse().unwrap(),
                &channel.parse().unwrap(),
                false,
            );
        })
    }

    fn unfollows(text: &str, project: &str) -> String {
        changed(text, |document| {
            unfollow(document, &project.parse().unwrap());
        })
    }

    #[test]
    fn following_changes_one_value_and_keeps_comments_and_order() {
        assert_eq!(
            follows(FILE, "acme/billing", "next"),
            FILE.replace("\"prod\" # not", "\"next\" # not")
        );
        assert_eq!(follows(FILE, "shop", "prod"), FILE);
        assert_eq!(
            follows(FILE, "acme/new", "prod"),
            format!("{FILE}\n[project.\"acme/new\"]\nchannel = \"prod\"\n")
        );
        assert_eq!(
            follows("", "shop", "prod"),
            "[project.shop]\nchannel = \"prod\"\n"
        );
        assert_eq!(
            follows(
                "project = { shop = { channel = \"prod\" } }\n",
                "shop",
                "next"
            ),
            "project = { shop = { channel = \"next\" } }\n"
        );
    }

    #[test]
    fn the_project_of_the_installer_is_named_as_long_as_it_is_followed() {
        let project = "ops/installer".parse().unwrap();
        let channel = "stable".parse().unwrap();
        let followed = changed(FILE, |document| follow(document, &project, &channel, true));
        let config = parse(followed.as_bytes()).unwrap();
        assert_eq!(config.installer.as_ref(), Some(&project));
        assert!(followed.contains("# the big disk"), "{followed}");
        // Another channel of it changes nothing about that.
        assert_eq!(
            follows(&followed, "ops/installer", "next"),
            followed.replace("\"stable\"", "\"next\"")
        );
        assert_eq!(unfollows(&followed, "ops/installer"), FILE);
    }

    #[test]
    fn unfollowing_keeps_settings_and_comments() {
        assert_eq!(
            unfollows(FILE, "acme/billing"),
            FILE.replace("channel = \"prod\" # not next!\n", "")
        );
        assert_eq!(
            unfollows(FILE, "wiki"),
            FILE.replace("\n[project.wiki]\nchannel = \"prod\"\n", "")
        );
        assert_eq!(unfollows(FILE, "absent"), FILE);
        let first = "# web1\n\n[project.shop]\nchannel = \"prod\"\n";
        assert_eq!(unfollows(first, "shop"), "# web1\n\n[project.shop]\n");
    }

    fn anchor(size: u64) -> Anchor {
        format!("acme.example/bulla+{size}+{}", "0".repeat(64))
            .parse()
            .unwrap()
    }

    fn enrolls(
        text: &str,
        url: &str,
        from: Option<&str>,
        token: Option<&str>,
        size: u64,
    ) -> String {
        let said = parse(text.as_bytes()).unwrap().anchor;
        changed(text, |document| {
            let from: Option<Url> = from.map(|from| from.parse().unwrap());
            let new = Enrollment {
                url: &url.parse().unwrap(),
                moved_from: from.as_ref(),
                token_file: token.map(Path::new),
                anchor: &anchor(size),
            };
            enroll(document, said.as_ref(), &new);
        })
    }

    const ONE: &str = "https://one.example/";
    const TWO: &str = "https://two.example/";

    #[test]
    fn a_registry_is_added_moved_and_given_a_token() {
        let first = enrolls(FILE, ONE, None, Some("/t"), 7);
        assert!(first.contains(&anchor(7).to_string()), "{first}");
        assert!(
            first.contains("[[registry]]\nurl = \"https://one.example/\"\ntoken-file = \"/t\"\n")
        );
        assert!(first.contains("# the big disk") && first.contains("# What matters most."));
        // Once more changes nothing, and an older anchor does not take the place of a newer one.
        assert_eq!(enrolls(&first, ONE, None, None, 7), first);
        assert_eq!(
            enrolls(&first, "https://one.example", None, Some("/t"), 3),
            first
        );
        // The token of the old address does not move along.
        let moved = enrolls(&first, TWO, Some(ONE), None, 9);
        let expected = first
            .replace(
                "url = \"https://one.example/\"\ntoken-file = \"/t\"\n",
                "url = \"https://two.example/\"\n",
            )
            .replace(&anchor(7).to_string(), &anchor(9).to_string());
        assert_eq!(moved, expected);
        // Another one is asked first.
        for text in [&moved, "registry = [{ url = \"https://two.example\" }]\n"] {
            let both = enrolls(text, ONE, None, None, 9);
            let config = parse(both.as_bytes()).unwrap();
            let urls: Vec<_> = config
                .registries
                .iter()
                .map(|registry| registry.url.as_str())
                .collect();
            assert_eq!(urls, [ONE, TWO], "{both}");
        }
    }
}
