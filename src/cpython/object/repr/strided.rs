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
    let mut expected = size;
    for (length, stride) in shape.iter().zip(strides).rev() {
        if *length != 1 && stride.cast_unsigned() != expected {
            return false;
        }
        expected = expected.saturating_mul(*length);
    }
    true
}
