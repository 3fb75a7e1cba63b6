//! `statistics`.

use super::attribute;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;

/// `NormalDist(mu=1.0, sigma=2.0)`.
pub(super) fn normal_distribution(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(mu), Some(sigma)) = (attribute(w, addr, "_mu"), attribute(w, addr, "_sigma")) else { return Ok(false) };
    w.name(info.dunder_name());
    w.push("(mu=");
    w.object(mu);
    w.push(", sigma=");
    w.object(sigma);
    w.push(")");
    Ok(true)
}
