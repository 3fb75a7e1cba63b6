//! Objects of few types among all that the collector tracks, without gathering the heap.

use super::{FLAGS, HEAD, heads, state};
use crate::base::Addr;
use crate::cpython::Context;
use crate::cpython::layout::{GcHead, RefcountForm};
use crate::debuggee::{Deadline, Memory};
use crate::field;
use foldhash::{HashMap, HashMapExt as _};

/// Pages that are remembered (64 MiB): lists lead to and fro between few of them.
const MAX_PAGES: usize = 1 << 14;
const PAGE: u64 = 4096;
/// The time is looked at after so many objects.
const TURN: u64 = 1 << 14;

/// What was found, and why there may be more.
#[derive(Debug, Default)]
pub struct Tracked {
    /// Objects, in the order of the lists.
    pub objects: Vec<Addr>,
    /// Why the lists could not be followed to their ends.
    pub broken: Option<String>,
}

/// The objects that the collector of an interpreter tracks and whose type is `wanted`.
#[must_use]
pub fn tracked(
    ctx: &Context<'_>,
    runtime: Option<Addr>,
    interpreter: Addr,
    deadline: &Deadline,
    wanted: impl Fn(Addr) -> bool,
) -> Tracked {
    let mut out = Tracked::default();
    let Some(state) = state(ctx, runtime, interpreter) else {
        let free_threaded = matches!(ctx.dialect.refcount, RefcountForm::Biased { .. });
        let why = if free_threaded { "free-threaded builds have no lists" } else { "they are nowhere to be found" };
        return Tracked { broken: Some(why.to_owned()), ..out };
    };
    let heads = match heads(ctx, state) {
        Ok(heads) if ctx.dialect.gc_head == GcHead::Links => heads,
        Ok(_) => return Tracked { broken: Some("the lists are those of old versions".to_owned()), ..out },
        Err(e) => return Tracked { broken: Some(e.to_string()), ..out },
    };
    let mut walk = Walk { pages: Pages::new(ctx.memory), types: HashMap::new(), steps: 0, deadline };
    for (head, _) in heads {
        if let Err(why) = walk.list(ctx, head, &wanted, &mut out.objects) {
            out.broken = Some(why);
        }
    }
    out
}

struct Walk<'a> {
    pages: Pages<'a>,
    /// Whether objects of a type are wanted.
    types: HashMap<u64, bool>,
    steps: u64,
    deadline: &'a Deadline,
}

impl Walk<'_> {
    fn list(
        &mut self,
        ctx: &Context<'_>,
        head: Addr,
        wanted: &impl Fn(Addr) -> bool,
        found: &mut Vec<Addr>,
    ) -> Result<(), String> {
        let ob_type = field!(ctx, object.ob_type).1.map_err(|e| e.to_string())?;
        let not_readable = |at: u64| format!("{} is not readable", Addr(at));
        let mut at = self.pages.word(ctx, head.0).ok_or_else(|| not_readable(head.0))? & !FLAGS;
        // A ring that does not close is noticed by a mark that is set again after each doubling of the way (Brent).
        let (mut mark, mut way, mut turn) = (head.0, 0u64, 1u64);
        while at != head.0 {
            if at == mark {
                return Err(format!("the list loops at {}", Addr(at)));
            }
            self.steps = self.steps.wrapping_add(1);
            if self.steps.is_multiple_of(TURN) && self.deadline.is_over() {
                return Err("the time is over".to_owned());
            }
            let object = at.wrapping_add(HEAD);
            let class = self.pages.word(ctx, object.wrapping_add(ob_type)).ok_or_else(|| not_readable(at))?;
            if *self.types.entry(class).or_insert_with(|| wanted(Addr(class))) {
                found.push(Addr(object));
            }
            way = way.wrapping_add(1);
            if way == turn {
                (mark, turn) = (at, turn.saturating_mul(2));
            }
            at = self.pages.word(ctx, at).ok_or_else(|| not_readable(at))? & !FLAGS;
        }
        Ok(())
    }
}

/// Memory read page by page: of a running process each read is a call of the system.
struct Pages<'a> {
    memory: &'a dyn Memory,
    read: HashMap<u64, Option<Box<[u8]>>>,
}

impl<'a> Pages<'a> {
    fn new(memory: &'a dyn Memory) -> Self {
        Pages { memory, read: HashMap::new() }
    }

    fn word(&mut self, ctx: &Context<'_>, at: u64) -> Option<u64> {
        let width = usize::from(ctx.abi.pointer_size());
        let (page, inside) = (at / PAGE, usize::try_from(at % PAGE).ok()?);
        if self.read.len() > MAX_PAGES {
            self.read.clear();
        }
        let memory = self.memory;
        let bytes = self.read.entry(page).or_insert_with(|| {
            let mut bytes = vec![0; PAGE as usize].into_boxed_slice();
            memory.read(Addr(page.wrapping_mul(PAGE)), &mut bytes).ok().map(|()| bytes)
        });
        let word = bytes.as_ref().and_then(|bytes| bytes.get(inside..inside.checked_add(width)?));
        match word {
            Some(word) => Some(ctx.abi.uint(word)),
            // Of a page that is there in part, or a word that is in two.
            None => ctx.ptr_at("gc list", Addr(at)).ok().map(|addr| addr.0),
        }
    }
}
