//! `print`: what a path leads to.

use super::Args;
use super::current::with_view;
use super::host::Host;
use super::lookup::{Found, look_up};
use super::run::{CommandError, Reply};
use super::view::View;
use crate::cpython::object::Value;
use crate::engine;
use crate::model::answers::{Answer, Printed};
use crate::model::values::Tree;

/// `print PATH`, or an address.
pub(super) fn print(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let answer = match args.address() {
        Some(at) => {
            let found = Found { scope: None, value: Value::Object(at) };
            with_view(host, |view| Ok(printed(view, args.path, &found, args.json)))?
        }
        None => look_up(host, args.path, |view, found| Ok(printed(view, args.path, found, args.json)))?,
    };
    Ok(Reply::answer(Answer::Printed(Box::new(answer))))
}

/// The answer; with what is in the value where all of it is asked for.
fn printed(view: &View<'_>, path: &str, found: &Found, whole: bool) -> Printed {
    let tree = match whole {
        true => engine::tree::contents(&view.heap, &found.value, &view.options),
        false => Tree { value: view.made(&found.value), ..Tree::default() },
    };
    Printed { path: path.to_owned(), scope: found.scope, tree }
}
