//! The rows.

use super::arguments::words;
use super::{Argument, ArgumentKind, Command, Evaluates, Function, Gives, Group};

const fn flag(word: &'static str, help: &'static str) -> Argument {
    Argument { kind: ArgumentKind::Flag(word), help }
}

const fn number(help: &'static str) -> Argument {
    Argument { kind: ArgumentKind::Number, help }
}

const fn text(word: &'static str, what: &'static str, help: &'static str) -> Argument {
    Argument { kind: ArgumentKind::Text(word, what), help }
}

const fn count(word: &'static str, what: &'static str, help: &'static str) -> Argument {
    Argument { kind: ArgumentKind::Count(word, what), help }
}

const OF_TYPE: Argument = text(words::TYPE, "TYPE", "only objects of this type: its name, with module or without");
const OF_SIZE: Argument = count(words::MIN, "BYTES", "only objects of at least this many bytes");
const OF_GENERATION: Argument =
    count(words::GENERATION, "N", "only objects in this generation of the collector (3: frozen)");
const OF_VALUE: Argument = text(words::WHERE, "ATTR=VALUE", "only objects with an attribute of this value");
const LIMIT: Argument = count(words::LIMIT, "N", "at most this many rows, 30 unless given");
const ORDER: Argument =
    Argument { kind: ArgumentKind::OneOf(words::SORT, &["bytes", "count"]), help: "by bytes unless given" };

const PATH: Argument = Argument {
    kind: ArgumentKind::Path,
    help: "a local, global or builtin, and what is in it: .attribute, [index], ['key']; len(NAME...); @ADDRESS.attribute",
};

const PLACE_HELP: &str = "FILE:LINE, where FILE may be the end of a path; or the function that a path of Python leads to; \
                          with `if NAME... == VALUE` (!=, <, >, <=, >=) only where that holds";

/// What a row is unless it says otherwise.
const PLAIN: Command = Command {
    name: "",
    aliases: &[],
    not_in_debuggers: false,
    only_in_debuggers: false,
    group: Group::Stack,
    summary: "",
    arguments: &[],
    example: "",
    evaluates: Evaluates::Marked,
    repeats: false,
    then: &[],
};

/// All commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "bt",
        summary: "Python frames of the selected thread, from the selected frame outwards.",
        aliases: &["backtrace", "where"],
        arguments: &[
            flag("full", "with arguments and locals"),
            flag("--all", "of all threads"),
            flag("--native", "with native frames, as far as they can be told without the debugger"),
            number("the N innermost frames; -N: the N outermost"),
        ],
        example: "bt 5",
        then: &["locals", "bt --native", "list", "up"],
        ..PLAIN
    },
    Command {
        name: "bt-full",
        summary: "Python frames of the selected thread with arguments and locals.",
        example: "bt-full",
        then: &["print NAME", "object NAME"],
        ..PLAIN
    },
    Command {
        name: "list",
        aliases: &["l"],
        group: Group::Files,
        summary: "Source of the selected Python frame.",
        arguments: &[Argument {
            kind: ArgumentKind::Lines,
            help: "these lines, in place of those around the current one",
        }],
        example: "list 10,20",
        then: &["locals", "up"],
        ..PLAIN
    },
    Command {
        name: "up",
        summary: "Select the Python frame that called this one, and its native frame.",
        arguments: &[number("frames to go, 1 unless given")],
        example: "up 2",
        repeats: true,
        then: &["locals", "list"],
        ..PLAIN
    },
    Command {
        name: "down",
        summary: "Select the Python frame called by this one, and its native frame.",
        arguments: &[number("frames to go, 1 unless given")],
        example: "down",
        repeats: true,
        then: &["locals", "list"],
        ..PLAIN
    },
    Command {
        name: "frame",
        aliases: &["f"],
        summary: "Select a Python frame by number, counted from 0, the innermost, or by its function.",
        arguments: &[Argument {
            kind: ArgumentKind::NumberOrName("FUNCTION"),
            help: "its number, or the function of the innermost such frame; without it the selected frame is shown again",
        }],
        example: "frame 3",
        then: &["locals", "list"],
        ..PLAIN
    },
    Command {
        name: "break",
        only_in_debuggers: true,
        summary: "Stop py-continue at a line of Python code, or at the first line of a function.",
        arguments: &[Argument { kind: ArgumentKind::Place, help: PLACE_HELP }],
        example: "break app.py:40 if n == 3",
        ..PLAIN
    },
    Command {
        name: "tbreak",
        only_in_debuggers: true,
        summary: "The same, once.",
        arguments: &[Argument { kind: ArgumentKind::Place, help: PLACE_HELP }],
        example: "tbreak handler",
        ..PLAIN
    },
    Command {
        name: "catch",
        only_in_debuggers: true,
        summary: "Stop py-continue where an exception is raised and reaches Python code.",
        arguments: &[Argument {
            kind: ArgumentKind::NumberOrName("EXCEPTION"),
            help: "only exceptions of this type or derived from it: its name, with module or without",
        }],
        example: "catch KeyError",
        ..PLAIN
    },
    Command {
        name: "watch",
        only_in_debuggers: true,
        summary: "Stop py-continue when a variable of the selected function becomes another object.",
        arguments: &[Argument { kind: ArgumentKind::Path, help: "its name" }],
        example: "watch total",
        ..PLAIN
    },
    Command {
        name: "breakpoints",
        only_in_debuggers: true,
        summary: "Breakpoints of Python code, and how often each has stopped the process.",
        example: "breakpoints",
        ..PLAIN
    },
    Command {
        name: "delete",
        only_in_debuggers: true,
        summary: "Remove a breakpoint of Python code, or all.",
        arguments: &[number("which one; all without it")],
        example: "delete 2",
        ..PLAIN
    },
    Command {
        name: "continue",
        only_in_debuggers: true,
        summary: "Run the process to the next breakpoint of Python code, or until something else stops it.",
        example: "continue",
        repeats: true,
        ..PLAIN
    },
    Command {
        name: "advance",
        only_in_debuggers: true,
        summary: "Run the process to a line of Python code, or to the first line of a function.",
        arguments: &[Argument { kind: ArgumentKind::Place, help: PLACE_HELP }],
        example: "advance app.py:40",
        ..PLAIN
    },
    Command {
        name: "step",
        only_in_debuggers: true,
        summary: "Run the selected thread to the next line of Python code, in whatever function that is.",
        arguments: &[number("lines to go, 1 unless given")],
        example: "step 3",
        repeats: true,
        ..PLAIN
    },
    Command {
        name: "next",
        only_in_debuggers: true,
        summary: "Run the selected thread to the next line of the innermost Python function, or of its caller once it has ended.",
        arguments: &[number("lines to go, 1 unless given")],
        example: "next",
        repeats: true,
        ..PLAIN
    },
    Command {
        name: "finish",
        only_in_debuggers: true,
        summary: "Run the selected thread until the selected Python frame has ended or is suspended.",
        example: "finish",
        ..PLAIN
    },
    Command {
        name: "until",
        only_in_debuggers: true,
        summary: "Run the selected thread to a line further down in the selected Python frame, or until that has ended.",
        arguments: &[number("this line or one after it; without it, one after the current line")],
        example: "until 40",
        repeats: true,
        ..PLAIN
    },
    Command {
        name: "print",
        aliases: &["p"],
        group: Group::Data,
        summary: "Value of a Python variable: local, global or builtin.",
        arguments: &[PATH],
        example: "print self.items[-1]['key']",
        then: &["object NAME", "why NAME"],
        ..PLAIN
    },
    Command {
        name: "locals",
        group: Group::Data,
        summary: "Locals of the selected Python frame.",
        arguments: &[
            flag("-v", "with types and addresses, unbound names and __names__ of modules"),
            number("those of this frame, which is not selected for that"),
        ],
        example: "locals -v",
        then: &["print NAME", "object NAME", "up"],
        ..PLAIN
    },
    Command {
        name: "thread",
        summary: "Select a thread, or give a command for each thread that runs Python.",
        arguments: &[Argument {
            kind: ArgumentKind::ThreadOrCommand,
            help: "its id or name, or the command; without it the selected thread is shown",
        }],
        example: "thread apply all bt 3",
        then: &["bt", "locals"],
        ..PLAIN
    },
    Command {
        name: "threads",
        summary: "Threads as Python knows them: names, the GIL, where they are.",
        example: "threads",
        then: &["thread apply all bt 5", "thread ID"],
        ..PLAIN
    },
    Command {
        name: "refcount",
        group: Group::Data,
        summary: "Reference count of a Python object.",
        arguments: &[PATH],
        example: "refcount self.items",
        then: &["refs NAME", "why NAME"],
        ..PLAIN
    },
    Command {
        name: "object",
        group: Group::Data,
        summary: "A Python object: type, references, attributes and items.",
        arguments: &[flag(words::WORDS, "with its memory, word by word, and the fields that are known"), PATH],
        example: "object self.queue",
        evaluates: Evaluates::All,
        then: &["refs NAME", "why NAME"],
        ..PLAIN
    },
    Command {
        name: "exc",
        summary: "Exceptions of the selected thread: the one being raised, those being handled, what caused them and where.",
        example: "exc",
        then: &["bt-full", "object 0xADDRESS"],
        ..PLAIN
    },
    Command {
        name: "tasks",
        summary: "Tasks of asyncio: where each stands, what it waits for, who waits for it.",
        arguments: &[flag("--all", "with those that have ended, and generators and coroutines of no task")],
        example: "tasks --all",
        then: &["thread apply all bt 5", "tasks --all"],
        ..PLAIN
    },
    Command {
        name: "report",
        summary: "The full crash report.",
        arguments: &[flag("--locals", "with the variables of each frame")],
        example: "report --locals",
        then: &["bt --native", "bt-full", "exc"],
        ..PLAIN
    },
    Command {
        name: "info",
        aliases: &["i"],
        group: Group::Support,
        summary: "What is known of the process: interpreter, threads, what is missing; or a list, as gdb's info has them.",
        arguments: &[Argument {
            kind: ArgumentKind::Subject,
            help: "breakpoints, files, frame, locals, registers, sharedlibrary, stack or threads, or the beginning of one",
        }],
        example: "info threads",
        then: &["report", "modules"],
        ..PLAIN
    },
    Command {
        name: "modules",
        not_in_debuggers: true,
        group: Group::Files,
        summary: "Executables and libraries of the process, and which of their files are here.",
        example: "modules",
        then: &["info"],
        ..PLAIN
    },
    Command {
        name: "registers",
        not_in_debuggers: true,
        group: Group::Data,
        summary: "Registers of the selected thread.",
        example: "registers",
        then: &["bt --native", "what 0xADDRESS"],
        ..PLAIN
    },
    Command {
        name: "heap",
        group: Group::Data,
        summary: "Objects and bytes of the heap by type.",
        arguments: &[OF_TYPE, OF_SIZE, OF_GENERATION, OF_VALUE, ORDER, LIMIT],
        example: "heap --sort count --limit 10",
        then: &["objects --type TYPE", "why --type TYPE", "strings --duplicates"],
        ..PLAIN
    },
    Command {
        name: "objects",
        group: Group::Data,
        summary: "Objects of the heap, the largest first, with short values.",
        arguments: &[OF_TYPE, OF_SIZE, OF_GENERATION, OF_VALUE, LIMIT],
        example: "objects --type app.Session",
        then: &["why 0xADDRESS", "object 0xADDRESS", "refs 0xADDRESS"],
        ..PLAIN
    },
    Command {
        name: "strings",
        group: Group::Data,
        summary: "Texts and bytes of the heap that cost the most.",
        arguments: &[
            flag("--duplicates", "only values that are there more than once, by what the repeats cost"),
            LIMIT,
        ],
        example: "strings --duplicates",
        then: &["objects --type str", "why 0xADDRESS"],
        ..PLAIN
    },
    Command {
        name: "refs",
        group: Group::Data,
        summary: "Who refers to a Python object.",
        arguments: &[flag("--out", "to what it refers instead"), LIMIT, PATH],
        example: "refs self.cache",
        then: &["why NAME", "object 0xADDRESS"],
        ..PLAIN
    },
    Command {
        name: "why",
        group: Group::Data,
        summary: "Why a Python object is alive: the shortest ways to it from modules, frames and the interpreter.",
        arguments: &[
            text(words::TYPE, "TYPE", "all objects of this type, the largest first, in place of one"),
            LIMIT,
            Argument { kind: ArgumentKind::PathOrType, ..PATH },
        ],
        example: "why --type app.Session",
        then: &["object 0xADDRESS", "top"],
        ..PLAIN
    },
    Command {
        name: "top",
        group: Group::Data,
        summary: "The objects that keep most of the heap alive: what would go with each.",
        arguments: &[LIMIT],
        example: "top --limit 10",
        then: &["why 0xADDRESS", "objects --type TYPE"],
        ..PLAIN
    },
    Command {
        name: "audit",
        group: Group::Data,
        summary: "Reference counts that do not agree with the references, and which module to suspect.",
        arguments: &[LIMIT],
        example: "audit",
        then: &["object 0xADDRESS", "refs 0xADDRESS", "bt --native"],
        ..PLAIN
    },
    Command {
        name: "check",
        group: Group::Data,
        summary: "Whether the heap is whole: where something was written that does not belong there, and what is before it.",
        arguments: &[LIMIT],
        example: "check",
        ..PLAIN
    },
    Command {
        name: "memory",
        group: Group::Data,
        summary: "Who owns the memory: Python's allocators, malloc, stacks, static variables.",
        example: "memory",
        then: &["heap", "top"],
        ..PLAIN
    },
    Command {
        name: "what",
        group: Group::Data,
        summary: "What an address is: object, block of an allocator, stack, symbol, mapping.",
        arguments: &[Argument {
            kind: ArgumentKind::Path,
            help: "an address (0x7f00), or a path, whose object's it is",
        }],
        example: "what self",
        then: &["object 0xADDRESS", "why 0xADDRESS"],
        ..PLAIN
    },
    Command {
        name: "status",
        group: Group::Support,
        summary: "State of pyinquest: its engine, the process, the CPython in it.",
        example: "status",
        then: &["report", "info"],
        ..PLAIN
    },
];

/// All functions. An argument is an address, or a text: a path to a Python object.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "repr",
        usage: "$py_repr(ADDRESS)",
        summary: "repr() of the Python object at an address.",
        arguments: 1,
        gives: Gives::Text,
    },
    Function {
        name: "type",
        usage: "$py_type(ADDRESS)",
        summary: "Name of the type of the Python object at an address.",
        arguments: 1,
        gives: Gives::Text,
    },
    Function {
        name: "refcnt",
        usage: "$py_refcnt(ADDRESS)",
        summary: "Reference count of the Python object at an address.",
        arguments: 1,
        gives: Gives::Number,
    },
    Function {
        name: "local",
        usage: "$py_local(\"NAME\")",
        summary: "Address of the object that a variable of the selected Python frame is bound to.",
        arguments: 1,
        gives: Gives::Object,
    },
    Function {
        name: "int",
        usage: "$py_int(\"NAME\") or $py_int(ADDRESS)",
        summary: "Value of a Python int, for conditions: break f if $py_int(\"n\") == 3",
        arguments: 1,
        gives: Gives::Number,
    },
    Function {
        name: "len",
        usage: "$py_len(\"NAME\") or $py_len(ADDRESS)",
        summary: "Length of a Python object, for conditions: break f if $py_len(\"items\") > 100",
        arguments: 1,
        gives: Gives::Number,
    },
    Function {
        name: "eq",
        usage: "$py_eq(\"NAME\", VALUE) or $py_eq(ADDRESS, VALUE)",
        summary: "1 if a Python str or int has this value, else 0: break f if $py_eq(\"name\", \"Ada\")",
        arguments: 2,
        gives: Gives::Number,
    },
];
