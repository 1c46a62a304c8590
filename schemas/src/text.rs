//! One way to make a type of text: a private string, one validating constructor, and `FromStr`,
//! `Display`, serde and JSON Schema that all go through it.

/// Implements everything but the constructor for a newtype around a `String` or an `Arc<str>` whose
/// `fn check(&str) -> Result<(), $error>` decides what is valid.
macro_rules! text_type {
    ($name:ident, $error:ty, $pattern:expr $(, $($more:tt)+)?) => {
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::check(&text)?;
                Ok(Self(text.into()))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{}({:?})", stringify!($name), self.0)
            }
        }

        $crate::text::string_schema!($name, $pattern $(, $($more)+)?);
    };
}

/// Implements `JsonSchema` for a type that serialises as a string of the given pattern, of which more
/// may be said.
macro_rules! string_schema {
    ($name:ident, $pattern:expr $(, $($more:tt)+)?) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    $($($more)+)?
                })
            }
        }
    };
}

pub(crate) use {string_schema, text_type};
