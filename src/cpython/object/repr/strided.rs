//! Shapes and strides of arrays and tensors.

/// `(2, 3)`, `(2,)`, `()`.
pub(super) fn tuple_text(numbers: &[impl ToString]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("({}{})", texts.join(", "), if texts.len() == 1 { "," } else { "" })
}

/// Whether the elements, of `size` units of the strides each, lie one after the other, the last index fastest (empty ones
/// always do).
pub(super) fn is_c_order(shape: &[u64], strides: &[i64], size: u64) -> bool {
    if shape.contains(&0) {
        return true;
    }
    let lies = |((length, stride), expected): ((&u64, &i64), u64)| *length == 1 || stride.cast_unsigned() == expected;
    shape.iter().zip(strides).zip(c_order_strides(shape, size)).all(lies)
}

/// The strides of such an array.
pub(super) fn c_order_strides(shape: &[u64], size: u64) -> Vec<u64> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut next = size;
    for length in shape.iter().rev() {
        strides.push(next);
        next = next.saturating_mul(*length);
    }
    strides.reverse();
    strides
}
