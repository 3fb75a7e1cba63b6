//! Lists in messages.

/// The first `most` names, and how many there are besides: `a, b and 3 more`.
#[must_use]
pub fn first_of<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let named: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let named = named.join(", ");
    match names.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
