//! The few JSON values that a sidecar can hold, read within bounds.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::text::clip;

/// A JSON value that a sidecar can hold. Any other value is skipped and only described for the
/// error, so that stored data is never much larger than the file. `serde_json` limits the depth of
/// nested lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Unsigned(u64),
    Text(String),
    /// A list of whole numbers; also the empty list.
    Numbers(Vec<u64>),
    Texts(Vec<String>),
    /// A description of another value.
    Other(String),
}

impl Value {
    /// The description of the value, for an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Unsigned(n) => n.to_string(),
            Self::Text(text) => format!("{:?}", clip(text)),
            Self::Numbers(list) if list.is_empty() => "an empty list".to_owned(),
            Self::Numbers(_) => "a list of numbers".to_owned(),
            Self::Texts(_) => "a list of texts".to_owned(),
            Self::Other(words) => words.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Other(v.to_string()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::Other(format!("{v:?}")))
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Other(v.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other("null".to_owned()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::Text(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut all = Value::Numbers(Vec::new());
        while let Some(item) = list.next_element()? {
            match (&mut all, item) {
                (Value::Numbers(numbers), Value::Unsigned(n)) => numbers.push(n),
                (Value::Texts(texts), Value::Text(text)) => texts.push(text),
                (Value::Numbers(numbers), Value::Text(text)) if numbers.is_empty() => {
                    all = Value::Texts(vec![text]);
                }
                (_, item) => {
                    while list.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(Value::Other(format!("a list with {}", item.describe())));
                }
            }
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other("an object".to_owned()))
    }
}
