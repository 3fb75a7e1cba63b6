//! [`Auxv`]: the auxiliary vector that the kernel hands to a program (`include/uapi/linux/auxvec.h`).

use crate::base::{Abi, Addr};

/// Address of the main executable's program headers.
pub const AT_PHDR: u64 = 3;
/// Size of a page in bytes.
pub const AT_PAGESZ: u64 = 6;
/// Base of the program interpreter (the dynamic linker).
pub const AT_BASE: u64 = 7;
/// Entry point of the main executable.
pub const AT_ENTRY: u64 = 9;
/// Address of 16 random bytes.
pub const AT_RANDOM: u64 = 25;
/// Address of the path that the process was started with.
pub const AT_EXECFN: u64 = 31;
/// Address of the vDSO's ELF header.
pub const AT_SYSINFO_EHDR: u64 = 33;
/// Ends the vector.
const AT_NULL: u64 = 0;
/// Linux has some thirty kinds.
const MOST: usize = 1024;
/// No page of Linux is smaller.
const SMALLEST_PAGE: u64 = 4096;

/// The auxiliary vector: `a_type`, `a_val` pairs up to `AT_NULL`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auxv(Vec<(u64, u64)>);

impl Auxv {
    /// From its bytes: pairs of words.
    #[must_use]
    pub fn parse(bytes: &[u8], abi: &Abi) -> Auxv {
        let word = usize::from(abi.pointer_size());
        let pairs = bytes.chunks_exact(word.saturating_mul(2)).filter_map(|pair| {
            let (kind, value) = pair.split_at_checked(word)?;
            Some((abi.uint(kind), abi.uint(value)))
        });
        Auxv::from_pairs(pairs)
    }

    /// From its pairs.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (u64, u64)>) -> Auxv {
        Auxv(pairs.into_iter().take_while(|(kind, _)| *kind != AT_NULL).take(MOST).collect())
    }

    /// The value of an entry.
    #[must_use]
    pub fn get(&self, kind: u64) -> Option<u64> {
        self.0.iter().find(|(k, _)| *k == kind).map(|(_, v)| *v)
    }

    /// The address in an entry; zero is none.
    #[must_use]
    pub fn address(&self, kind: u64) -> Option<Addr> {
        self.get(kind).map(Addr).filter(|addr| !addr.is_null())
    }

    /// The page size, where it is one that a kernel has.
    #[must_use]
    pub fn page_size(&self) -> Option<u64> {
        self.get(AT_PAGESZ).filter(|size| is_page_size(*size))
    }

    /// The bytes of a vector with these entries.
    #[must_use]
    pub fn encode(&self, abi: &Abi) -> Vec<u8> {
        let word = usize::from(abi.pointer_size());
        let end = std::iter::once((AT_NULL, 0));
        let all = self.0.iter().copied().chain(end);
        all.flat_map(|(kind, value)| [abi.bytes(kind, word), abi.bytes(value, word)]).flatten().collect()
    }
}

/// Whether a page can have this many bytes.
#[must_use]
pub fn is_page_size(size: u64) -> bool {
    size.is_power_of_two() && size >= SMALLEST_PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_ends_at_its_mark_and_comes_back_as_it_was() {
        let abi = Abi::LINUX_X86_64;
        let vector = Auxv::from_pairs([(AT_PAGESZ, 4096), (AT_ENTRY, 0), (AT_PHDR, 0x40), (0, 7), (AT_BASE, 9)]);
        assert_eq!((vector.get(AT_BASE), vector.address(AT_ENTRY)), (None, None));
        assert_eq!((vector.page_size(), vector.address(AT_PHDR)), (Some(4096), Some(Addr(0x40))));
        assert_eq!(Auxv::parse(&vector.encode(&abi), &abi), vector);
        assert_eq!(Auxv::from_pairs([(AT_PAGESZ, 12)]).page_size(), None);
    }
}
