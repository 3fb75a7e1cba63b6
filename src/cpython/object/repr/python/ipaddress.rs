//! `ipaddress`: its reprs hold the `str()` of the address.

use super::{attribute, int_attribute, string};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::types::TypeInfo;
use std::net::{Ipv4Addr, Ipv6Addr};

/// `IPv4Address('10.0.0.1')`, `IPv6Interface('::1/128')`.
pub(super) fn address(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(text) = text(w, addr, info) else { return Ok(false) };
    quoted(w, info, &text)
}

/// `IPv4Network('10.0.0.0/8')`.
pub(super) fn network(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let first = attribute(w, addr, "network_address");
    let class = first.and_then(|first| w.heap.type_of(first).ok());
    let (Some(first), Some(class)) = (first, class) else { return Ok(false) };
    let (Some(text), Some(length)) = (text(w, first, &class), prefix_length(w, addr)) else { return Ok(false) };
    if text_by(w, info).as_deref() != Some("_BaseNetwork") {
        return Ok(false);
    }
    quoted(w, info, &format!("{text}/{length}"))
}

fn quoted(w: &mut Writer<'_, '_>, info: &TypeInfo, text: &str) -> Result<bool, DecodeError> {
    w.name(info.dunder_name());
    w.push("('");
    // A scope id is any text.
    let plain = text.chars().all(|c| c.is_ascii_graphic() && c != '\'' && c != '\\');
    w.push_all(&[text, "')"]);
    Ok(plain)
}

/// The class of `ipaddress` whose `__str__` runs.
fn text_by(w: &Writer<'_, '_>, info: &TypeInfo) -> Option<String> {
    let (class, _) = w.heap.lookup(info, "__str__")?;
    (w.heap.module(&class)? == "ipaddress").then(|| class.dunder_name().to_owned())
}

fn prefix_length(w: &Writer<'_, '_>, addr: Addr) -> Option<i64> {
    int_attribute(w, addr, "_prefixlen")?.to_i64()
}

/// `str()` of an address or interface.
fn text(w: &Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Option<String> {
    let number = int_attribute(w, addr, "_ip")?;
    let version = int_attribute(w, addr, "_version").or_else(|| int_attribute(w, addr, "version"))?.to_i64()?;
    let mut text = match version {
        4 => Ipv4Addr::from_bits(u32::try_from(number.big()).ok()?).to_string(),
        6 => version_6(w, u128::try_from(number.big()).ok()?),
        _ => return None,
    };
    // Since 3.9.
    if let Some(scope) = attribute(w, addr, "_scope_id").and_then(|scope| string(w, scope)).filter(|s| !s.is_empty()) {
        text = format!("{text}%{scope}");
    }
    match &*text_by(w, info)? {
        "_BaseAddress" | "IPv6Address" => Some(text),
        "IPv4Interface" | "IPv6Interface" => Some(format!("{text}/{}", prefix_length(w, addr)?)),
        _ => None,
    }
}

fn version_6(w: &Writer<'_, '_>, bits: u128) -> String {
    let address = Ipv6Addr::from_bits(bits);
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) if !w.ctx().dialect.repr.mapped_ip_dotted => format!("::ffff:{high:x}:{low:x}"),
        // Both compress the longest run of zeros, the first of several, and no single zero.
        _ => address.to_string(),
    }
}
