//! The rows.

use super::{Argument, ArgumentKind, Command, Evaluates, Function, Gives, Group};

const fn flag(word: &'static str, help: &'static str) -> Argument {
    Argument { kind: ArgumentKind::Flag(word), help }
}

const fn number(help: &'static str) -> Argument {
    Argument { kind: ArgumentKind::Number, help }
}

const PATH: Argument = Argument {
    kind: ArgumentKind::Path,
    help: "a local, global or builtin, and what is in it: .attribute, [index], ['key']; len(NAME...); @ADDRESS.attribute",
};

/// What a row is unless it says otherwise.
const PLAIN: Command = Command {
    name: "",
    group: Group::Stack,
    summary: "",
    arguments: &[],
    example: "",
    evaluates: Evaluates::Marked,
    repeats: false,
};

/// All commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "bt",
        summary: "Python frames of the selected thread, from the selected frame outwards.",
        arguments: &[flag("--all", "of all threads"), number("the N innermost frames; -N: the N outermost")],
        example: "py-bt 5",
        ..PLAIN
    },
    Command {
        name: "bt-full",
        summary: "Python frames of the selected thread with arguments and locals.",
        example: "py-bt-full",
        ..PLAIN
    },
    Command {
        name: "list",
        group: Group::Files,
        summary: "Source of the selected Python frame.",
        arguments: &[Argument {
            kind: ArgumentKind::Lines,
            help: "these lines, in place of those around the current one",
        }],
        example: "py-list 10,20",
        ..PLAIN
    },
    Command {
        name: "up",
        summary: "Select the Python frame that called this one, and its native frame.",
        arguments: &[number("frames to go, 1 unless given")],
        example: "py-up 2",
        repeats: true,
        ..PLAIN
    },
    Command {
        name: "down",
        summary: "Select the Python frame called by this one, and its native frame.",
        arguments: &[number("frames to go, 1 unless given")],
        example: "py-down",
        repeats: true,
        ..PLAIN
    },
    Command {
        name: "frame",
        summary: "Select a Python frame by number, counted from 0, the innermost.",
        arguments: &[number("its number; without it the selected frame is shown again")],
        example: "py-frame 3",
        ..PLAIN
    },
    Command {
        name: "print",
        group: Group::Data,
        summary: "Value of a Python variable: local, global or builtin.",
        arguments: &[PATH],
        example: "py-print self.items[-1]['key']",
        ..PLAIN
    },
    Command {
        name: "locals",
        group: Group::Data,
        summary: "Locals of the selected Python frame.",
        arguments: &[flag("-v", "with types and addresses, unbound names and __names__ of modules")],
        example: "py-locals -v",
        ..PLAIN
    },
    Command {
        name: "threads",
        summary: "Threads as Python knows them: names, the GIL, where they are.",
        example: "py-threads",
        ..PLAIN
    },
    Command {
        name: "refcount",
        group: Group::Data,
        summary: "Reference count of a Python object.",
        arguments: &[PATH],
        example: "py-refcount self.items",
        ..PLAIN
    },
    Command {
        name: "object",
        group: Group::Data,
        summary: "A Python object: type, references, attributes and items.",
        arguments: &[PATH],
        example: "py-object self.queue",
        evaluates: Evaluates::All,
        ..PLAIN
    },
    Command {
        name: "exc",
        summary: "Exceptions of the selected thread: the one being raised, those being handled, what caused them and where.",
        example: "py-exc",
        ..PLAIN
    },
    Command {
        name: "report",
        summary: "The full crash report.",
        arguments: &[flag("--locals", "with the variables of each frame")],
        example: "py-report --locals",
        ..PLAIN
    },
    Command {
        name: "status",
        group: Group::Support,
        summary: "State of pyinquest: its engine, the process, the CPython in it.",
        example: "py-status",
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
