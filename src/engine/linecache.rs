//! Source text that the process itself kept: `linecache.cache` (Lib/linecache.py), where notebooks, doctests and the
//! prompt put the text of code that is in no file.

use super::Inspection;
use crate::base::Text;
use crate::cpython::object::{Heap, Key, Path, Root, Step, Value, dict_get_str, items, read_text};

/// Lines taken of one file.
const MAX_LINES: u64 = 200_000;
/// Code points taken of one line.
const MAX_LINE: u64 = 20_000;
/// Code points taken in all.
const MAX_TEXT: usize = 16 << 20;

impl Inspection {
    /// The text that the process kept of a source file; `None` where it kept none, or not all of it can be read.
    #[must_use]
    pub fn kept_source(&self, file: &str) -> Option<String> {
        self.python()?.heaps().find_map(|(interpreter, heap)| {
            let modules = interpreter.modules.as_ref().ok().copied()?;
            let module = dict_get_str(&heap.ctx, modules, "linecache").ok()??;
            // An entry is (size, mtime, lines, fullname), or one function that would get the lines.
            let steps = vec![
                Step::Attribute("cache".to_owned()),
                Step::Item(Key::Text(Text::from(file))),
                Step::Item(Key::Int(2)),
            ];
            let path = Path { root: Root::Address(module), steps, length: false };
            text(&heap, path.evaluate(&heap, &|_| None).ok()?)
        })
    }
}

fn text(heap: &Heap<'_>, lines: Value) -> Option<String> {
    let addr = lines.object()?;
    let info = heap.type_of(addr).ok()?;
    let mut out = String::new();
    for line in items(heap, addr, &info, MAX_LINES).ok()?? {
        let part = read_text(&heap.ctx, line.ok()?.value.object()?, MAX_LINE).ok()?;
        out.push_str(&part.text.to_string());
        if part.is_cut() || out.len() > MAX_TEXT {
            return None;
        }
    }
    Some(out)
}
