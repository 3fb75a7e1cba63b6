//! Memory, instructions and modules for the client.

use super::protocol::{DisassembleArguments, Module, ReadMemoryArguments, Refusal};
use super::target::{Debuggee, reference};
use crate::base::{Addr, escape_terminal, file_name};
use crate::debuggee::Memory as _;
use crate::model::{FileStatus, ModuleInfo};
use crate::native::x86_64::{self, instruction::around};
use base64::Engine as _;
use serde_json::{Value as Json, json};

/// Bytes given in one answer.
const MAX_BYTES: u64 = 4 << 20;
/// Instructions given in one answer.
const MAX_INSTRUCTIONS: usize = 20_000;
/// Bytes read at once.
const PART: u64 = 4096;

fn address(text: &str, offset: i64) -> Result<Addr, Refusal> {
    let hex = text.trim().strip_prefix("0x");
    let number = hex.map_or_else(|| text.trim().parse::<u64>().ok(), |hex| u64::from_str_radix(hex, 16).ok());
    let base = number.ok_or_else(|| Refusal::new(format!("{:?} is not an address", escape_terminal(text))))?;
    Ok(Addr(base).wrapping_offset(offset))
}

/// The answer to `readMemory`.
pub fn read(debuggee: &Debuggee, arguments: &ReadMemoryArguments) -> Result<Json, Refusal> {
    let start = address(&arguments.memory_reference, arguments.offset)?;
    let count = arguments.count.min(MAX_BYTES);
    let memory = &debuggee.inspection().target().memory;
    let mut bytes: Vec<u8> = Vec::new();
    while (bytes.len() as u64) < count {
        let at = start.wrapping_add(bytes.len() as u64);
        let to_page = PART.saturating_sub(at.0 % PART);
        let size = to_page.min(count.saturating_sub(bytes.len() as u64));
        let mut part = vec![0; usize::try_from(size).unwrap_or(0)];
        if memory.read(at, &mut part).is_err() {
            break;
        }
        bytes.extend(part);
    }
    let missing = arguments.count.saturating_sub(bytes.len() as u64);
    let mut body = json!({ "address": reference(start) });
    if let Some(object) = body.as_object_mut() {
        if !bytes.is_empty() {
            object.insert("data".to_owned(), json!(base64::engine::general_purpose::STANDARD.encode(&bytes)));
        }
        if missing > 0 {
            object.insert("unreadableBytes".to_owned(), json!(missing));
        }
    }
    Ok(body)
}

/// The answer to `disassemble`: as many instructions as were asked for, those that are not there marked.
pub fn disassemble(debuggee: &Debuggee, arguments: &DisassembleArguments) -> Result<Json, Refusal> {
    let target = debuggee.inspection().target();
    if !x86_64::is_of(&target.abi) {
        return Err(Refusal::new("instructions are decoded for x86-64 only"));
    }
    let at = address(&arguments.memory_reference, arguments.offset)?;
    let count = arguments.instruction_count.min(MAX_INSTRUCTIONS);
    let skip = i64::try_from(MAX_INSTRUCTIONS).unwrap_or(i64::MAX);
    let from = arguments.instruction_offset.clamp(skip.saturating_neg(), skip);
    let before = usize::try_from(from.saturating_neg()).unwrap_or(0);
    let after = usize::try_from(from).unwrap_or(0).saturating_add(count);
    let images = debuggee.inspection().images();
    let symbol = images.symbol_at(target, at);
    let function = symbol.as_ref().and_then(|s| at.checked_sub(s.offset));
    let list = around(&target.memory, function, at, before, after);
    // Where the instruction at the address is in the list; the first wanted one is `from` away.
    let here = list.iter().position(|code| code.addr == at).unwrap_or(list.len());
    let mut out: Vec<Json> = Vec::with_capacity(count);
    for index in 0..count {
        let place = i64::try_from(here).unwrap_or(0).saturating_add(from).saturating_add_unsigned(index as u64);
        let code = usize::try_from(place).ok().and_then(|place| list.get(place));
        out.push(match code {
            Some(code) => {
                let bytes: Vec<String> = code.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let mut one = json!({
                    "address": reference(code.addr),
                    "instructionBytes": bytes.join(" "),
                    "instruction": code.text,
                });
                let known = arguments.resolve_symbols.then(|| images.symbol_at(target, code.addr)).flatten();
                if let (Some(symbol), Some(object)) = (known, one.as_object_mut()) {
                    object.insert("symbol".to_owned(), json!(escape_terminal(&symbol.name)));
                }
                one
            }
            // Before the start of the function nothing tells where instructions begin.
            None => {
                let offset = place.saturating_sub(i64::try_from(here).unwrap_or(0));
                json!({
                    "address": reference(at.wrapping_offset(offset)),
                    "instruction": "(no instruction is known here)",
                    "presentationHint": "invalid",
                })
            }
        });
    }
    Ok(json!({ "instructions": out }))
}

/// The modules of the process.
pub fn modules(debuggee: &Debuggee) -> Vec<Module> {
    let python = debuggee.report.python.as_ref().and_then(|p| p.module_id);
    let one = |(at, module): (usize, &ModuleInfo)| {
        let status = match module.file_status {
            Some(FileStatus::Ok) => Some("file found".to_owned()),
            Some(status) => Some(status.to_string().replace('-', " ")),
            None => None,
        };
        let path = escape_terminal(&module.path);
        Module {
            id: module.id.map_or(at, crate::model::ModuleId::index).try_into().unwrap_or(i64::MAX),
            name: file_name(&path).to_owned(),
            path: module.file.as_deref().map_or(path, escape_terminal),
            is_user_code: (python.is_some() && python == module.id).then_some(false),
            version: module.build_id.as_ref().map(|id| format!("build-id {id}")),
            symbol_status: status,
            address_range: format!("{}-{}", module.base, module.end),
        }
    };
    debuggee.report.modules.iter().enumerate().map(one).collect()
}
