//! NumPy's scalar types whose values are decoded, and how each stores its value after the object head
//! (numpy/core/include/numpy/arrayscalars.h of 1.x, numpy/_core/include/numpy/arrayscalars.h of 2.x).

/// How the bytes of a number are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Bool,
    Int,
    Unsigned,
    Float,
    Complex,
}

/// How a scalar is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    /// `PyDoubleScalarObject` and its like: a number of so many bytes.
    Number(Number, u64),
    /// `PyDatetimeScalarObject`, `PyTimedeltaScalarObject`.
    Time,
}

/// By name in the module; not `longdouble`, `void` and types of other packages.
const SCALARS: &[(&str, Scalar)] = &[
    ("bool", Scalar::Number(Number::Bool, 1)),
    ("bool_", Scalar::Number(Number::Bool, 1)),
    ("int8", Scalar::Number(Number::Int, 1)),
    ("int16", Scalar::Number(Number::Int, 2)),
    ("int32", Scalar::Number(Number::Int, 4)),
    ("intc", Scalar::Number(Number::Int, 4)),
    ("int64", Scalar::Number(Number::Int, 8)),
    ("longlong", Scalar::Number(Number::Int, 8)),
    ("uint8", Scalar::Number(Number::Unsigned, 1)),
    ("uint16", Scalar::Number(Number::Unsigned, 2)),
    ("uint32", Scalar::Number(Number::Unsigned, 4)),
    ("uintc", Scalar::Number(Number::Unsigned, 4)),
    ("uint64", Scalar::Number(Number::Unsigned, 8)),
    ("ulonglong", Scalar::Number(Number::Unsigned, 8)),
    ("float16", Scalar::Number(Number::Float, 2)),
    ("float32", Scalar::Number(Number::Float, 4)),
    ("float64", Scalar::Number(Number::Float, 8)),
    ("complex64", Scalar::Number(Number::Complex, 8)),
    ("complex128", Scalar::Number(Number::Complex, 16)),
    ("datetime64", Scalar::Time),
    ("timedelta64", Scalar::Time),
];

/// The scalar type with this `tp_name`, and its name in the module.
pub(super) fn of_name(tp_name: &str) -> Option<(Scalar, &'static str)> {
    let name = tp_name.strip_prefix("numpy.")?;
    SCALARS.iter().find(|(known, _)| *known == name).map(|(name, scalar)| (*scalar, *name))
}
