//! Messages of the Debug Adapter Protocol (1.71), as far as they are used here, and how they are framed.
//!
//! Names and meanings are those of the specification's `debugAdapterProtocol.json`. No crate with these types is kept up
//! with it, so they stand here.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::io::{self, BufRead, Write};

/// Longest message that is taken, in bytes. A breakpoint list of a large project has some 100 KB.
const MAX_MESSAGE: usize = 16 << 20;
/// Longest line of a header.
const MAX_HEADER: usize = 4096;

/// Reads one message; `None` at the end of the stream.
///
/// # Errors
/// When the stream breaks off inside of a message, or what comes is not one.
pub fn read_message(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        let got = io::Read::take(&mut *input, MAX_HEADER as u64).read_until(b'\n', &mut line)?;
        if got == 0 {
            return if length.is_none() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        if line.last() != Some(&b'\n') {
            return Err(invalid("a header line does not end"));
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            break;
        }
        let text = String::from_utf8_lossy(line);
        if let Some((name, value)) = text.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let length = length.ok_or_else(|| invalid("a message has no Content-Length"))?;
    if length > MAX_MESSAGE {
        return Err(invalid("a message is longer than 16 MiB"));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(body))
}

/// Writes one message.
///
/// # Errors
/// What the stream says.
pub fn write_message(output: &mut impl Write, message: &Json) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    write!(output, "Content-Length: {}\r\n\r\n", body.len())?;
    output.write_all(&body)?;
    output.flush()
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A request of the client.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    /// Its number.
    pub seq: i64,
    /// What is asked for.
    pub command: String,
    /// With what.
    #[serde(default)]
    pub arguments: Json,
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people.
    pub message: String,
    /// Whether the client should show it by itself.
    pub show: bool,
}

impl Refusal {
    /// For what a person asked for and cannot have.
    pub fn new(message: impl std::fmt::Display) -> Refusal {
        Refusal { message: message.to_string(), show: false }
    }

    /// For what a person has to know.
    pub fn shown(message: impl std::fmt::Display) -> Refusal {
        Refusal { message: message.to_string(), show: true }
    }
}

/// What the client can do and how it counts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol's own fields")]
pub struct Client {
    /// Lines are counted from 1.
    pub lines_start_at1: bool,
    /// Columns are counted from 1.
    pub columns_start_at1: bool,
    /// Types of variables are wanted.
    pub supports_variable_type: bool,
    /// Addresses of variables are wanted.
    pub supports_memory_references: bool,
    /// Events of progress are wanted.
    pub supports_progress_reporting: bool,
}

impl Default for Client {
    fn default() -> Self {
        Client {
            lines_start_at1: true,
            columns_start_at1: true,
            supports_variable_type: false,
            supports_memory_references: false,
            supports_progress_reporting: false,
        }
    }
}

/// Arguments of `attach` and `launch`: what to open. Other adapters name the dump in other ways; all are taken.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OpenArguments {
    /// The dump, as lldb-dap names it.
    #[serde(alias = "core", alias = "coreFilePath", alias = "coreDumpPath", alias = "dump")]
    pub core_file: Option<String>,
    /// A running process.
    #[serde(alias = "processId")]
    pub pid: Option<ProcessNumber>,
    /// The main executable.
    #[serde(alias = "executable")]
    pub program: Option<String>,
    /// Directories that stand for `/` of the process.
    pub sysroot: Many,
    /// Directories with debug files.
    pub debug_dir: Many,
    /// Prefixes of paths, and what stands for them here.
    pub source_map: PathMap,
    /// Take this host's source files for those of the process.
    pub host_sources: bool,
    /// Ask debuginfod servers.
    pub debuginfod: bool,
    /// Look at no file but the dump.
    pub no_files: bool,
    /// Which native frames are shown.
    pub native: NativeFrames,
}

/// A process id; VS Code's picker gives a text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ProcessNumber {
    /// As a number.
    Number(i32),
    /// As digits.
    Text(String),
}

/// One text, several, or none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum Many {
    /// Nothing.
    #[default]
    None,
    /// One.
    One(String),
    /// Several.
    List(Vec<String>),
}

impl Many {
    /// All of them.
    pub fn list(&self) -> Vec<String> {
        match self {
            Many::None => Vec::new(),
            Many::One(one) => vec![one.clone()],
            Many::List(list) => list.clone(),
        }
    }
}

/// Prefixes of paths: an object as cpptools has it, or pairs as lldb-dap has them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum PathMap {
    /// Nothing.
    #[default]
    None,
    /// `{"/build": "/src"}`
    Object(std::collections::BTreeMap<String, String>),
    /// `[["/build", "/src"]]`
    Pairs(Vec<(String, String)>),
}

impl PathMap {
    /// As pairs.
    pub fn pairs(&self) -> Vec<(String, String)> {
        match self {
            PathMap::None => Vec::new(),
            PathMap::Object(map) => map.clone().into_iter().collect(),
            PathMap::Pairs(pairs) => pairs.clone(),
        }
    }
}

/// Which native frames are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NativeFrames {
    /// None.
    None,
    /// Those that say something.
    #[default]
    Merged,
    /// All, the interpreter's own too.
    All,
}

/// Arguments of requests about a part of a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StackTraceArguments {
    /// Thread.
    pub thread_id: i64,
    /// First frame.
    pub start_frame: usize,
    /// How many; 0 for all.
    pub levels: usize,
}

/// Arguments of `scopes`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopesArguments {
    /// Frame.
    pub frame_id: i64,
}

/// Arguments of `variables`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VariablesArguments {
    /// Whose parts.
    pub variables_reference: i64,
    /// `indexed` or `named`; both when absent.
    pub filter: Option<Filter>,
    /// First item.
    pub start: u64,
    /// How many; 0 for all.
    pub count: u64,
}

/// Which parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Items.
    Indexed,
    /// Attributes.
    Named,
}

/// Arguments of `evaluate`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EvaluateArguments {
    /// What.
    pub expression: String,
    /// In which frame; the crashed thread's innermost when absent.
    pub frame_id: Option<i64>,
    /// What for: `watch`, `repl`, `hover`, `clipboard`, `variables`.
    pub context: Option<String>,
}

/// Arguments of `completions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompletionsArguments {
    /// In which frame.
    pub frame_id: Option<i64>,
    /// What was typed.
    pub text: String,
    /// Where the cursor is, in UTF-16 code units.
    pub column: u64,
}

/// Arguments of `source`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceArguments {
    /// The source, with its reference.
    pub source: Option<SourceReference>,
    /// The same, of old clients.
    pub source_reference: i64,
}

/// A source by its number.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceReference {
    /// Its number.
    pub source_reference: i64,
}

/// Arguments of `exceptionInfo`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ThreadArguments {
    /// Thread.
    pub thread_id: i64,
}

/// Arguments of `modules`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModulesArguments {
    /// First.
    pub start_module: usize,
    /// How many; 0 for all.
    pub module_count: usize,
}

/// Arguments of `readMemory`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadMemoryArguments {
    /// Address as hex.
    pub memory_reference: String,
    /// From there, in bytes.
    pub offset: i64,
    /// Bytes.
    pub count: u64,
}

/// Arguments of `disassemble`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DisassembleArguments {
    /// Address as hex.
    pub memory_reference: String,
    /// From there, in bytes.
    pub offset: i64,
    /// From there, in instructions.
    pub instruction_offset: i64,
    /// Instructions.
    pub instruction_count: usize,
    /// Whether symbols are wanted.
    pub resolve_symbols: bool,
}

/// Arguments of `locations`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocationsArguments {
    /// Which.
    pub location_reference: i64,
}

/// Arguments of `setBreakpoints` and its like: how many breakpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BreakpointsArguments {
    /// One for each.
    pub breakpoints: Vec<Json>,
    /// The same, in `setExceptionBreakpoints`.
    pub filters: Vec<Json>,
}

/// Arguments of `cancel`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CancelArguments {
    /// The request to give up.
    pub request_id: Option<i64>,
}

/// A text with its origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Short name.
    pub name: String,
    /// File here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// By which the text can be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_reference: Option<i64>,
    /// `deemphasize` where there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presentation_hint: Option<&'static str>,
    /// Where the text is from, or the name that the process has for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// A frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StackFrame {
    /// Its number, of no other frame of any thread.
    pub id: i64,
    /// Function.
    pub name: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Line, 0 where it is not known.
    pub line: u32,
    /// Column, 0 where it is not known.
    pub column: u32,
    /// Last line of the expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// Column after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
    /// Address of the instruction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_pointer_reference: Option<String>,
    /// Module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_id: Option<i64>,
    /// `subtle` for native frames, `label` for what is no frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presentation_hint: Option<&'static str>,
}

/// A group of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Name.
    pub name: String,
    /// What kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presentation_hint: Option<&'static str>,
    /// By which its variables can be had.
    pub variables_reference: i64,
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_variables: Option<u64>,
    /// Whether it takes long, so that it is not opened unasked.
    pub expensive: bool,
}

/// A variable or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
    /// The path that leads to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate_name: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub about: About,
}

/// The answer to `evaluate`: what a variable has, without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluated {
    /// Value.
    pub result: String,
    /// All else.
    #[serde(flatten)]
    pub about: About,
}

/// What is said of a value beside the value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// How to show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presentation_hint: Option<Hint>,
    /// By which its parts can be had; 0 for none.
    pub variables_reference: i64,
    /// Attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_variables: Option<u64>,
    /// Items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indexed_variables: Option<u64>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_reference: Option<String>,
    /// Where what it refers to is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_location_reference: Option<i64>,
}

impl From<Variable> for Evaluated {
    fn from(variable: Variable) -> Evaluated {
        Evaluated { result: variable.value, about: variable.about }
    }
}

/// How to show a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hint {
    /// `data`, `property`, `class`, `method`, `virtual`.
    pub kind: &'static str,
    /// `readOnly`.
    pub attributes: Vec<&'static str>,
}

/// A module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// Its number.
    pub id: i64,
    /// Short name.
    pub name: String,
    /// File here, or as the process saw it.
    pub path: String,
    /// Whether it is neither the interpreter's nor the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_user_code: Option<bool>,
    /// Build-id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What became of its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol_status: Option<String>,
    /// Addresses.
    pub address_range: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed() {
        let mut bytes = Vec::new();
        write_message(&mut bytes, &serde_json::json!({"seq": 1})).unwrap();
        assert_eq!(bytes, b"Content-Length: 9\r\n\r\n{\"seq\":1}");
        let mut input = &bytes[..];
        assert_eq!(read_message(&mut input).unwrap().unwrap(), b"{\"seq\":1}");
        assert!(read_message(&mut input).unwrap().is_none());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [
            &b"Content-Length: 9\r\n"[..],
            b"Content-Length: 99999999999\r\n\r\n",
            b"Content-Type: x\r\n\r\n{}",
            b"Content-Length: 9\r\n\r\n{}",
            &[b'x'; 5000],
        ] {
            assert!(read_message(&mut &*bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_dump_goes_by_the_names_of_all_adapters() {
        for name in ["coreFile", "core", "coreFilePath", "coreDumpPath"] {
            let arguments: OpenArguments = serde_json::from_value(serde_json::json!({ name: "c" })).unwrap();
            assert_eq!(arguments.core_file.as_deref(), Some("c"));
        }
        let json = serde_json::json!({"pid": "12", "sourceMap": {"/a": "/b"}, "sysroot": "/r"});
        let arguments: OpenArguments = serde_json::from_value(json).unwrap();
        assert!(matches!(arguments.pid, Some(ProcessNumber::Text(_))));
        assert_eq!(arguments.source_map.pairs(), [("/a".to_owned(), "/b".to_owned())]);
        assert_eq!(arguments.sysroot.list(), ["/r"]);
    }
}
