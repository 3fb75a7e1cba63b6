//! Stacks that gdb could not read and left in the core as zeros.
//!
//! Since 2.42 glibc makes the guard page of a thread's stack a part of the stack's own mapping (`MADV_GUARD_INSTALL`,
//! Linux 6.13). gdb's `gcore` copies a mapping in pieces of one MiB and, before gdb 18, stops at the first that it cannot read
//! (gdb/gcore.c `gcore_copy_callback`): of a mapping that begins with a guard page nothing is in the core, and zeros stand
//! in its place in the file.

use super::notes::ThreadNotes;
use crate::base::{Abi, Diagnostic, DiagnosticCode};
use crate::debuggee::{MissingPart, NativeThread, Segment};

/// `MAX_COPY_BYTES` of gdb/gcore.c.
const PIECE: u64 = 1 << 20;
/// What is examined from the stack pointer on, in bytes: the frame of the function that a thread is in, and its callers'.
const LOOKED_AT: u64 = 4096;

/// Takes what was lost out of the segments: from the piece that a stack pointer is in to the end of the mapping. `missing`
/// gets these parts.
///
/// A stack is lost where zeros stand at the stack pointer and where the thread pointer points: the word there is never
/// zero (x86-64: its own address; aarch64, glibc: `tcbhead_t.dtv`).
pub(super) fn take_out(
    segments: &mut [Segment],
    data: &[u8],
    abi: Abi,
    threads: &[ThreadNotes],
    missing: &mut Vec<MissingPart>,
) -> Option<Diagnostic> {
    let stacks: Vec<(usize, u64)> = threads.iter().filter_map(|t| lost_stack(segments, data, abi, &t.thread)).collect();
    for (at, inside) in &stacks {
        let Some(segment) = segments.get_mut(*at) else { continue };
        segment.dumped = segment.dumped.min(inside.saturating_sub(inside % PIECE));
        segment.available = segment.available.min(segment.dumped);
    }
    let mut holders: Vec<usize> = stacks.iter().map(|(at, _)| *at).collect();
    holders.sort_unstable();
    holders.dedup();
    missing.extend(holders.iter().filter_map(|at| segments.get(*at)).map(|segment| MissingPart {
        start: segment.start.wrapping_add(segment.available),
        size: segment.size.saturating_sub(segment.available),
        why: "not read by gdb".to_owned(),
    }));
    missing.sort_by_key(|part| part.start);
    let text = match stacks.len() {
        0 => return None,
        1 => "the stack of 1 thread is not in the core: gdb could not read it and left zeros".to_owned(),
        n => format!("the stacks of {n} threads are not in the core: gdb could not read them and left zeros"),
    };
    let hint = "gdb before 18 loses the stacks of threads made by glibc 2.42 or later: look at the process itself (--pid), \
                or let a later gdb or the kernel write the core";
    Some(Diagnostic::warning(DiagnosticCode::CoreStacksLost, text).hint(hint))
}

/// The segment that a thread's stack should be in, and where in it its stack pointer points, if the stack was lost.
fn lost_stack(segments: &[Segment], data: &[u8], abi: Abi, thread: &NativeThread) -> Option<(usize, u64)> {
    let (sp, tls) = (thread.registers.as_ref()?.sp()?, thread.tls_base?);
    let at = segments.partition_point(|s| s.end() <= sp);
    // A file that is cut short is another matter.
    let segment = segments.get(at).filter(|s| s.available == s.dumped && s.dumped == s.size)?;
    let (inside, tls_inside) = (sp.distance_from(segment.start)?, tls.distance_from(segment.start)?);
    let looked_at = segment.size.saturating_sub(inside).min(LOOKED_AT);
    let lost =
        is_zero(segment, data, inside, looked_at) && is_zero(segment, data, tls_inside, u64::from(abi.pointer_size()));
    lost.then_some((at, inside))
}

/// Whether `len` bytes of the segment, from `inside` on, are in the file and all zero.
fn is_zero(segment: &Segment, data: &[u8], inside: u64, len: u64) -> bool {
    let end = inside.saturating_add(len);
    let at = |inside: u64| usize::try_from(segment.offset.saturating_add(inside)).unwrap_or(usize::MAX);
    let bytes = data.get(at(inside)..at(end)).filter(|_| end <= segment.available);
    len > 0 && bytes.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use crate::base::Addr;
    use crate::debuggee::elf_core::from_source;
    use crate::debuggee::elf_core::synth_core::{EM_X86_64, READ_WRITE, SynthCore};
    use crate::debuggee::{MemoryExt as _, MissingPart, ReadErrorKind, Target};
    use std::path::Path;
    use std::sync::Arc;

    const MIB: usize = 1 << 20;
    /// Indexes in `struct user_regs_struct`.
    const RSP: usize = 19;
    const FS_BASE: usize = 21;

    /// A mapping at 0x7000_0000 with this content, and threads with their stack and thread pointers in it.
    fn target(mapping: &[u8], stacks: &[(u64, u64)]) -> Target {
        let mut core = SynthCore::new(EM_X86_64);
        for (tid, (sp, tls)) in (1..).zip(stacks) {
            core = core.thread(tid, 0, &[(RSP, 0x7000_0000 + sp), (FS_BASE, 0x7000_0000 + tls)]);
        }
        let core = core.load(0x7000_0000, mapping.len() as u64, READ_WRITE, mapping);
        from_source(Path::new("core"), Arc::new(core.build())).unwrap()
    }

    fn codes(target: &Target) -> Vec<String> {
        target
            .diagnostics
            .to_vec()
            .into_iter()
            .map(|d| d.code.to_string())
            .filter(|c| c == "core-stacks-lost")
            .collect()
    }

    #[test]
    fn zeros_that_gdb_left_are_no_memory() {
        let mut mapping = vec![0; 4 * MIB];
        mapping[..MIB].fill(1);
        // Two stacks, one after the other: the first guard page ended the copy.
        let target = target(&mapping, &[(0x1f_f000, 0x1f_ff00), (0x3f_0000, 0x3f_ff00)]);
        assert_eq!(codes(&target), ["core-stacks-lost"]);
        assert_eq!(target.memory.read_array::<2>(Addr(0x700f_fffe)).unwrap(), [1, 1]);
        let error = target.memory.read_array::<2>(Addr(0x700f_ffff)).unwrap_err();
        assert_eq!((error.addr, error.kind), (Addr(0x7010_0000), ReadErrorKind::NotInDump));
        let why = "not read by gdb".to_owned();
        assert_eq!(target.missing, [MissingPart { start: Addr(0x7010_0000), size: 0x30_0000, why }]);
    }

    #[test]
    fn zeros_that_a_process_had_are() {
        let stack = (0x1f_0000, 0x1f_ff00);
        // A stack pointer led astray: the thread pointer shows that the mapping is there.
        let mut mapping = vec![0; 2 * MIB];
        mapping[0x1f_ff00] = 1;
        let led_astray = target(&mapping, &[stack]);
        // A thread pointer that was overwritten, of a thread with a stack.
        let mut mapping = vec![0; 2 * MIB];
        mapping[0x1f_0100] = 1;
        let overwritten = target(&mapping, &[stack]);
        // Both in other places.
        let elsewhere = target(&vec![0; 2 * MIB], &[(0x80_0000, 0x1f_ff00), (0x1f_0000, 0x80_0000)]);
        for target in [led_astray, overwritten, elsewhere] {
            assert!(codes(&target).is_empty() && target.missing.is_empty());
            assert_eq!(target.memory.read_array::<1>(Addr(0x7000_0000)).unwrap(), [0]);
        }
    }
}
