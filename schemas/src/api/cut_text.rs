//! Text of limited length.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Text from a host, of at most `MOST` characters: what is longer is cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct CutText<const MOST: usize>(String);

impl<const MOST: usize> CutText<MOST> {
    /// Returns the text. It is others': to be escaped where it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> From<String> for CutText<MOST> {
    fn from(mut text: String) -> Self {
        if let Some((end, _)) = text.char_indices().nth(MOST) {
            text.truncate(end);
        }
        Self(text)
    }
}

impl<const MOST: usize> From<&str> for CutText<MOST> {
    fn from(text: &str) -> Self {
        Self(text.chars().take(MOST).collect())
    }
}

impl<const MOST: usize> From<CutText<MOST>> for String {
    fn from(text: CutText<MOST>) -> Self {
        text.0
    }
}

impl<const MOST: usize> JsonSchema for CutText<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("CutText{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MOST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let text: CutText<3> = "äöüß".into();
        assert_eq!(text.as_str(), "äöü");
        let text: CutText<3> = serde_json::from_str(r#""äöüß""#).unwrap();
        assert_eq!(text.as_str(), "äöü");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"äöü\"");
    }
}
