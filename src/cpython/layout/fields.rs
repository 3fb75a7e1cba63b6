//! Machinery of [`Layouts`]: one typed struct per C struct, and a list of all fields that providers and checks walk
//! by name. The fields themselves are declared in `structs.rs`.

use super::slot::{LayoutError, Slot};
use super::structs::Layouts;

/// What one field is called in C.
#[derive(Clone, Copy, Debug)]
pub struct FieldInfo {
    /// Struct name in [`Layouts`].
    pub strukt: &'static str,
    /// Name of that struct's Rust type.
    pub rust_type: &'static str,
    /// Field name in that struct.
    pub field: &'static str,
    /// C type names (struct tags and typedefs); the first that exists wins.
    pub c_types: &'static [&'static str],
    /// C member paths; empty for `sizeof`.
    pub c_paths: &'static [&'static str],
}

macro_rules! layouts {
    ($( $(#[$doc:meta])* $name:ident : $ty:ident $ctypes:tt { $( $field:ident $paths:tt ),+ $(,)? } )+) => {
        $(
            $(#[$doc])*
            #[allow(missing_docs, reason = "the C member paths in the declaration say what each field is")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
            pub struct $ty { $( pub $field: Slot, )+ }

            impl $ty {
                /// No field known.
                pub const NONE: $ty = $ty { $( $field: Slot::ABSENT, )+ };

                /// With fields beyond `limit` (and the size) `by` bytes further.
                #[allow(dead_code, reason = "made for all structs, used for few")]
                pub(super) const fn moved_after(self, limit: u32, by: u32) -> $ty {
                    $ty { $( $field: self.$field.moved_after(limit, by), )+ }
                }

                const fn where_agree(self, a: &$ty, b: &$ty) -> $ty {
                    $ty { $( $field: if a.$field.same_offset(b.$field) { self.$field } else { Slot::ABSENT }, )+ }
                }
            }
        )+

        /// All structs of one interpreter build.
        #[allow(missing_docs, reason = "each member's type is documented")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub struct Layouts { $( pub $name: $ty, )+ }

        impl Layouts {
            /// Nothing known.
            pub const NONE: Layouts = Layouts { $( $name: $ty::NONE, )+ };

            /// These layouts without the fields in which `a` and `b` differ: what holds for versions between those of
            /// `a` and `b`, of which it is not known when each field moved.
            #[must_use]
            pub const fn where_agree(self, a: &Layouts, b: &Layouts) -> Layouts {
                Layouts { $( $name: self.$name.where_agree(&a.$name, &b.$name), )+ }
            }

            /// All fields, in declaration order.
            pub const FIELDS: &'static [FieldInfo] = &[ $( $( FieldInfo {
                strukt: stringify!($name), rust_type: stringify!($ty), field: stringify!($field), c_types: &$ctypes, c_paths: &$paths,
            }, )+ )+ ];

            /// The slot of a field by name.
            #[must_use]
            pub fn slot(&self, strukt: &str, field: &str) -> Option<Slot> {
                match (strukt, field) {
                    $( $( (stringify!($name), stringify!($field)) => Some(self.$name.$field), )+ )+
                    _ => None,
                }
            }

            /// The slot of a field by name, to be filled.
            pub fn slot_mut(&mut self, strukt: &str, field: &str) -> Option<&mut Slot> {
                match (strukt, field) {
                    $( $( (stringify!($name), stringify!($field)) => Some(&mut self.$name.$field), )+ )+
                    _ => None,
                }
            }
        }
    };
}

pub(super) use layouts;

/// The offset of a field, or the [`LayoutError`] that names it: `need!(layouts, frame.previous)?`.
#[doc(hidden)]
#[macro_export]
macro_rules! need {
    ($layouts:expr, $strukt:ident . $field:ident) => {
        $layouts
            .$strukt
            .$field
            .used()
            .ok_or($crate::cpython::layout::LayoutError { strukt: stringify!($strukt), field: stringify!($field) })
    };
}
pub use need;

impl Layouts {
    /// The offset of a field by name.
    ///
    /// # Errors
    /// [`LayoutError`] when the field is unknown or absent.
    pub fn offset(&self, info: &FieldInfo) -> Result<u64, LayoutError> {
        self.slot(info.strukt, info.field)
            .and_then(Slot::offset)
            .ok_or(LayoutError { strukt: info.strukt, field: info.field })
    }
}
