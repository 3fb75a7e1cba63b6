//! Free lists of CPython: objects that were freed and are kept to be used again, in blocks that their allocator counts as used
//! (Include/internal/pycore_freelist.h, until 3.12 pycore_interp.h; of 3.8 and 3.9 static variables of many files).

use super::HeapState;
use super::audit::Count;
use crate::base::Addr;
use crate::cpython::layout::{ObmallocPlace, Slot};
use crate::model::address::BlockState;
use std::collections::HashSet;

/// `PyTuple_MAXSAVESIZE`: lengths of tuples that are kept.
const TUPLES: u64 = 20;
/// No list has more (`PyTuple_MAXFREELIST`).
const MOST: u64 = 2000;
/// Bytes of a `struct _Py_freelist` (3.14+): the first one, and how many.
const LIST: u64 = 16;
const COUNT_AT: u64 = 8;

/// What is kept of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeList {
    /// The type, or what else is kept.
    pub kind: &'static str,
    /// How many.
    pub objects: u64,
    /// Bytes of their blocks.
    pub bytes: u64,
}

/// A list of 3.8 and 3.9: a static variable of a source file in Objects (Python for contexts), and one with the number of all.
struct StaticList {
    kind: &'static str,
    source: &'static str,
    list: &'static str,
    count: &'static str,
    form: StaticForm,
}

/// What such a variable is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StaticForm {
    /// An array of pointers.
    Array,
    /// A pointer to the first, of which all have the size.
    First,
    /// The same of floats: the word of the type leads to the next one.
    ByType,
    /// The same of frames.
    ByBack,
    /// For each length an own list, linked by the first items.
    Tuples,
    /// A pointer to the only one.
    Single,
}

const STATIC_LISTS: [StaticList; 12] = {
    const fn list(
        kind: &'static str,
        source: &'static str,
        list: &'static str,
        count: &'static str,
        form: StaticForm,
    ) -> StaticList {
        StaticList { kind, source, list, count, form }
    }
    [
        list("tuple", "tupleobject.c", "free_list", "numfree", StaticForm::Tuples),
        list("float", "floatobject.c", "free_list", "numfree", StaticForm::ByType),
        list("list", "listobject.c", "free_list", "numfree", StaticForm::Array),
        list("dict", "dictobject.c", "free_list", "numfree", StaticForm::Array),
        list("keys of a dict", "dictobject.c", "keys_free_list", "numfreekeys", StaticForm::Array),
        list("frame", "frameobject.c", "free_list", "numfree", StaticForm::ByBack),
        // 3.8 alone.
        list("method", "classobject.c", "free_list", "numfree", StaticForm::First),
        list("builtin_function_or_method", "methodobject.c", "free_list", "numfree", StaticForm::First),
        list(
            "async_generator_wrapped_value",
            "genobject.c",
            "ag_value_freelist",
            "ag_value_freelist_free",
            StaticForm::Array,
        ),
        list("async_generator_asend", "genobject.c", "ag_asend_freelist", "ag_asend_freelist_free", StaticForm::Array),
        list("Context", "context.c", "ctx_freelist", "ctx_freelist_len", StaticForm::First),
        list("slice", "sliceobject.c", "slice_cache", "", StaticForm::Single),
    ]
};

/// How one is found from the one before.
#[derive(Clone, Copy)]
enum Form {
    /// The list is an array of pointers.
    Array,
    /// The word at this offset leads to the next one.
    Linked(u64),
    /// Not known: all have blocks of the size of the first.
    Alike,
}

/// One list: the address of the pointer to the first (or of the array), and the number of all.
struct List {
    kind: &'static str,
    first: u64,
    count: u64,
    form: Form,
}

impl HeapState<'_> {
    /// What the free lists of interpreters and threads at these addresses hold, by kind. `variable` finds a static variable by source
    /// file and name. `None` where the lists are such variables, and they are not found.
    #[must_use]
    pub fn free_lists(
        &self,
        interpreters: &[Addr],
        threads: &[Addr],
        variable: impl Fn(&str, &str) -> Option<Addr>,
    ) -> Option<Vec<FreeList>> {
        let l = self.heap.ctx.layouts;
        let lists = |state: &Addr, member: u64| self.lists(state.0.wrapping_add(member));
        let mut found = Vec::new();
        match (l.thread_impl.freelists.offset(), l.interpreter.freelists.offset()) {
            _ if self.has_static_lists() => {
                found = self.static_lists(variable);
                if found.is_empty() {
                    return None;
                }
            }
            (Some(member), _) => threads.iter().for_each(|thread| found.extend(lists(thread, member))),
            // Until 3.12 they are members of the state itself.
            (None, member) => interpreters.iter().for_each(|at| found.extend(lists(at, member.unwrap_or(0)))),
        }
        let mut seen = HashSet::new();
        let mut rows: Vec<FreeList> = Vec::new();
        for list in found {
            let (objects, bytes) = self.blocks_of(&list, &mut seen);
            match rows.iter_mut().find(|row| row.kind == list.kind) {
                Some(row) => {
                    row.objects = row.objects.saturating_add(objects);
                    row.bytes = row.bytes.saturating_add(bytes);
                }
                None => rows.push(FreeList { kind: list.kind, objects, bytes }),
            }
        }
        rows.retain(|row| row.objects > 0);
        rows.sort_by_key(|row| (std::cmp::Reverse(row.bytes), row.kind));
        Some(rows)
    }

    /// Whether the lists are variables of the process, and in no state.
    fn has_static_lists(&self) -> bool {
        let ctx = &self.heap.ctx;
        ctx.dialect.obmalloc.place == ObmallocPlace::Statics && !ctx.layouts.freelists.floats.is_some()
    }

    fn static_lists(&self, variable: impl Fn(&str, &str) -> Option<Addr>) -> Vec<List> {
        let o = &self.offsets;
        let by_back = self.heap.ctx.layouts.frame_object.f_back.offset().map_or(Form::Alike, Form::Linked);
        let mut lists = Vec::new();
        for StaticList { kind, source, list, count, form } in STATIC_LISTS {
            let Some(first) = variable(source, list).map(|at| at.0) else { continue };
            let count = if form == StaticForm::Single { None } else { variable(source, count).map(|at| at.0) };
            let number = |index: u64| match count {
                Some(at) => self.view.u32(at.wrapping_add(index.wrapping_mul(4))).map_or(0, u64::from),
                None => u64::from(form == StaticForm::Single && self.view.word(first).is_some_and(|at| at != 0)),
            };
            let (lengths, form) = match form {
                StaticForm::Array => (1, Form::Array),
                StaticForm::First | StaticForm::Single => (1, Form::Alike),
                StaticForm::ByType => (1, Form::Linked(o.ob_type)),
                StaticForm::ByBack => (1, by_back),
                StaticForm::Tuples => (TUPLES, Form::Linked(o.tuple_items)),
            };
            lists.extend((0..lengths).map(|length| {
                let first = first.wrapping_add(length.wrapping_mul(8));
                List { kind, first, count: number(length), form }
            }));
        }
        lists
    }

    /// The lists whose heads are in the struct at `at`.
    fn lists(&self, at: u64) -> Vec<List> {
        let (l, o) = (self.heap.ctx.layouts, &self.offsets);
        let f = &l.freelists;
        // 3.14+: all are alike, each with its count beside it, linked by their first words.
        let alike = f.tuples.is_some() && !f.tuples_count.is_some();
        let link = |form: Form| if alike { Form::Linked(0) } else { form };
        let by_back = l.frame_object.f_back.offset().map_or(Form::Alike, Form::Linked);
        let rows: [(&'static str, Slot, Slot, Form); 22] = [
            ("float", f.floats, f.floats_count, Form::Linked(o.ob_type)),
            ("complex", f.complexes, f.complexes_count, Form::Alike),
            ("int", f.ints, f.ints_count, Form::Alike),
            ("list", f.lists, f.lists_count, Form::Array),
            ("list_iterator", f.list_iters, f.list_iters_count, Form::Alike),
            ("tuple_iterator", f.tuple_iters, f.tuple_iters_count, Form::Alike),
            ("dict", f.dicts, f.dicts_count, Form::Array),
            ("keys of a dict", f.dictkeys, f.dictkeys_count, Form::Array),
            ("frame", f.frames, f.frames_count, by_back),
            ("slice", f.slices, f.slices_count, Form::Alike),
            ("range", f.ranges, f.ranges_count, Form::Alike),
            ("range_iterator", f.range_iters, f.range_iters_count, Form::Alike),
            ("Context", f.contexts, f.contexts_count, Form::Alike),
            ("async_generator_wrapped_value", f.async_gens, f.async_gens_count, Form::Array),
            ("async_generator_asend", f.async_gen_asends, f.async_gen_asends_count, Form::Array),
            ("FutureIter", f.futureiters, f.futureiters_count, Form::Alike),
            ("stack of the collector", f.object_stack_chunks, f.object_stack_chunks_count, Form::Alike),
            ("PyUnicodeWriter", f.unicode_writers, f.unicode_writers_count, Form::Alike),
            ("PyBytesWriter", f.bytes_writers, f.bytes_writers_count, Form::Alike),
            ("builtin_function_or_method", f.cfunctions, f.cfunctions_count, Form::Alike),
            ("builtin_method", f.cmethods, f.cmethods_count, Form::Alike),
            ("method", f.methods, f.methods_count, Form::Alike),
        ];
        let mut lists: Vec<List> = rows
            .into_iter()
            .filter_map(|(kind, first, count, form)| {
                let first = at.wrapping_add(first.offset()?);
                let count = match count.offset() {
                    Some(count) => u64::from(self.view.u32(at.wrapping_add(count))?),
                    // One slice is kept, or none (until 3.13).
                    None => u64::from(self.view.word(first)? != 0),
                };
                Some(List { kind, first, count, form: link(form) })
            })
            .collect();
        if let Some(first) = f.tuples.offset() {
            let first = at.wrapping_add(first);
            lists.extend((0..TUPLES).map_while(|length| {
                let (head, count) = match f.tuples_count.offset() {
                    Some(counts) => (
                        first.wrapping_add(length.wrapping_mul(8)),
                        at.wrapping_add(counts.wrapping_add(length.wrapping_mul(4))),
                    ),
                    None => {
                        let list = first.wrapping_add(length.wrapping_mul(LIST));
                        (list, list.wrapping_add(COUNT_AT))
                    }
                };
                let count = u64::from(self.view.u32(count)?);
                Some(List { kind: "tuple", first: head, count, form: link(Form::Linked(o.tuple_items)) })
            }));
        }
        lists
    }

    /// How many blocks in use a list holds, and their bytes. What is no such block ends it.
    fn blocks_of(&self, list: &List, seen: &mut HashSet<u64>) -> (u64, u64) {
        let block = |item: u64| {
            let block = self.block_around(item, std::iter::empty(), None)?;
            (block.state == BlockState::InUse).then_some(block)
        };
        let (mut objects, mut bytes) = (0u64, 0u64);
        let mut at = match list.form {
            Form::Array => list.first,
            _ => self.view.word(list.first).unwrap_or(0),
        };
        // The lists of 3.14+ that are turned off have -1.
        let count = if list.count > MOST { 0 } else { list.count };
        for index in 0..count {
            let item = match list.form {
                Form::Array => self.view.word(at).unwrap_or(0),
                _ => at,
            };
            // The empty tuple is on a list of its own (3.10), and is none that was freed.
            if list.kind == "tuple"
                && !matches!(self.count(item), Some(Count::Plain(0)))
                && !matches!(list.form, Form::Linked(0))
            {
                break;
            }
            let Some(block) = block(item).filter(|block| matches!(list.form, Form::Alike) || seen.insert(block.start))
            else {
                break;
            };
            (objects, bytes) = (objects.saturating_add(1), bytes.saturating_add(block.bytes));
            match list.form {
                Form::Array => at = at.wrapping_add(8),
                Form::Linked(link) => at = self.view.word(at.wrapping_add(link)).unwrap_or(0),
                Form::Alike => {
                    let more = count.saturating_sub(index);
                    return (more, more.saturating_mul(block.bytes));
                }
            }
        }
        (objects, bytes)
    }
}
