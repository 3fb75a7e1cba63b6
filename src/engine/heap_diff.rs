//! What grew between dumps of one program.

use super::Inspection;
use super::heap::{HeapLookError, Missing};
use super::heap_answers::coverage;
use super::heap_graph::Ways;
use super::heap_report::source;
use crate::base::{Addr, size, thousands};
use crate::heap::{Census, Filter, HeapState, ObjectId, Retained};
use crate::model::heap::{
    HEAP_SCHEMA_VERSION, HeapBorn, HeapDiff, HeapDump, HeapFinding, HeapFindingId, HeapGrowth, HeapGrowthOfType,
};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Containers of each dump that get a path: those with most items.
const CONTAINERS: usize = 500;
/// A container that grew by fewer items is no finding, nor one that grew by less than this part.
const GROWN_ITEMS: u64 = 100;
const GROWN_PART: u64 = 10;
/// Findings told.
const FINDINGS: usize = 5;

/// One container of a dump.
#[derive(Clone, Debug)]
struct Container {
    path: String,
    addr: Addr,
    type_name: String,
    items: u64,
    retained: u64,
}

/// What is kept of a dump while the others are read.
#[derive(Debug)]
pub struct Snapshot {
    dump: HeapDump,
    /// What tells one process from another: its id, where the runtime and the interpreters are.
    process: (Option<u64>, Option<Addr>, Vec<Addr>),
    types: HashMap<String, (u64, u64)>,
    names: Vec<String>,
    /// Addresses and types of all objects, sorted.
    objects: Vec<(u64, u32)>,
    containers: Vec<Container>,
    /// Address, items and retained bytes of all containers, sorted.
    items: Vec<(u64, u64, u64)>,
    /// Objects that were born since the first dump, by type.
    born: Vec<HeapBorn>,
}

impl Snapshot {
    /// Reads a dump. `before`: the dumps before it, of which what was born is told in the third.
    ///
    /// # Errors
    /// [`HeapLookError`] when it has no heap.
    pub fn read(inspection: &Inspection, before: &[Snapshot]) -> Result<Snapshot, HeapLookError> {
        inspection.heap(|state, missing| snapshot(inspection, state, missing, before))
    }

    fn is_of_process(&self, other: &Snapshot) -> bool {
        self.process.1.is_some() && self.process == other.process
    }

    /// Whether an object of another dump of the process is in this one.
    fn has(&self, addr: u64, type_name: &str) -> bool {
        let at = self.objects.binary_search_by_key(&addr, |(addr, _)| *addr);
        let type_id = at.ok().and_then(|at| self.objects.get(at)).map(|(_, type_id)| *type_id);
        type_id.and_then(|id| self.names.get(id as usize)).is_some_and(|name| name == type_name)
    }
}

fn snapshot(inspection: &Inspection, state: &HeapState<'_>, missing: Missing, before: &[Snapshot]) -> Snapshot {
    let census = Census::new(state, &Filter::default(), &|_| true);
    let ways = Ways::new(inspection, state);
    let retained = Retained::new(state, &ways.graph);
    let name = |type_id: u32| state.shape(type_id).map(|shape| shape.name.clone()).unwrap_or_default();
    let mut types: HashMap<String, (u64, u64)> = HashMap::new();
    for row in &census.rows {
        // Two classes may have one name.
        let (objects, bytes) = types.entry(name(row.type_id)).or_default();
        *objects = objects.wrapping_add(row.objects);
        *bytes = bytes.saturating_add(row.bytes);
    }
    let python = inspection.python();
    let interpreters = python.map(|p| p.interpreters().iter().map(|i| i.addr).collect()).unwrap_or_default();
    let target = inspection.target();
    let (containers, items) = containers(state, &ways, &retained);
    let mut snapshot = Snapshot {
        dump: HeapDump {
            // Dumps of one name in different directories are told apart.
            source: target.path.as_ref().map_or_else(|| source(inspection), |path| path.display().to_string()),
            coverage: coverage(state, missing),
            objects: census.objects,
            bytes: census.bytes,
            diagnostics: target.diagnostics.to_vec(),
        },
        process: (target.process.pid, python.and_then(|p| p.located.runtime), interpreters),
        types,
        names: (0..state.collected.shapes.len() as u32).map(name).collect(),
        objects: state.objects().iter().map(|found| (found.addr, found.type_id)).collect(),
        containers,
        items,
        born: Vec::new(),
    };
    if let [first, second] = before
        && snapshot.is_of_process(first)
        && snapshot.is_of_process(second)
    {
        snapshot.born = born(state, &ways, first, second);
    }
    snapshot
}

/// The containers with most items, and the numbers of all: address, items, retained bytes.
fn containers(
    state: &HeapState<'_>,
    ways: &Ways,
    retained: &Retained<'_, '_>,
) -> (Vec<Container>, Vec<(u64, u64, u64)>) {
    let objects = state.objects();
    let mut list: Vec<(u64, ObjectId)> = Vec::new();
    let mut all = Vec::new();
    for (id, found) in objects.iter().enumerate() {
        let id = id as u32;
        if let Some(items) = state.items(found)
            && let Some(kept) = retained.of(id)
        {
            list.push((items, id));
            all.push((found.addr, items, kept));
        }
    }
    list.sort_by_key(|(items, id)| (Reverse(*items), *id));
    let row = |(items, id): (u64, ObjectId)| {
        let found = objects.get(id)?;
        Some(Container {
            path: ways.path_to(state, id)?,
            addr: Addr(found.addr),
            type_name: state.shape(found.type_id)?.name.clone(),
            items,
            retained: retained.of(id)?,
        })
    };
    (list.into_iter().take(CONTAINERS).filter_map(row).collect(), all)
}

/// Objects of the third dump that are not in the first and in the second, by type.
fn born(state: &HeapState<'_>, ways: &Ways, first: &Snapshot, second: &Snapshot) -> Vec<HeapBorn> {
    let mut rows: HashMap<u32, (HeapBorn, u64)> = HashMap::new();
    for found in state.objects().iter() {
        let Some(shape) = state.shape(found.type_id) else { continue };
        if first.has(found.addr, &shape.name) || !second.has(found.addr, &shape.name) {
            continue;
        }
        let bytes = state.size(found);
        let (row, largest) = rows.entry(found.type_id).or_default();
        row.objects = row.objects.wrapping_add(1);
        row.bytes = row.bytes.saturating_add(bytes);
        if bytes > *largest {
            (row.largest_at, *largest) = (Addr(found.addr), bytes);
        }
    }
    let named = |(type_id, (row, _)): (u32, (HeapBorn, u64))| {
        let path = state.objects().at(row.largest_at.0).and_then(|id| ways.path_to(state, id));
        let name = state.shape(type_id).map(|shape| shape.name.clone()).unwrap_or_default();
        HeapBorn { name, path, ..row }
    };
    let mut rows: Vec<HeapBorn> = rows.into_iter().map(named).collect();
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    rows
}

/// What grew from the first to the last of the dumps; lists have at most `limit` rows.
#[must_use]
pub fn diff(snapshots: &[Snapshot], limit: usize) -> HeapDiff {
    let same_process = snapshots.windows(2).all(|pair| matches!(pair, [a, b] if a.is_of_process(b)));
    let mut types = types(snapshots);
    let types_total = types.len() as u64;
    types.truncate(limit);
    let mut containers = grown(snapshots, same_process);
    let findings = containers.iter().filter(|grown| is_finding(grown)).take(FINDINGS).map(finding).collect();
    containers.truncate(limit);
    let mut born = snapshots.get(2).map(|last| last.born.clone()).unwrap_or_default();
    born.truncate(limit);
    HeapDiff {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        dumps: snapshots.iter().map(|snapshot| snapshot.dump.clone()).collect(),
        same_process,
        types,
        types_total,
        containers,
        born,
        findings,
    }
}

/// Last minus first; a smaller last counts as negative.
fn growth(values: &[u64]) -> i128 {
    let of = |value: Option<&u64>| i128::from(value.copied().unwrap_or(0));
    of(values.last()).saturating_sub(of(values.first()))
}

fn types(snapshots: &[Snapshot]) -> Vec<HeapGrowthOfType> {
    let names: HashSet<&String> = snapshots.iter().flat_map(|snapshot| snapshot.types.keys()).collect();
    let row = |name: &String| {
        let of = |snapshot: &Snapshot| snapshot.types.get(name).copied().unwrap_or_default();
        let (objects, bytes): (Vec<u64>, Vec<u64>) = snapshots.iter().map(of).unzip();
        HeapGrowthOfType { name: name.clone(), objects, bytes }
    };
    let mut rows: Vec<HeapGrowthOfType> = names.into_iter().map(row).collect();
    rows.retain(|row| growth(&row.bytes) != 0 || growth(&row.objects) != 0);
    rows.sort_by(|a, b| growth(&b.bytes).cmp(&growth(&a.bytes)).then_with(|| a.name.cmp(&b.name)));
    rows
}

/// Containers that have more items in each dump than in the one before: of one process the same object, of others the one
/// with the same path.
fn grown(snapshots: &[Snapshot], same_process: bool) -> Vec<HeapGrowth> {
    let Some((last, before)) = snapshots.split_last() else { return Vec::new() };
    // Items and retained bytes of a container in a dump before.
    let by_addr = |snapshot: &Snapshot, of: &Container| {
        let at = snapshot.items.binary_search_by_key(&of.addr.0, |(addr, ..)| *addr).ok()?;
        let (addr, items, retained) = snapshot.items.get(at).copied()?;
        snapshot.has(addr, &of.type_name).then_some((items, retained))
    };
    let by_path = |snapshot: &Snapshot, of: &Container| {
        let same = |other: &&Container| other.path == of.path && other.type_name == of.type_name;
        snapshot.containers.iter().find(same).map(|other| (other.items, other.retained))
    };
    let row = |container: &Container| {
        let find = |snapshot: &Snapshot| match same_process {
            true => by_addr(snapshot, container),
            false => by_path(snapshot, container),
        };
        let mut all = before.iter().map(find).collect::<Option<Vec<(u64, u64)>>>()?;
        all.push((container.items, container.retained));
        let (items, retained): (Vec<u64>, Vec<u64>) = all.into_iter().unzip();
        let grew = items.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        grew.then(|| HeapGrowth {
            path: container.path.clone(),
            type_name: container.type_name.clone(),
            addr: container.addr,
            items,
            retained,
        })
    };
    let mut rows: Vec<HeapGrowth> = last.containers.iter().filter_map(row).collect();
    rows.sort_by(|a, b| growth(&b.retained).cmp(&growth(&a.retained)).then_with(|| a.path.cmp(&b.path)));
    rows
}

fn is_finding(grown: &HeapGrowth) -> bool {
    let (first, last) = (grown.items.first().copied().unwrap_or(0), grown.items.last().copied().unwrap_or(0));
    let more = last.saturating_sub(first);
    more >= GROWN_ITEMS && more >= first / GROWN_PART
}

fn finding(grown: &HeapGrowth) -> HeapFinding {
    let bytes = u64::try_from(growth(&grown.retained)).unwrap_or(0);
    let items: Vec<String> = grown.items.iter().map(|n| thousands(*n)).collect();
    let kept: Vec<String> = grown.retained.iter().map(|n| size(*n)).collect();
    HeapFinding {
        id: HeapFindingId::GrowingContainer,
        title: format!("{} grows: {} items", grown.path, items.join(", then ")),
        path: Some(grown.path.clone()),
        object: None,
        objects: u64::try_from(growth(&grown.items)).unwrap_or(0),
        bytes,
        share: 0.0,
        evidence: vec![format!("a {} that keeps {} alive", grown.type_name, kept.join(", then "))],
        next: format!("pyinquest heap refs CORE {} --out", grown.addr),
    }
}
