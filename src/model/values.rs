//! A value with what is in it: the JSON of `print`.

use super::Value;
use serde::Serialize;

/// A value and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tree {
    /// The value itself.
    #[serde(flatten)]
    pub value: Value,
    /// Length of a container or string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Attributes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// Items of a container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// What of it could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Whether there is more in it than is listed: a limit of depth, items or size, or an object inside itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A named part.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Tree,
}

/// A part of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Item {
    /// The key, of mappings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The value.
    pub value: Tree,
}
