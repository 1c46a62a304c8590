//! The strict JSON profile: one text, one meaning.
//!
//! UTF-8 without a byte order mark, no key twice in an object, integers from 0 to 2^53-1 and no
//! other numbers, no `null`, at most [`MAX_DEPTH`] arrays and objects inside each other. A typed
//! value must say exactly what the text says: unknown fields, and forms that only Rust's
//! deserialiser would take (an array for an object), are refused.

use std::fmt;

use serde::Serialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

/// The largest integer that every JSON implementation reads exactly: 2^53-1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
/// How many arrays and objects may stand inside each other.
pub const MAX_DEPTH: usize = 8;

/// Why a text is not in the strict profile, or not of the expected shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON, or JSON that two readers could read differently.
    #[error("the JSON is not in the strict profile: {0}")]
    Profile(String),
    /// Good JSON of another shape.
    #[error("the JSON does not have the expected fields: {0}")]
    Shape(String),
}

/// Reads a document of the strict profile.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let profile = |error: serde_json::Error| JsonError::Profile(error.to_string());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }
        .deserialize(&mut deserializer)
        .map_err(profile)?;
    deserializer.end().map_err(profile)?;
    Ok(value)
}

/// Turns a strict document into a type, and refuses it when the type says anything else.
pub fn read<T: DeserializeOwned + Serialize>(value: &Value) -> Result<T, JsonError> {
    let shape = |error: serde_json::Error| JsonError::Shape(error.to_string());
    let typed = T::deserialize(value).map_err(shape)?;
    if serde_json::to_value(&typed).map_err(shape)? == *value {
        Ok(typed)
    } else {
        Err(JsonError::Shape(
            "a value is written in a form that is not its own".to_owned(),
        ))
    }
}

/// One value, at a depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "an object, an array, a string, a boolean or an integer from 0 to {MAX_INTEGER}"
        )
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    // Negative numbers, fractions, exponents and `null` have no method here and so are refused.
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return Err(E::custom(format_args!(
                "{value} is larger than {MAX_INTEGER}"
            )));
        }
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} stands twice"
                )));
            }
            let value = fields.next_value_seed(inside)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use bulla_schemas::Digest;
    use bulla_schemas::log::LogPosition;

    use super::*;

    #[test]
    fn reads_what_has_one_meaning() {
        let value =
            parse(br#" {"a":[1,"x",true,{}], "b":9007199254740991,"c":"\u00e9\ud83d\ude00"} "#)
                .unwrap();
        assert_eq!(value["b"], 9_007_199_254_740_991_u64);
        assert_eq!(value["c"], "é😀");
    }

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        for text in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"x":{"a":1,"\u0061":2}}"#,
            br#"{"a":1.0}"#,
            br#"{"a":1e2}"#,
            br#"{"a":-1}"#,
            br#"{"a":-0}"#,
            br#"{"a":01}"#,
            br#"{"a":9007199254740992}"#,
            br#"{"a":18446744073709551616}"#,
            br#"{"a":null}"#,
            br#"{"a":NaN}"#,
            br#"{"a":"\ud800"}"#,
            b"{\"a\":\"\x01\"}",
            b"{\"a\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
            br#"{"a":1}{}"#,
            br#"{"a":1,}"#,
            b"",
            b"[[[[[[[[[1]]]]]]]]]",
        ] {
            assert!(
                matches!(parse(text), Err(JsonError::Profile(_))),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
        assert!(parse(b"[[[[[[[[1]]]]]]]]").is_ok());
    }

    #[test]
    fn refuses_an_array_in_place_of_an_object() {
        let root = Digest::of(b"").hex();
        let object = parse(format!(r#"{{"size":0,"root":"{root}"}}"#).as_bytes()).unwrap();
        assert!(read::<LogPosition>(&object).is_ok());
        let array = parse(format!(r#"[0,"{root}"]"#).as_bytes()).unwrap();
        assert!(matches!(
            read::<LogPosition>(&array),
            Err(JsonError::Shape(_))
        ));
        let unknown =
            parse(format!(r#"{{"size":0,"root":"{root}","more":1}}"#).as_bytes()).unwrap();
        assert!(read::<LogPosition>(&unknown).is_err());
    }
}
