//! What `what()` of a thrown object would return. Which function that is, the object's own virtual table tells; what it
//! returns, its code (x86-64), or else the library's source by the function's name (libstdc++).

use super::super::facts::Scene;
use super::thrown::type_name;
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::native::x86_64::constant_return::returned;

/// Index of `what` in the virtual table of `std::exception`: two destructors stand before it (Itanium C++ ABI).
const WHAT: u64 = 2;
/// Classes looked at on the way to `std::exception`, and bases of one of them.
const MAX_CLASSES: usize = 64;
const MAX_BASES: u64 = 64;
const MAX_TEXT: usize = 1000;

/// Where a function of libstdc++ finds its text.
enum Text {
    Constant(&'static str),
    /// Behind pointers at these offsets: the first in the object, each next one in what the one before points to.
    At(&'static [u64]),
}

/// Functions of libstdc++ by mangled name.
const FUNCTIONS: &[(&str, Text)] = &[
    // `__cow_string _M_msg` after the virtual table (include/std/stdexcept).
    ("_ZNKSt13runtime_error4whatEv", Text::At(&[8])),
    ("_ZNKSt11logic_error4whatEv", Text::At(&[8])),
    ("_ZNKSt12future_error4whatEv", Text::At(&[8])),
    ("_ZNKSt8ios_base7failureB5cxx114whatEv", Text::At(&[8])),
    ("_ZNKSt8ios_base7failure4whatEv", Text::At(&[8])),
    // `const char *_M_reason` (include/std/variant).
    ("_ZNKSt18bad_variant_access4whatEv", Text::At(&[8])),
    // `__shared_ptr<const _Impl>` after `std::system_error`; two paths stand before the text (src/c++17/fs_path.cc).
    ("_ZNKSt10filesystem7__cxx1116filesystem_error4whatEv", Text::At(&[32, 80])),
    ("_ZNKSt10filesystem16filesystem_error4whatEv", Text::At(&[32, 32])),
    ("_ZNKSt9exception4whatEv", Text::Constant("std::exception")),
    ("_ZNKSt9bad_alloc4whatEv", Text::Constant("std::bad_alloc")),
    ("_ZNKSt20bad_array_new_length4whatEv", Text::Constant("std::bad_array_new_length")),
    ("_ZNKSt8bad_cast4whatEv", Text::Constant("std::bad_cast")),
    ("_ZNKSt10bad_typeid4whatEv", Text::Constant("std::bad_typeid")),
    ("_ZNKSt13bad_exception4whatEv", Text::Constant("std::bad_exception")),
    ("_ZNKSt17bad_function_call4whatEv", Text::Constant("bad_function_call")),
    ("_ZNKSt12bad_weak_ptr4whatEv", Text::Constant("bad_weak_ptr")),
    ("_ZNKSt12bad_any_cast4whatEv", Text::Constant("bad any_cast")),
    ("_ZNKSt19bad_optional_access4whatEv", Text::Constant("bad optional access")),
];

/// The text of the object, whose type is `info`.
pub(super) fn what(scene: &Scene<'_>, object: Addr, info: Addr) -> Option<String> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let word = |at: Addr| memory.read_ptr(abi, at).ok();
    let table = word(object)?;
    // Before the functions of a complete object's table stand its distance to the object's start, and its type.
    let is_its_own = word(table.checked_sub(16)?)?.is_null() && word(table.checked_sub(8)?)? == info;
    let function = word(table.checked_add(WHAT.saturating_mul(8))?)?;
    let known = by_name(scene, function);
    // A function of the library's there tells what the object begins with.
    if !is_its_own || known.is_none() && !begins_as_exception(scene, info) {
        return None;
    }
    let text = |at: Addr| String::from_utf8(memory.read_cstr(at, MAX_TEXT).ok()?).ok();
    let by_code = returned(memory, abi, function, object.0).and_then(|at| text(Addr(at)));
    let by_source = match known {
        Some(Text::Constant(text)) => Some((*text).to_owned()),
        Some(Text::At(offsets)) => {
            offsets.iter().try_fold(object, |at, offset| word(at.checked_add(*offset)?)).and_then(text)
        }
        None => None,
    };
    // Another release of the library may have moved its text.
    let agree = by_code.is_none() || by_source.is_none() || by_code == by_source;
    by_code.or(by_source).filter(|t| agree && !t.is_empty() && t.chars().all(|c| !c.is_control() || c == '\n'))
}

fn by_name(scene: &Scene<'_>, function: Addr) -> Option<&'static Text> {
    let symbol = scene.facts.images.symbol_at(scene.facts.target, function).filter(|s| s.offset == 0)?;
    FUNCTIONS.iter().find(|(name, _)| *name == symbol.name).map(|(_, text)| text)
}

/// Whether an object of this class begins with a `std::exception`, so that both have one virtual table: by the class
/// descriptions of the Itanium C++ ABI (2.9.5), of which a class with bases has one of two kinds.
fn begins_as_exception(scene: &Scene<'_>, info: Addr) -> bool {
    let mut classes = vec![info];
    let mut looked_at = 0;
    while let Some(class) = classes.get(looked_at).copied().filter(|_| looked_at < MAX_CLASSES) {
        looked_at = looked_at.saturating_add(1);
        if type_name(scene, class).is_some_and(|name| name == "St9exception") {
            return true;
        }
        classes.extend(bases_at_start(scene, class).unwrap_or_default());
    }
    false
}

/// The base classes that are at the start of an object.
fn bases_at_start(scene: &Scene<'_>, info: Addr) -> Option<Vec<Addr>> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let field = |offset: u64, width| memory.read_uint(abi, info.checked_add(offset)?, width).ok();
    let kind = memory.read_ptr(abi, info).ok()?;
    let kind = scene.facts.images.symbol_at(scene.facts.target, kind)?;
    match kind.name.as_str() {
        // One public base at the start.
        "_ZTVN10__cxxabiv120__si_class_type_infoE" => Some(vec![Addr(field(16, 8)?)]),
        // `unsigned flags, base_count; struct {const __class_type_info *type; long offset_flags;} bases[]`.
        "_ZTVN10__cxxabiv121__vmi_class_type_infoE" => {
            let count = field(20, 4)?.min(MAX_BASES);
            let at = |index: u64| index.saturating_mul(16).saturating_add(24);
            // The offset, and in its lowest byte: virtual, public.
            let base = |index| Some((field(at(index), 8)?, field(at(index).saturating_add(8), 8)?));
            let bases = (0..count).map_while(base).filter(|(_, flags)| flags & 1 == 0 && flags >> 8 == 0);
            Some(bases.map(|(base, _)| Addr(base)).collect())
        }
        _ => None,
    }
}
