//! Decoders on objects of every version put together by hand: what they hold, and what hostile ones may say.

use super::{Fidelity, Int, ReprLimits, read_text, repr};
use crate::base::Addr;
use crate::cpython::synth::SynthPython;

/// Text and fidelity on every version must be these.
#[track_caller]
fn everywhere(make: impl Fn(&mut SynthPython) -> Addr, text: &str, fidelity: Fidelity) {
    for mut python in SynthPython::all() {
        let addr = make(&mut python);
        let found = python.repr(addr);
        assert_eq!((found.text.as_str(), found.fidelity), (text, fidelity), "{}", python.name);
    }
}

/// On every version the object is shown as damaged or cut, with little memory read, and no value is invented.
#[track_caller]
fn refused(make: impl Fn(&mut SynthPython) -> Addr) {
    for mut python in SynthPython::all() {
        let addr = make(&mut python);
        assert!(python.heap().type_of(addr).is_ok(), "{}: the object as such is one", python.name);
        let found = python.repr(addr);
        assert!(found.fidelity != Fidelity::Exact && !found.text.contains("freed"), "{}: {found:?}", python.name);
        let read = python.memory.bytes_read();
        assert!(read < 200_000, "{}: {read} bytes were read", python.name);
    }
}

#[test]
fn ints_of_every_sign_and_size() {
    for value in [0, 1, -1, 255, 1 << 30, -(1 << 30), (1 << 60) + 7, i64::MAX, i64::MIN + 1] {
        everywhere(|python| python.new_int(value), &value.to_string(), Fidelity::Exact);
    }
}

#[test]
fn strings_of_every_width() {
    for (text, shown) in [
        ("", "''"),
        ("hello", "'hello'"),
        ("h\u{e9}", "'h\u{e9}'"),
        ("\u{4e2d}", "'\u{4e2d}'"),
        ("\u{1f40d}a", "'\u{1f40d}a'"),
    ] {
        everywhere(|python| python.new_str(text), shown, Fidelity::Exact);
    }
}

#[test]
fn containers_and_what_is_in_them() {
    everywhere(|python| python.new_list(&[]), "[]", Fidelity::Exact);
    everywhere(
        |python| {
            let (one, word) = (python.new_int(1), python.new_str("x"));
            let inner = python.new_tuple(&[word]);
            python.new_list(&[one, inner])
        },
        "[1, ('x',)]",
        Fidelity::Exact,
    );
}

#[test]
fn a_list_in_itself_ends_as_in_python() {
    for mut python in SynthPython::all() {
        let list = python.new_list(&[Addr::NULL]);
        let array = python.room();
        python.memory.put(array.0, &list.0.to_le_bytes());
        python.set("list", "items", list, array.0);
        assert_eq!(python.repr(list).text, "[[...]]", "{}", python.name);
    }
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    for length in [-1i64, i64::MIN, i64::MAX, 1 << 62] {
        let length = length.cast_unsigned();
        let with_length = |python: &mut SynthPython, addr| {
            python.set("var_object", "ob_size", addr, length);
            addr
        };
        refused(|python| {
            let list = python.new_list(&[]);
            with_length(python, list)
        });
        refused(|python| {
            let tuple = python.new_tuple(&[]);
            with_length(python, tuple)
        });
    }
    refused(|python| python.int_of(1 << 50, 1));
    refused(|python| python.str_of(u64::MAX, 1, true));
    refused(|python| python.str_of(1 << 40, 4, false));
}

#[test]
fn a_list_longer_than_its_room_shows_what_is_there() {
    for mut python in SynthPython::all() {
        let item = python.new_int(5);
        let list = python.new_list(&[item]);
        python.set("var_object", "ob_size", list, 1 << 40);
        python.set("list", "allocated", list, 1 << 40);
        let found = python.repr(list);
        assert!(found.fidelity != Fidelity::Exact && found.text.starts_with("[5, "), "{}: {found:?}", python.name);
    }
}

#[test]
fn digits_out_of_range_are_no_digits() {
    for mut python in SynthPython::all() {
        let int = python.new_int(1);
        let digits = python.context().layouts.long.digits.offset().unwrap();
        python.memory.put(int.0 + digits, &u32::MAX.to_le_bytes());
        assert!(Int::read(&python.context(), int).is_err(), "{}", python.name);
    }
    refused(|python| {
        let int = python.new_int(1 << 40);
        let digits = python.context().layouts.long.digits.offset().unwrap();
        python.memory.put(int.0 + digits + 4, &u32::MAX.to_le_bytes());
        int
    });
}

#[test]
fn strings_that_contradict_themselves_are_refused() {
    // ASCII of wide characters, and a width that there is not.
    refused(|python| python.str_of(3, 4, true));
    refused(|python| python.str_of(3, 3, false));
    for mut python in SynthPython::all() {
        let text = python.str_of(3, 7, false);
        assert!(read_text(&python.context(), text, 10).is_err(), "{}", python.name);
    }
}

/// A chain of types that never ends, or comes back to itself, ends here.
#[test]
fn types_that_lead_in_circles_end() {
    for mut python in SynthPython::all() {
        let (first, second) = (python.class("a", Addr::NULL, 0), python.class("b", Addr::NULL, 0));
        python.set("type_object", "base", first, second.0);
        python.set("type_object", "base", second, first.0);
        let object = python.instance(first);
        let found = python.repr(object);
        assert!(found.fidelity != Fidelity::Exact, "{}: {found:?}", python.name);
        // A type that is its own base, and a metatype that is none.
        python.set("type_object", "base", first, first.0);
        python.set("object", "ob_type", second, object.0);
        let other = python.instance(second);
        assert!(python.heap().type_of(other).is_err(), "{}", python.name);
        assert!(python.repr(object).fidelity != Fidelity::Exact, "{}", python.name);
    }
}

#[test]
fn types_of_types_nest_deep_and_end() {
    for mut python in SynthPython::all() {
        let mut metatype = python.type_type;
        for _ in 0..250 {
            let next = python.class("meta", python.type_type, 1 << 31);
            python.set("object", "ob_type", next, metatype.0);
            metatype = next;
        }
        let object = python.instance(metatype);
        let found = python.repr(object);
        assert!(python.memory.bytes_read() < 1 << 22, "{}: {found:?}", python.name);
    }
}

#[test]
fn what_is_no_object_is_none() {
    for mut python in SynthPython::all() {
        let int = python.new_int(3);
        let heap = python.heap();
        for addr in [Addr::NULL, Addr(8), int.wrapping_add(1), Addr(u64::MAX - 7), Addr(0xdead_beef_0000)] {
            assert!(heap.type_of(addr).is_err(), "{}: {addr}", python.name);
            let shown = repr(&heap, addr, &ReprLimits::default());
            assert!(addr.is_null() || shown.fidelity != Fidelity::Exact, "{}: {shown:?}", python.name);
        }
    }
}

/// A depth that would overflow our stack if decoders called themselves for each level.
#[test]
fn nesting_is_cut_where_the_limit_is() {
    for mut python in SynthPython::all() {
        let mut list = python.new_list(&[]);
        for _ in 0..200 {
            list = python.new_list(&[list]);
        }
        let found = python.repr(list);
        assert!(found.text.len() < 200 && found.fidelity != Fidelity::Exact, "{}: {found:?}", python.name);
    }
}
