//! What is suspended and that nothing lists: tasks that asyncio forgot, futures that failed, generators and coroutines, found
//! among all objects.

use super::greenlets;
use super::heap_graph::Ways;
use super::tasks::{answer, sources};
use super::{Inspection, PythonState, TaskOptions, exceptions};
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::cpython::object::{Future, Kind};
use crate::heap::{HeapState, TypeId};
use crate::model::tasks::{FailedFuture, HeldObject, Suspended, Tasks};
use crate::tasks::{self, collect, is_coroutine_kind};
use std::collections::HashMap;

/// Classes of futures that are written in Python, by module and name (Lib/asyncio).
const FUTURE: &str = "asyncio.futures.Future";
const TASK: &str = "asyncio.tasks.Task";

/// Objects of the heap that may be suspended.
#[derive(Default)]
struct Candidates {
    generators: Vec<Addr>,
    tasks: Vec<Addr>,
    futures: Vec<Addr>,
    greenlets: Vec<Addr>,
    trio: Vec<Addr>,
    curio: Vec<Addr>,
    deferreds: Vec<Addr>,
    executors: Vec<Addr>,
}

/// What a type is for that search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Generator,
    Task,
    Future,
    Greenlet,
    Trio,
    Curio,
    Deferred,
    Executor,
    Other,
}

impl Candidates {
    /// `greenlet`: the class of greenlets.
    fn find(state: &HeapState<'_>, greenlet: Option<Addr>) -> Candidates {
        let mut roles: HashMap<TypeId, Role> = HashMap::new();
        let mut found = Candidates::default();
        for object in state.objects().iter() {
            let role = *roles.entry(object.type_id).or_insert_with(|| role(state, object.type_id, greenlet));
            match role {
                Role::Generator => found.generators.push(Addr(object.addr)),
                Role::Task => found.tasks.push(Addr(object.addr)),
                Role::Future => found.futures.push(Addr(object.addr)),
                Role::Greenlet => found.greenlets.push(Addr(object.addr)),
                Role::Trio => found.trio.push(Addr(object.addr)),
                Role::Deferred => found.deferreds.push(Addr(object.addr)),
                Role::Curio => found.curio.push(Addr(object.addr)),
                Role::Executor => found.executors.push(Addr(object.addr)),
                Role::Other => {}
            }
        }
        found
    }
}

fn role(state: &HeapState<'_>, type_id: TypeId, greenlet: Option<Addr>) -> Role {
    let Some(shape) = state.shape(type_id) else { return Role::Other };
    let derived = || {
        state
            .heap()
            .type_info(shape.addr)
            .is_some_and(|info| state.heap().mro(&info).contains(&greenlet.unwrap_or_default()))
    };
    if greenlet.is_some() && !matches!(shape.kind, Kind::Type) && derived() {
        return Role::Greenlet;
    }
    match shape.kind {
        kind if is_coroutine_kind(kind) => Role::Generator,
        Kind::Task => Role::Task,
        Kind::Future => Role::Future,
        Kind::Object => {
            let heap = state.heap();
            let Some(info) = heap.type_info(shape.addr) else { return Role::Other };
            let bases = heap.mro(&info);
            let mut names = bases.iter().filter_map(|at| Some(heap.full_name(&*heap.type_info(*at)?)));
            let is = |name: String| match name.as_str() {
                TASK => Some(Role::Task),
                tasks::TRIO_TASK => Some(Role::Trio),
                tasks::CURIO_TASK => Some(Role::Curio),
                tasks::DEFERRED => Some(Role::Deferred),
                FUTURE => Some(Role::Future),
                tasks::THREAD_EXECUTOR => Some(Role::Executor),
                _ => None,
            };
            names.find_map(is).unwrap_or(Role::Other)
        }
        _ => Role::Other,
    }
}

/// The tasks of a process, and what else is suspended in it.
pub(super) fn with_heap(
    inspection: &Inspection,
    state: PythonState<'_>,
    heap: &HeapState<'_>,
    options: &TaskOptions,
) -> Tasks {
    let target = inspection.target();
    let main = state.interpreters().first();
    let greenlet = main.and_then(|main| tasks::type_greenlet(heap.heap(), main.addr));
    let mut candidates = Candidates::find(heap, greenlet);
    let greenlets = std::mem::take(&mut candidates.greenlets);
    let trio = std::mem::take(&mut candidates.trio);
    let curio = std::mem::take(&mut candidates.curio);
    let deferreds = std::mem::take(&mut candidates.deferreds);
    if !options.all {
        candidates = Candidates::default();
    }
    let sources = sources(target, state, options.limit, candidates.tasks);
    let pools = tasks::pools(&sources, &candidates.executors);
    let mut facts = collect(&sources);
    tasks::trio(&sources, &trio, &mut facts);
    tasks::curio(&sources, &curio, &mut facts);
    let deferreds = tasks::deferreds(&sources, &deferreds, &mut facts.stacks);
    let greenlets = match greenlet {
        Some(class) => greenlets::read(target, state, heap.heap(), (class, &greenlets), &mut facts.stacks, options),
        None => Vec::new(),
    };
    let of_tasks = std::mem::take(&mut facts.coroutines);
    let generators = (candidates.generators.as_slice(), &of_tasks);
    let (found, unreadable) = tasks::suspended(heap.heap(), state.codes, 0, generators, &mut facts.stacks);
    if unreadable > 0 {
        let text = format!("{unreadable} generators or coroutines cannot be read");
        target.diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksUnreadable, text));
    }
    let ways = (!found.is_empty()).then(|| Ways::new(inspection, heap));
    let suspended = found.into_iter().map(|one| shown(heap, ways.as_ref(), one)).collect();
    let failed = |at: &Addr| Some((*at, Future::read(heap.heap(), *at).ok()??)).filter(|(_, f)| f.unretrieved);
    let unretrieved = candidates.futures.iter().filter_map(failed);
    let unretrieved = unretrieved.map(|(addr, future)| FailedFuture {
        addr,
        type_name: tasks::full_name(heap.heap(), addr),
        exception: future.exception.map(|at| exceptions::exception(state, heap.heap(), at, &options.options)),
    });
    let unretrieved = unretrieved.collect();
    Tasks { suspended, greenlets, deferreds, unretrieved, ..answer(state, &sources, (facts, pools), options) }
}

fn shown(heap: &HeapState<'_>, ways: Option<&Ways>, one: tasks::Suspended) -> Suspended {
    let object = |addr: Addr| HeldObject { addr, type_name: tasks::full_name(heap.heap(), addr) };
    let id = heap.objects().at(one.addr.0);
    let way = ways.zip(id).map(|(ways, id)| ways.paths.to(id)).unwrap_or_default();
    let holder = way.iter().rev().nth(1).and_then(|id| heap.objects().get(*id));
    Suspended {
        addr: one.addr,
        kind: one.kind,
        name: one.name,
        state: one.state,
        stack: one.stack,
        inner: one.inner,
        waits_for: one.waits_for.map(object),
        holder: holder.map(|found| object(Addr(found.addr))),
        path: ways.zip(id).and_then(|(ways, id)| ways.path_to(heap, id)),
        problem: one.problem,
    }
}
