//! Items and attributes of an object, for the children that debuggers show.

use super::current::with_view;
use super::functions::address_of;
use super::host::Host;
use super::run::{CommandError, Reply};
use super::values::shortened;
use super::view::View;
use crate::base::escape_terminal;
use crate::cpython::object::{Item, Value, attributes, header, items};

/// Most children of an object.
pub(super) const MAX_CHILDREN: usize = 1000;

/// Name and address of each, or name, 0 and what is no object in memory (`{"int": 1}`, `{"float": 1.5}`,
/// `{"text": "'a'"}`).
pub(super) fn children(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "ADDRESS")?;
    with_view(host, |view| {
        let mut list: Vec<serde_json::Value> = Vec::new();
        let info = header(&view.heap, at)?.type_info;
        let found = items(&view.heap, at, &info, MAX_CHILDREN as u64)?;
        for (index, item) in found.into_iter().flatten().take(MAX_CHILDREN).enumerate() {
            // A list that is damaged in the middle is shown up to there.
            let Ok(Item { key, value }) = item else { break };
            let name = key.map_or_else(|| index.to_string(), |key| text(view, &Value::Object(key)));
            list.push(child(view, &format!("[{name}]"), &value));
        }
        if let Ok((attributes, _)) = attributes(&view.heap, at, MAX_CHILDREN) {
            let named = attributes.into_iter().map(|a| (escape_terminal(&a.name.to_string()), a.value.0));
            list.extend(named.map(|child| serde_json::json!(child)));
        }
        Ok(Reply::value(list))
    })
}

fn child(view: &View<'_>, name: &str, value: &Value) -> serde_json::Value {
    match value {
        Value::Object(addr) => serde_json::json!([name, addr.0]),
        Value::Int(number) => serde_json::json!([name, 0, { "int": number }]),
        Value::Float(number) if number.is_finite() => serde_json::json!([name, 0, { "float": number }]),
        made => serde_json::json!([name, 0, { "text": text(view, made) }]),
    }
}

/// For a debugger's terminal.
fn text(view: &View<'_>, value: &Value) -> String {
    shortened(&escape_terminal(&view.made(value).repr))
}
