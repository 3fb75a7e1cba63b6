//! Damaged objects on the crashing path: overwritten type pointers, impossible reference counts.

use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::base::Addr;
use crate::cpython::object::{Heap, refcount};
use crate::field;
use crate::model::{Confidence, Finding, FindingId};
use crate::native::x86_64;
use crate::native::x86_64::instruction::{Code, around, loaded_from};
use crate::stack::hidden_frames::CodePlace;

/// Frames from the crash outwards whose registers and arguments are examined.
const FRAMES: usize = 8;
const FREED_OR_OVERWRITTEN: &str = "the object was freed too early (a missing Py_INCREF, one Py_DECREF too many) and its memory \
                                    reused, or it was overwritten";

/// Finds the damaged object behind a bad access.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    if !matches!(scene.signal(), signals::SIGSEGV | signals::SIGBUS) || scene.fault.signal.sender_pid.is_some() {
        return Vec::new();
    }
    let Some(heap) = scene.facts.heap else { return Vec::new() };
    overwritten_type(scene, heap).or_else(|| missing_type(scene, heap)).into_iter().collect()
}

/// The faulting instruction used the type of an object that has none: zeros are where it was, or should have been.
fn missing_type(scene: &Scene<'_>, heap: &Heap<'_>) -> Option<Finding> {
    /// Instructions between the load of the type and its use.
    const NEAR: usize = 8;
    const MOST_HOLDERS: i64 = 1 << 16;
    let access = scene.access();
    let operand = access.operand.as_ref().filter(|operand| operand.index.is_none())?;
    let base = operand.base.as_ref().filter(|base| base.value == 0)?;
    let frame = scene.frames(1).next().filter(|f| f.place == CodePlace::Interpreter)?;
    let target = scene.facts.target;
    if !x86_64::is_of(&target.abi) {
        return None;
    }
    // A slot of a type, as everything behind the header of an object of variable size is.
    let slots = u64::from(heap.ctx.abi.pointer_size()).saturating_mul(3)..1 << 10;
    if !u64::try_from(operand.displacement).is_ok_and(|at| slots.contains(&at)) {
        return None;
    }
    let (regs, ip) = (scene.registers?, scene.registers?.ip()?);
    let function = scene.function(frame.frame, frame.code).map(|range| range.start);
    let code = around(&target.memory, function, ip, NEAR, 0);
    let before: Vec<Code> = code.into_iter().take_while(|code| code.addr < ip).collect();
    let header = field!(heap.ctx, object.ob_type).1.ok()?;
    let object = loaded_from(&before, &base.register, regs)?.checked_sub(header)?;
    // Who holds such an object has added to the zero that its count was.
    let count = refcount(&heap.ctx, object).ok()?.count.filter(|count| (0..MOST_HOLDERS).contains(count))?;
    if !type_word(heap, object)?.is_null() || !object.is_aligned(8) {
        return None;
    }
    let mut evidence = signal_evidence(scene);
    evidence.extend(access.evidence());
    evidence.push(format!("the object at {object} has NULL for a type, and a reference count of {count}"));
    let local = local_name(scene, object);
    evidence.extend(local.iter().map(|l| format!("{l} refers to it")));
    let named = local.map_or(String::new(), |l| format!(" ({l})"));
    let title = format!("the object at {object}{named} is damaged: its type pointer is NULL{}", scene.blame().suffix());
    Some(Finding {
        advice: Some(FREED_OR_OVERWRITTEN.to_owned()),
        ..finding(FindingId::CorruptObject, title, Confidence::High, evidence, scene.tid)
    })
}

/// The faulting instruction used a type pointer: find the object that has it.
fn overwritten_type(scene: &Scene<'_>, heap: &Heap<'_>) -> Option<Finding> {
    let access = scene.access();
    let operand = access.operand.as_ref();
    // The bad pointer: the base register of the operand, or, for a jump through a slot of the type, the target.
    let bad = match operand.and_then(|o| o.base.as_ref()) {
        // Below, a bad pointer is NULL or a number, which has rules of its own.
        Some(base) if base.value >= crate::os::NULL_AREA => base.value,
        _ => return None,
    };
    let in_interpreter = scene.frames(1).next().is_some_and(|f| f.place == CodePlace::Interpreter);
    if !in_interpreter {
        return None;
    }
    let object = candidates(scene).into_iter().find(|c| type_word(heap, *c) == Some(Addr(bad)))?;
    // A type that can be read is not overwritten, even if the crash is in reading what it points to.
    if heap.type_of(object).is_ok() {
        return None;
    }
    let mut evidence = signal_evidence(scene);
    evidence.extend(access.evidence());
    evidence.push(format!("the object at {object} has {bad:#x} for a type pointer, which is no type"));
    evidence.extend(count_evidence(heap, object));
    let local = local_name(scene, object);
    evidence.extend(local.iter().map(|l| format!("{l} refers to it")));
    let blame = scene.blame();
    evidence.extend(blame.evidence());
    let named = local.map_or(String::new(), |l| format!(" ({l})"));
    // `PYMEM_DEADBYTE` (Objects/obmalloc.c).
    let freed = bad.to_le_bytes() == [0xdd; 8];
    let title = match freed {
        true => format!(
            "use of the object at {object}{named}, which was freed (Python's debug allocator){}",
            blame.suffix()
        ),
        false => format!("the object at {object}{named} is damaged: its type pointer is {bad:#x}{}", blame.suffix()),
    };
    let id = if freed { FindingId::UseOfFreedMemory } else { FindingId::CorruptObject };
    let advice = Some(FREED_OR_OVERWRITTEN.to_owned());
    Some(Finding { advice, ..finding(id, title, Confidence::High, evidence, scene.tid) })
}

/// What may be an object: register values at the crash, arguments of the frames around it.
#[must_use]
pub fn candidates(scene: &Scene<'_>) -> Vec<Addr> {
    let mut out = Vec::new();
    let mut add = |value: u64| {
        let addr = Addr(value);
        if addr.is_aligned(8) && !addr.is_null() && !out.contains(&addr) {
            out.push(addr);
        }
    };
    for frame in scene.frames(FRAMES) {
        if let Some(regs) = frame.frame.registers.as_deref() {
            (0..16).filter_map(|n| regs.get(n)).for_each(&mut add);
        }
        (0..2).filter_map(|i| scene.argument(&frame, i)).for_each(&mut add);
    }
    out
}

fn type_word(heap: &Heap<'_>, object: Addr) -> Option<Addr> {
    heap.ctx.ptr(field!(heap.ctx, object.ob_type), object).ok()
}

fn count_evidence(heap: &Heap<'_>, object: Addr) -> Option<String> {
    let found = refcount(&heap.ctx, object).ok()?;
    let count = found.count?;
    let why = if count <= 0 { ": it has been freed" } else { "" };
    Some(format!("its reference count is {count}{why}"))
}

/// "local `x` of load" for a local variable that refers to the object.
fn local_name(scene: &Scene<'_>, object: Addr) -> Option<String> {
    scene.thread?.frames.iter().find_map(|frame| {
        let local = frame.locals.as_ref()?.iter().find(|l| l.value.as_ref().is_some_and(|v| v.addr == object))?;
        let function = frame.function.as_ref().map(ToString::to_string).unwrap_or_default();
        Some(format!("local {} of {function}", local.name))
    })
}

/// Objects with an impossible reference count among the arguments of the innermost interpreter functions.
pub(super) fn bad_count(scene: &Scene<'_>, heap: &Heap<'_>) -> Option<Finding> {
    let frames: Vec<SceneFrame<'_>> = scene.frames(FRAMES).collect();
    // While an object is destroyed its count is zero rightly.
    let destroying = frames.iter().any(|f| f.name().is_some_and(|n| n.to_ascii_lowercase().contains("dealloc")));
    if destroying {
        return None;
    }
    let inside = frames.iter().take_while(|f| f.place == CodePlace::Interpreter);
    let (object, count) = inside.filter_map(|f| scene.argument(f, 0)).find_map(|value| {
        let object = Addr(value);
        heap.type_of(object).ok()?;
        let count = refcount(&heap.ctx, object).ok()?.count.filter(|c| *c <= 0)?;
        Some((object, count))
    })?;
    let mut evidence = signal_evidence(scene);
    let name = super::destruction::type_name(scene, object).unwrap_or_else(|| "unknown".to_owned());
    evidence.push(format!("the {name} at {object} has reference count {count}: it has been freed"));
    let title = format!("use of a freed {name} object at {object}{}", scene.blame().suffix());
    let advice = "one Py_DECREF too many, or a borrowed reference that was kept";
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::BadRefcount, title, Confidence::Medium, evidence, scene.tid)
    })
}
