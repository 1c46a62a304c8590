//! `Rules`: what people edit of a policy, as TOML with comments that explain it, and back.
//!
//! The log's name and keys, the witnesses and the place in the log are not edited: a log key that the
//! registry does not have would shut everybody out.

use std::fmt::Write as _;

use bulla_schemas::Name;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::policy::{BuilderRule, ChannelRule, Person, Policy, Root};
use bulla_trust::key::PublicKey;
use serde::{Deserialize, Deserializer};

/// Most bytes of a text.
pub const MAX_LEN: u64 = 1024 * 1024;

/// What people edit of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The version that they were taken from.
    pub version: u64,
    #[serde(default, deserialize_with = "each::<_, PersonRules, _>")]
    people: Vec<Person>,
    root: Root,
    #[serde(default, deserialize_with = "each::<_, BuilderRules, _>")]
    builders: Vec<BuilderRule>,
    #[serde(default, deserialize_with = "each::<_, ChannelRules, _>")]
    channels: Vec<ChannelRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonRules {
    name: Name,
    #[serde(deserialize_with = "keys")]
    keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BuilderRules {
    name: Name,
    #[serde(deserialize_with = "key")]
    key: String,
    builder_id: String,
    projects: Vec<String>,
    sources: Vec<String>,
    refs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ChannelRules {
    project: String,
    channel: String,
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    builders: Vec<Name>,
    threshold: u32,
    via: Option<bulla_schemas::ChannelName>,
    max_age: Option<u64>,
}

impl From<PersonRules> for Person {
    fn from(PersonRules { name, keys }: PersonRules) -> Self {
        Self { name, keys }
    }
}

impl From<BuilderRules> for BuilderRule {
    fn from(rule: BuilderRules) -> Self {
        Self {
            name: rule.name,
            key: rule.key,
            builder_id: rule.builder_id,
            projects: rule.projects,
            sources: rule.sources,
            refs: rule.refs,
        }
    }
}

impl From<ChannelRules> for ChannelRule {
    fn from(rule: ChannelRules) -> Self {
        Self {
            project: rule.project,
            channel: rule.channel,
            people: rule.people,
            builders: rule.builders,
            threshold: rule.threshold,
            via: rule.via,
            max_age: rule.max_age,
        }
    }
}

/// Why a text is not the rules of a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// Not TOML, an unknown key or a wrong value.
    #[error("the text of the policy is wrong")]
    Toml(#[source] Box<toml::de::Error>),
}

impl Outcome for RulesError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("`bulla policy show --toml` prints the policy in effect in the same form".to_owned())
    }
}

impl Rules {
    /// Takes the rules out of a policy.
    pub fn of(policy: &Policy) -> Self {
        Self {
            version: policy.version,
            people: policy.people.clone(),
            root: policy.root.clone(),
            builders: policy.builders.clone(),
            channels: policy.channels.clone(),
        }
    }

    /// Reads a text. An error says the line and the column.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        toml::from_str(text).map_err(|error| RulesError::Toml(Box::new(error)))
    }

    /// Puts the rules in the place of a policy's.
    pub(super) fn apply(&self, policy: &mut Policy) {
        let Self {
            version: _,
            people,
            root,
            builders,
            channels,
        } = self.clone();
        policy.people = people;
        policy.root = root;
        policy.builders = builders;
        policy.channels = channels;
    }

    /// Writes the text, with what helps to change it.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "# Who may do what. `bulla policy edit` shows in words what you changed, and signs nothing\n\
             # before you say yes. Leave it as it is, or empty it, to change nothing.\n\n\
             # The version that this was taken from. Leave it: it keeps what others change meanwhile.\n\
             version = {}\n\n\
             # Who may change the policy, and how many of them must sign each change.\n[root]\n",
            self.version
        );
        field(&mut text, "people", names(&self.root.people));
        let _ = writeln!(text, "threshold = {}", self.root.threshold);
        text.push_str(
            "\n# People, and the SSH keys that they sign with: the lines of their `.pub` files. Names are\n\
             # permanent: the log shows by them who signed.\n",
        );
        for person in &self.people {
            text.push_str("[[people]]\n");
            field(&mut text, "name", person.name.as_str());
            text.push_str("keys = [\n");
            for key in &person.keys {
                let _ = writeln!(text, "    {},", quoted(key));
            }
            text.push_str("]\n\n");
        }
        text.push_str(
            "# Builders (CI), and what each may release. Patterns may end in `*`; sources are named as\n\
             # `git+https://...` and `svn+https://...`.\n",
        );
        for rule in &self.builders {
            text.push_str("[[builders]]\n");
            field(&mut text, "name", rule.name.as_str());
            field(&mut text, "key", rule.key.as_str());
            field(&mut text, "builder-id", rule.builder_id.as_str());
            field(&mut text, "projects", rule.projects.clone());
            field(&mut text, "sources", rule.sources.clone());
            field(&mut text, "refs", rule.refs.clone());
            text.push('\n');
        }
        text.push_str(
            "# Who may move which channels. The first rule that matches decides; without one nobody may.\n\
             # `*` among the people is everybody. `threshold` is how many different people sign, `via` a\n\
             # channel that the release must have been on before, `max-age` how many seconds old a\n\
             # cosigned checkpoint may be on a server.\n",
        );
        for rule in &self.channels {
            text.push_str("[[channels]]\n");
            field(&mut text, "project", rule.project.as_str());
            field(&mut text, "channel", rule.channel.as_str());
            field(&mut text, "people", rule.people.clone());
            if !rule.builders.is_empty() {
                field(&mut text, "builders", names(&rule.builders));
            }
            let _ = writeln!(text, "threshold = {}", rule.threshold);
            if let Some(via) = &rule.via {
                field(&mut text, "via", via.as_str());
            }
            if let Some(seconds) = rule.max_age {
                let _ = writeln!(text, "max-age = {seconds}");
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }
}

fn names(names: &[Name]) -> Vec<String> {
    names.iter().map(Name::to_string).collect()
}

fn field(text: &mut String, name: &str, value: impl Into<toml::Value>) {
    let _ = writeln!(text, "{name} = {}", value.into());
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}

/// Reads a list in the form of the text.
fn each<'de, D, T, U>(deserializer: D) -> Result<Vec<U>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Into<U>,
{
    let list = Vec::<T>::deserialize(deserializer)?;
    Ok(list.into_iter().map(Into::into).collect())
}

/// Reads the lines of `.pub` files, whose comments no policy has.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| plain(text)).collect()
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    plain(&String::deserialize(deserializer)?)
}

fn plain<E: serde::de::Error>(text: &str) -> Result<String, E> {
    let key: PublicKey = text.parse().map_err(E::custom)?;
    Ok(key.to_openssh())
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{Organisation, key as testing_key};

    use super::*;

    #[test]
    fn the_text_of_every_policy_reads_as_the_same_rules() {
        let acme = Organisation::new();
        let mut policy = acme.state.policy().unwrap().clone();
        policy.channels[0].max_age = Some(7);
        policy.channels[0].via = Some("staging".parse().unwrap());
        policy.builders[0].builder_id = "https://ci.example/\"quoted\"\\\n".to_owned();
        let rules = Rules::of(&policy);
        assert_eq!(Rules::parse(&rules.to_text()).unwrap(), rules);
        let mut other = policy.clone();
        other.people.clear();
        other.builders.clear();
        other.channels.clear();
        let nothing = Rules::of(&other);
        assert_eq!(Rules::parse(&nothing.to_text()).unwrap(), nothing);
        rules.apply(&mut other);
        assert_eq!(other, policy);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let acme = Organisation::new();
        let text = Rules::of(acme.state.policy().unwrap()).to_text();
        let line = |needle: &str| {
            let at = text.lines().position(|line| line.starts_with(needle));
            at.unwrap() + 1
        };
        for (from, to, at, expected) in [
            ("version = ", "verson = ", "version", "verson"),
            ("threshold = ", "threshold = \"", "threshold", ""),
            ("builder-id", "builderId", "builder-id", "builderId"),
            ("ssh-ed25519 ", "ssh-rsa ", "keys", "ssh-rsa"),
        ] {
            let error = Rules::parse(&text.replacen(from, to, 1)).unwrap_err();
            let said = bulla_schemas::outcome::with_causes(&error);
            assert!(said.contains(&format!("line {}", line(at))), "{said}");
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn a_key_may_be_pasted_with_its_comment() {
        let acme = Organisation::new();
        let rules = Rules::of(acme.state.policy().unwrap());
        let line = testing_key("alice").public_key().to_openssh();
        let pasted = rules
            .to_text()
            .replacen(&line, &format!("{line} alice@laptop"), 1);
        assert!(pasted.contains("alice@laptop"));
        assert_eq!(Rules::parse(&pasted).unwrap(), rules);
    }
}
