//! Names of the fields of native types that `tp_members` does not list, in Python's words.

use super::types::Member;
use crate::cpython::Context;
use crate::cpython::layout::{Layouts, Slot};
use crate::cpython::object::Kind;

/// Fields of instances of a kind.
pub(super) fn fields(ctx: &Context<'_>, kind: Kind) -> Vec<Member> {
    let named =
        |(slot, name): &(Slot, &str)| Some(Member { offset: slot.offset()?, name: (*name).into(), owned: true });
    list(ctx.layouts, kind).iter().filter_map(named).collect()
}

fn list(l: &Layouts, kind: Kind) -> Vec<(Slot, &'static str)> {
    match kind {
        Kind::Function => vec![
            (l.function.globals, "__globals__"),
            (l.function.builtins, "__builtins__"),
            (l.function.name, "__name__"),
            (l.function.qualname, "__qualname__"),
            (l.function.code, "__code__"),
            (l.function.defaults, "__defaults__"),
            (l.function.kwdefaults, "__kwdefaults__"),
            (l.function.closure, "__closure__"),
            (l.function.doc, "__doc__"),
            (l.function.module, "__module__"),
        ],
        Kind::Method => vec![(l.method.func, "__func__"), (l.method.self_obj, "__self__")],
        Kind::BuiltinFunction => vec![(l.cfunction.self_obj, "__self__"), (l.cfunction.module, "__module__")],
        Kind::WeakRef | Kind::WeakProxy => vec![(l.weakref.callback, "__callback__")],
        Kind::Cell => vec![(l.cell.contents, "cell_contents")],
        Kind::Exception | Kind::ExceptionGroup | Kind::ImportError => vec![
            (l.exception.args, "args"),
            (l.exception.notes, "__notes__"),
            (l.exception.traceback, "__traceback__"),
            (l.exception.context, "__context__"),
            (l.exception.cause, "__cause__"),
        ],
        Kind::Traceback => vec![(l.traceback.next, "tb_next"), (l.traceback.frame, "tb_frame")],
        Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator => vec![
            (l.generator.name, "__name__"),
            (l.generator.qualname, "__qualname__"),
            (l.generator.code, "gi_code"),
            (l.generator.frame, "gi_frame"),
        ],
        Kind::Code => code(l),
        Kind::Partial => {
            vec![(l.partial.func, "func"), (l.partial.args, "args"), (l.partial.kwargs, "keywords")]
        }
        Kind::Property => vec![(l.property.get, "fget"), (l.property.set, "fset"), (l.property.del, "fdel")],
        Kind::StaticMethod => vec![(l.staticmethod.callable, "__func__")],
        Kind::ClassMethod => vec![(l.classmethod.callable, "__func__")],
        Kind::DefaultDict => vec![(l.defaultdict.default_factory, "default_factory")],
        Kind::DictKeys | Kind::DictValues | Kind::DictItems => vec![(l.dict_view.dict, "mapping")],
        Kind::Future => vec![
            (l.future.loop_obj, "_loop"),
            (l.future.callbacks, "_callbacks"),
            (l.future.exception, "_exception"),
            (l.future.result, "_result"),
        ],
        Kind::Task => vec![
            (l.task.loop_obj, "_loop"),
            (l.task.exception, "_exception"),
            (l.task.result, "_result"),
            (l.task.fut_waiter, "_fut_waiter"),
            (l.task.coro, "_coro"),
            (l.task.name, "_name"),
            (l.task.context, "_context"),
        ],
        Kind::Type => vec![
            (l.type_object.base, "__base__"),
            (l.type_object.bases, "__bases__"),
            (l.type_object.dict, "__dict__"),
            (l.type_object.mro, "__mro__"),
            (l.type_object.subclasses, "__subclasses__"),
            (l.heap_type.name, "__name__"),
            (l.heap_type.qualname, "__qualname__"),
            (l.heap_type.slots, "__slots__"),
            (l.heap_type.module, "__module__"),
        ],
        Kind::Module => vec![(l.module.dict, "__dict__"), (l.module.name, "__name__")],
        Kind::Frame => vec![
            (l.frame_object.f_back, "f_back"),
            (l.frame_object.f_code, "f_code"),
            (l.frame_object.f_builtins, "f_builtins"),
            (l.frame_object.f_globals, "f_globals"),
            (l.frame_object.f_locals, "f_locals"),
            (l.frame_object.f_trace, "f_trace"),
            (l.frame_object.extra_locals, "f_extra_locals"),
        ],
        _ => Vec::new(),
    }
}

fn code(l: &Layouts) -> Vec<(Slot, &'static str)> {
    vec![
        (l.code.code, "co_code"),
        (l.code.consts, "co_consts"),
        (l.code.names, "co_names"),
        (l.code.varnames, "co_varnames"),
        (l.code.freevars, "co_freevars"),
        (l.code.cellvars, "co_cellvars"),
        (l.code.filename, "co_filename"),
        (l.code.name, "co_name"),
        (l.code.qualname, "co_qualname"),
        (l.code.linetable, "co_linetable"),
        (l.code.exceptiontable, "co_exceptiontable"),
        (l.code.localsplusnames, "co_localsplusnames"),
        (l.code.localspluskinds, "co_localspluskinds"),
    ]
}
