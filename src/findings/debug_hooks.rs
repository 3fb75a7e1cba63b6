//! Blocks that Python's debug allocator (PYTHONMALLOC=debug, -X dev, debug builds) refuses: which block, and what is wrong
//! with it. Its own report reads the damaged block, and so may crash.

use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::model::{Confidence, Finding, FindingId};
use crate::stack::hidden_frames::CodePlace;

/// Functions of the hooks (Objects/obmalloc.c) and which argument is the block.
const HOOKS: &[(&str, Option<usize>)] = &[
    ("_PyObject_DebugDumpAddress", Some(0)),
    ("_PyMem_DebugCheckAddress", Some(2)),
    ("_PyMem_DebugRawFree", Some(1)),
    ("_PyMem_DebugRawRealloc", Some(1)),
    ("_PyMem_DebugFree", Some(1)),
    ("_PyMem_DebugRealloc", Some(1)),
];
/// `SST`: bytes of the size; the same number of API and guard bytes follow, then the block.
const WORD: u64 = 8;
/// `PYMEM_DEADBYTE`: what a freed block is filled with, its header too.
const DEAD: u8 = 0xdd;
/// `PYMEM_FORBIDDENBYTE`: the guard bytes.
const GUARD: u8 = 0xfd;

/// What is in front of and after a block.
struct Block {
    addr: Addr,
    size: u64,
    /// `r`, `m` or `o`: the family of functions that gave it out.
    api: u8,
    front: [u8; 7],
    back: Option<[u8; 8]>,
}

/// Explains a crash or an abort of the hooks by the block that they looked at.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if !matches!(scene.signal(), signals::SIGSEGV | signals::SIGBUS | signals::SIGABRT) || scene.fault.handled {
        return None;
    }
    let frames: Vec<SceneFrame<'_>> = scene.frames(24).filter(|f| f.place == CodePlace::Interpreter).collect();
    // An abort is the hooks' only where they have begun to report.
    let reports = |f: &SceneFrame<'_>| f.runs("_PyMem_DebugCheckAddress") || f.runs("_PyObject_DebugDumpAddress");
    if !frames.iter().any(reports) {
        return None;
    }
    let block = frames.iter().find_map(|frame| {
        let (_, argument) = HOOKS.iter().find(|(name, _)| frame.runs(name))?;
        Block::read(scene, Addr(scene.argument(frame, (*argument)?)?))
    });
    let blame = scene.blame();
    let mut evidence = signal_evidence(scene);
    evidence.push("Python's debug allocator was checking or reporting a block".to_owned());
    evidence.extend(block.iter().flat_map(Block::evidence));
    evidence.extend(blame.evidence());
    let (id, what, advice) = block.as_ref().map_or(
        (
            FindingId::HeapCorruption,
            "a block of Python memory is damaged".to_owned(),
            "something wrote outside of its block",
        ),
        Block::verdict,
    );
    let title = format!("{what}{}", blame.origin());
    Some(Finding { advice: Some(advice.to_owned()), ..finding(id, title, Confidence::High, evidence, scene.tid) })
}

impl Block {
    fn read(scene: &Scene<'_>, addr: Addr) -> Option<Block> {
        let memory = &scene.facts.target.memory;
        let head = memory.read_array::<16>(addr.checked_sub(2 * WORD)?).ok()?;
        let (size, rest) = head.split_first_chunk::<8>()?;
        let (api, front) = rest.split_first()?;
        let size = u64::from_be_bytes(*size);
        let back = addr.checked_add(size).and_then(|end| memory.read_array::<8>(end).ok());
        Some(Block { addr, size, api: *api, front: front.try_into().ok()?, back })
    }

    /// The header is filled as that of a freed block is; its first word holds pymalloc's list of free blocks.
    fn freed(&self) -> bool {
        self.api == DEAD && self.front == [DEAD; 7]
    }

    fn family(&self) -> Option<&'static str> {
        match self.api {
            b'r' => Some("PyMem_Raw*"),
            b'm' => Some("PyMem_*"),
            b'o' => Some("PyObject_*"),
            _ => None,
        }
    }

    fn verdict(&self) -> (FindingId, String, &'static str) {
        let at = self.addr;
        let size = self.size;
        if self.freed() {
            let what = format!("the block of Python memory at {at} was freed twice, or used after it was freed");
            return (FindingId::DoubleFree, what, "two owners free one block; or an over-decref frees it early");
        }
        let Some(family) = self.family() else {
            let what =
                format!("the block of Python memory at {at} is damaged in front, or the allocator never gave it out");
            return (
                FindingId::HeapCorruption,
                what,
                "something wrote in front of its block, or the pointer is of another allocator",
            );
        };
        let overrun = self.back.is_some_and(|back| back != [GUARD; 8]);
        if self.front != [GUARD; 7] {
            let what = format!("the {size} bytes at {at} (of {family}) were written in front of");
            return (FindingId::HeapCorruption, what, "something wrote in front of its block: a negative index");
        }
        if overrun {
            let what = format!("the {size} bytes at {at} (of {family}) were written beyond their end");
            return (
                FindingId::HeapCorruption,
                what,
                "something wrote behind the end of its block: one too many, or a wrong size",
            );
        }
        let what = format!("the {size} bytes at {at} came from {family} and were freed by another family of functions");
        (FindingId::HeapCorruption, what, "free a block with the functions of the family that it came from")
    }

    fn evidence(&self) -> Vec<String> {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
        let api = self.family().map_or_else(|| format!("{:#04x}, no family", self.api), str::to_owned);
        let mut out = vec![format!("block at {}: size {:#x}, allocated by {api}", self.addr, self.size)];
        out.push(format!("7 bytes in front of it: {} (fd where nothing wrote)", hex(&self.front)));
        out.extend(self.back.map(|back| format!("8 bytes behind it: {} (fd where nothing wrote)", hex(&back))));
        out
    }
}
