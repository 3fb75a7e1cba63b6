//! [`Kind`]: which memory layout an object has, told by its type or the nearest native base type, and what a row of the
//! table of kinds says.

pub use super::kinds::Kind;

use super::attribute::Computes;
use super::children::ItemsOf;
use super::kinds::ROWS;
use super::numpy_scalar;
use super::repr::Render;
use crate::cpython::{Context, FieldRef};

/// What is known of one kind.
pub(super) struct Row {
    /// The kind.
    pub kind: Kind,
    /// `tp_name` of its types.
    pub names: &'static [&'static str],
    /// Renders what the native `__repr__` of such a type prints.
    pub repr: Option<Render>,
    /// What is written for one inside its own repr.
    pub again: Again,
    /// Whether its repr can hold other objects.
    pub nests: bool,
    /// Attributes in fields of the object that are worth listing.
    pub attributes: &'static [Field],
    /// Further ones, found when asked for.
    pub more: &'static [Field],
    /// Attributes that Python computes of the data of such an object.
    pub computes: Option<Computes>,
    /// What it holds.
    pub holds: Holds,
    /// The structs that its objects begin with behind the head of every object, by their names in the layouts. Where there are none an
    /// object of several sizes has `var_object`.
    pub structs: &'static [&'static str],
}

impl Row {
    /// What a row is unless it says otherwise.
    pub(super) const PLAIN: Row = Row {
        kind: Kind::Native,
        names: &[],
        repr: None,
        again: Again::Unknown,
        nests: true,
        attributes: &[],
        more: &[],
        computes: None,
        holds: Holds::Nothing,
        structs: &[],
    };
}

/// What objects of a kind hold, and how it is reached.
#[derive(Clone, Copy)]
pub(super) enum Holds {
    /// Nothing.
    Nothing,
    /// Items in an order, which an index counts.
    Sequence(ItemsOf),
    /// Items that no index reaches.
    Members(ItemsOf),
    /// Keys and values.
    Mapping(ItemsOf),
    /// Characters or bytes: an index reaches them, but no list of them says more than the repr.
    Text(ItemsOf),
}

/// What Python writes for an object inside its own repr (`Py_ReprEnter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing known: for most types it would have ended in a `RecursionError`.
    Unknown,
    /// This text.
    Text(&'static str),
    /// `name(...)`.
    Named,
    /// `namespace(...)`, or the name of the subclass.
    Namespace,
    /// Only a part of the repr is guarded, so that it begins again (a defaultdict guards what is a plain dict).
    Part,
    /// `...`; where futures are not guarded, only their result is.
    Future,
}

/// An attribute that a native type keeps in a field of the object (a `getset` or `member` descriptor in Python).
pub(super) struct Field {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub place: Place,
}

/// Where a field is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In the layouts.
    Layout(fn(&Context<'_>) -> FieldRef),
    /// This word of the fields that follow the object head.
    Word(u64),
}

impl Kind {
    /// What the table says of this kind.
    pub(super) fn row(self) -> &'static Row {
        ROWS.get(self as usize).unwrap_or(&Row::PLAIN)
    }

    /// The kind of the native type with this `tp_name`.
    #[must_use]
    pub fn of_name(tp_name: &str) -> Option<Kind> {
        let named = ROWS.iter().find(|row| row.names.contains(&tp_name)).map(|row| row.kind);
        named.or_else(|| numpy_scalar::of_name(tp_name).map(|_| Kind::NumpyScalar))
    }

    /// The kind that the subclass bits of `tp_flags` tell (Include/object.h: `Py_TPFLAGS_*_SUBCLASS`).
    #[must_use]
    pub fn of_flags(flags: u64) -> Option<Kind> {
        const BITS: [(u32, Kind); 8] = [
            (24, Kind::Int),
            (25, Kind::List),
            (26, Kind::Tuple),
            (27, Kind::Bytes),
            (28, Kind::Str),
            (29, Kind::Dict),
            (30, Kind::Exception),
            (31, Kind::Type),
        ];
        BITS.iter().find(|(bit, _)| flags >> bit & 1 == 1).map(|(_, kind)| *kind)
    }

    /// Whether a type of this kind may stand for `family` found by [`Kind::of_flags`] (defaultdict is a dict).
    #[must_use]
    pub fn refines(self, family: Kind) -> bool {
        match family {
            Kind::Int => matches!(self, Kind::Int | Kind::Bool),
            Kind::Dict => matches!(self, Kind::Dict | Kind::DefaultDict | Kind::OrderedDict | Kind::FrozenDict),
            Kind::Exception => matches!(self, Kind::Exception | Kind::ExceptionGroup | Kind::ImportError),
            Kind::Tuple => matches!(self, Kind::Tuple | Kind::StructSeq),
            other => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_kind_has_its_row_and_each_name_one_kind() {
        let mut names = HashSet::new();
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.kind as usize, index);
            assert_eq!(row.kind.row().names, row.names);
            for name in row.names {
                assert!(names.insert(name), "{name} stands in two rows");
                assert_eq!(Kind::of_name(name), Some(row.kind));
            }
        }
        assert!(names.len() > 100);
    }

    #[test]
    fn an_attribute_stands_once_in_its_row() {
        for row in ROWS {
            let mut seen = HashSet::new();
            for field in row.attributes.iter().chain(row.more) {
                assert!(seen.insert(field.name), "{:?}.{}", row.kind, field.name);
            }
        }
    }
}
