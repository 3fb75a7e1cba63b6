//! Slim dumps as minidumps: written from the model, so any source can become one.
//!
//! Layouts: `minidumpapiset.h` (`MINIDUMP_*`), `winnt.h` (`CONTEXT`), Breakpad's `minidump_format.h` for the Linux
//! streams and the ELF CodeView record.

use super::elf::Encoder;
use super::plan::{Kind, Piece};
use super::{SlimError, SlimOptions};
use crate::arch::{self, MinidumpCpu};
use crate::base::{Abi, Addr, Os};
use crate::debuggee::recorder::PageMask;
use crate::debuggee::slim_record::{READ_STREAM, VENDOR_STREAM, list_of_read};
use crate::debuggee::{Crash, NativeThread, Protection, Registers, Target};
use crate::os::windows::streams::{
    EXCEPTION, LINUX_AUXV, LINUX_COMMAND_LINE, LINUX_MAPS, LINUX_STATUS, MAGIC, MEMORY_INFO_LIST, MEMORY64_LIST,
    MISC_INFO, MODULE_LIST, PLATFORM_LINUX, PLATFORM_WINDOWS, SYSTEM_INFO, THREAD_LIST, THREAD_NAMES,
};

/// Everything but the memory itself, which follows the header: first the pieces that are present, in order.
pub fn header(
    target: &Target,
    options: SlimOptions,
    pieces: &[Piece],
    pages: &[(Addr, PageMask)],
) -> Result<Vec<u8>, SlimError> {
    let cpu = arch::cpu(target.abi.arch);
    let cpu = cpu.minidump.as_ref().ok_or(SlimError::NotMinidump(cpu.name))?;
    let mut file = File { out: Encoder::new(target.abi), abi: target.abi, streams: Vec::new() };
    // Header and directory are written last, over this room.
    const MOST_STREAMS: usize = 16;
    file.out.pad_to(32 + MOST_STREAMS * 12);
    file.system_info(target, cpu);
    file.threads(target);
    file.exception(target);
    file.modules(target);
    file.misc(target);
    if target.abi.os == Os::Linux {
        file.linux(target);
    }
    file.stream(VENDOR_STREAM, &super::notes::info_json(target, options)?);
    if options.redact {
        file.stream(READ_STREAM, &list_of_read(pages));
    }
    file.memory_info(pieces);
    file.memory_list(pieces);
    Ok(file.finish())
}

struct File {
    out: Encoder,
    abi: Abi,
    /// Type, place, size.
    streams: Vec<(u32, u64, u64)>,
}

impl File {
    /// Writes bytes at the next 8-byte border; where they are.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        self.out.align(8);
        let at = self.out.len() as u64;
        self.out.bytes(bytes);
        at
    }

    fn stream(&mut self, kind: u32, bytes: &[u8]) {
        let at = self.put(bytes);
        self.streams.push((kind, at, bytes.len() as u64));
    }

    /// `MINIDUMP_STRING`; where it is.
    fn string(&mut self, text: &str) -> u64 {
        let mut e = Encoder::new(self.abi);
        let units: Vec<u16> = text.encode_utf16().collect();
        e.uint((units.len() as u64).saturating_mul(2), 4);
        for unit in units {
            e.uint(u64::from(unit), 2);
        }
        e.uint(0, 2);
        self.put(&e.finish())
    }

    fn system_info(&mut self, target: &Target, cpu: &MinidumpCpu) {
        let machine = u64::from(cpu.ids.first().copied().unwrap_or_default());
        let platform = match target.abi.os {
            Os::Windows => PLATFORM_WINDOWS,
            Os::Linux => PLATFORM_LINUX,
            Os::MacOs => 0x8101,
        };
        let empty = self.string("");
        let mut e = Encoder::new(self.abi);
        // Architecture, level, revision, processors and product type, major, minor, build, platform, service pack.
        e.uint(machine, 2).uint(0, 2).uint(0, 2).uint(1, 1).uint(1, 1).uint(0, 4).uint(0, 4).uint(0, 4);
        e.uint(platform, 4).uint(empty, 4).pad_to(56);
        self.stream(SYSTEM_INFO, &e.finish());
    }

    fn threads(&mut self, target: &Target) {
        let mut list = Encoder::new(self.abi);
        let mut names = Encoder::new(self.abi);
        list.uint(target.threads.len() as u64, 4);
        let named = target.threads.iter().filter(|t| t.name.is_some()).count();
        names.uint(named as u64, 4);
        for thread in &target.threads {
            let (size, at) = self.context(thread);
            // Id, suspend count, priority class, priority, TEB, stack (start, size, place), context (size, place).
            list.uint(thread.tid, 4).uint(0, 4).uint(0, 4).uint(0, 4);
            list.uint(thread.tls_base.map_or(0, |a| a.0), 8)
                .uint(thread.registers.as_ref().and_then(Registers::sp).map_or(0, |a| a.0), 8);
            list.uint(0, 4).uint(0, 4).uint(size, 4).uint(at, 4);
            if let Some(name) = &thread.name {
                let place = self.string(name);
                names.uint(thread.tid, 4).uint(place, 8);
            }
        }
        self.stream(THREAD_LIST, &list.finish());
        if named > 0 {
            self.stream(THREAD_NAMES, &names.finish());
        }
    }

    /// `CONTEXT` of a thread: its size and place; zeros without registers.
    fn context(&mut self, thread: &NativeThread) -> (u64, u64) {
        let Some(registers) = &thread.registers else { return (0, 0) };
        let Some(cpu) = &registers.cpu().minidump else { return (0, 0) };
        let bytes = cpu.write(|name| registers.get(name).unwrap_or(0), &self.abi);
        (bytes.len() as u64, self.put(&bytes))
    }

    fn exception(&mut self, target: &Target) {
        let Some(crash) = &target.crash else { return };
        let (size, at) = target.thread(crash.tid()).map_or((0, 0), |thread| self.context(thread));
        let (code, flags, address, parameters) = match crash {
            Crash::Signal { info, .. } => {
                let address = info.fault_addr.map_or(0, |a| a.0);
                // Breakpad's record has no place for the sender, nor for "no code": these go where Windows has
                // parameters, two for a sender, one where the original had no `siginfo_t` (a code 0 is `SI_USER`).
                let more = match (info.code, info.sender_pid) {
                    (None, _) => vec![0],
                    (_, Some(pid)) => {
                        vec![u64::from(pid.cast_unsigned()), u64::from(info.sender_uid.unwrap_or(u32::MAX))]
                    }
                    (_, None) => Vec::new(),
                };
                (info.number.cast_unsigned(), info.code.unwrap_or(0).cast_unsigned(), address, more)
            }
            Crash::Exception { code, address, parameters, .. } => (*code, 0, address.0, parameters.clone()),
        };
        let parameters = parameters.get(..parameters.len().min(15)).unwrap_or_default();
        let mut e = Encoder::new(self.abi);
        // Thread id, padding; code, flags, nested record, address, number of parameters, padding, parameters.
        e.uint(crash.tid(), 4).uint(0, 4);
        e.uint(u64::from(code), 4).uint(u64::from(flags), 4).uint(0, 8).uint(address, 8);
        e.uint(parameters.len() as u64, 4).uint(0, 4);
        for parameter in parameters {
            e.uint(*parameter, 8);
        }
        e.pad_to(160).uint(size, 4).uint(at, 4);
        self.stream(EXCEPTION, &e.finish());
    }

    fn modules(&mut self, target: &Target) {
        let mut order: Vec<_> = target.modules.iter().collect();
        // The main module is the first.
        order.sort_by_key(|m| !m.is_main);
        let mut list = Encoder::new(self.abi);
        list.uint(order.len() as u64, 4);
        for module in order {
            let name = self.string(&module.path);
            let size = module.end.distance_from(module.base).unwrap_or(0).min(u64::from(u32::MAX));
            let id = module.build_id.as_ref().map(|id| id.0.as_slice()).unwrap_or_default();
            let mut record = Encoder::new(self.abi);
            let mut stamp = 0;
            match (target.abi.os, id) {
                (_, []) => {}
                (Os::Windows, [a, b, c, d, _, _, _, _]) => stamp = u32::from_be_bytes([*a, *b, *c, *d]),
                (Os::Windows, [a, b, c, d, e, f, g, h, rest @ .., x0, x1, x2, x3]) => {
                    record.bytes(b"RSDS").bytes(&[*d, *c, *b, *a, *f, *e, *h, *g]).bytes(rest);
                    record.bytes(&[*x3, *x2, *x1, *x0, 0]);
                }
                (_, id) => {
                    record.bytes(b"LEpB").bytes(id);
                }
            }
            let record = record.finish();
            let record_at = if record.is_empty() { 0 } else { self.put(&record) };
            list.uint(module.base.0, 8).uint(size, 4).uint(0, 4).uint(u64::from(stamp), 4).uint(name, 4);
            version(&mut list, module.version.as_deref());
            // CodeView record, misc record, reserved.
            list.uint(record.len() as u64, 4).uint(record_at, 4).uint(0, 8).uint(0, 8).uint(0, 8);
        }
        self.stream(MODULE_LIST, &list.finish());
    }

    fn misc(&mut self, target: &Target) {
        let Some(pid) = target.process.pid else { return };
        let mut e = Encoder::new(self.abi);
        // Size, flags (MINIDUMP_MISC1_PROCESS_ID), process id, times.
        e.uint(24, 4).uint(1, 4).uint(pid, 4).uint(0, 4).uint(0, 4).uint(0, 4);
        self.stream(MISC_INFO, &e.finish());
    }

    fn linux(&mut self, target: &Target) {
        let p = &target.process;
        let mut status = String::new();
        let fields = [
            ("Name", p.command.clone()),
            ("Pid", p.pid.map(|v| v.to_string())),
            ("PPid", p.ppid.map(|v| v.to_string())),
        ];
        for (name, value) in fields.into_iter().filter_map(|(n, v)| Some((n, v?))) {
            status.push_str(&format!("{name}:\t{}\n", value.replace('\n', " ")));
        }
        self.stream(LINUX_STATUS, status.as_bytes());
        if let Some(arguments) = &p.arguments {
            self.stream(LINUX_COMMAND_LINE, arguments.replace(' ', "\0").as_bytes());
        }
        self.stream(LINUX_AUXV, &super::notes::auxv(target));
        let mut maps = String::new();
        for segment in target.memory.segments() {
            let flag = |on: bool, c: char| if on { c } else { '-' };
            let rights = segment.protection;
            let found = target.modules.iter().find_map(|m| {
                let mapping = m.mappings.iter().find(|p| p.start <= segment.start && segment.start < p.end)?;
                let inside = segment.start.distance_from(mapping.start).unwrap_or(0);
                Some((mapping.file_offset.saturating_add(inside), m.path.as_str()))
            });
            let (offset, path) = found.unwrap_or((0, ""));
            let inode = u8::from(!path.is_empty());
            let rights = [flag(rights.read, 'r'), flag(rights.write, 'w'), flag(rights.execute, 'x'), 'p'];
            let rights: String = rights.into_iter().collect();
            let path = path.replace('\n', "\\012");
            maps.push_str(&format!(
                "{:08x}-{:08x} {rights} {offset:08x} 00:00 {inode} {path}\n",
                segment.start.0,
                segment.end().0
            ));
        }
        self.stream(LINUX_MAPS, maps.as_bytes());
    }

    fn memory_info(&mut self, pieces: &[Piece]) {
        let mut regions: Vec<Piece> = Vec::new();
        for piece in pieces {
            match regions.last_mut() {
                Some(last)
                    if last.start.0.saturating_add(last.size) == piece.start.0
                        && last.protection == piece.protection =>
                {
                    last.size = last.size.saturating_add(piece.size);
                }
                _ => regions.push(piece.clone()),
            }
        }
        let mut e = Encoder::new(self.abi);
        e.uint(16, 4).uint(48, 4).uint(regions.len() as u64, 8);
        for region in &regions {
            let rights = page_rights(region.protection);
            e.uint(region.start.0, 8).uint(region.start.0, 8).uint(rights, 4).uint(0, 4).uint(region.size, 8);
            // MEM_COMMIT, rights, MEM_PRIVATE.
            e.uint(0x1000, 4).uint(rights, 4).uint(0x2_0000, 4).uint(0, 4);
        }
        self.stream(MEMORY_INFO_LIST, &e.finish());
    }

    /// What the original had lost comes last, after the end of the file: it stays lost.
    fn memory_list(&mut self, pieces: &[Piece]) {
        let of = |kind: Kind| pieces.iter().filter(move |p| p.kind == kind);
        let ranges: Vec<&Piece> = of(Kind::Present).chain(of(Kind::Lost)).collect();
        let size = (ranges.len() as u64).saturating_mul(16).saturating_add(16);
        self.out.align(8);
        let base = (self.out.len() as u64).saturating_add(size);
        let mut e = Encoder::new(self.abi);
        e.uint(ranges.len() as u64, 8).uint(base, 8);
        for range in ranges {
            e.uint(range.start.0, 8).uint(range.size, 8);
        }
        self.stream(MEMORY64_LIST, &e.finish());
    }

    fn finish(self) -> Vec<u8> {
        let mut head = Encoder::new(self.abi);
        // Signature, version, streams, directory, checksum, time, flags (MiniDumpWithFullMemory: a Memory64List).
        head.bytes(MAGIC).uint(0xa793, 4).uint(self.streams.len() as u64, 4).uint(32, 4);
        head.uint(0, 4).uint(0, 4).uint(2, 8);
        for (kind, at, size) in &self.streams {
            head.uint(u64::from(*kind), 4).uint(*size, 4).uint(*at, 4);
        }
        let head = head.finish();
        let mut out = self.out.finish();
        for (to, from) in out.iter_mut().zip(head) {
            *to = from;
        }
        out
    }
}

/// `VS_FIXEDFILEINFO` of a version "a.b.c.d".
fn version(list: &mut Encoder, text: Option<&str>) {
    let parts: Vec<u64> = text.unwrap_or("").split('.').filter_map(|p| p.parse::<u16>().ok()).map(u64::from).collect();
    let [a, b, c, d] = parts.as_slice() else {
        list.bytes(&[0; 52]);
        return;
    };
    let (high, low) = (a << 16 | b, c << 16 | d);
    list.uint(0xfeef_04bd, 4).uint(0x0001_0000, 4).uint(high, 4).uint(low, 4).uint(high, 4).uint(low, 4);
    list.bytes(&[0; 28]);
}

/// `PAGE_*` rights.
fn page_rights(p: Protection) -> u64 {
    match (p.read, p.write, p.execute) {
        (_, true, true) => 0x40,
        (true, false, true) => 0x20,
        (false, false, true) => 0x10,
        (_, true, false) => 0x04,
        (true, false, false) => 0x02,
        (false, false, false) => 0x01,
    }
}
