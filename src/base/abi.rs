//! The target's ABI as data: nothing of the target is ever read with the host's sizes.

use serde::{Deserialize, Serialize};

/// Instruction set of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Arch {
    /// AMD64 / x86-64.
    X86_64,
    /// ARM64.
    Aarch64,
    /// RISC-V, 64 bits.
    Riscv64,
}

/// Byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Sizes of `long` and of pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DataModel {
    /// 64-bit `long` and pointers (Linux, macOS).
    Lp64,
    /// 32-bit `long`, 64-bit pointers (Windows).
    Llp64,
}

/// Operating system of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    MacOs,
}

/// How the target's memory is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Abi {
    /// Instruction set.
    pub arch: Arch,
    /// Byte order.
    pub endian: Endian,
    /// Sizes of `long` and pointers.
    pub data_model: DataModel,
    /// Operating system.
    pub os: Os,
}

impl Abi {
    /// x86-64 Linux.
    pub const LINUX_X86_64: Abi =
        Abi { arch: Arch::X86_64, endian: Endian::Little, data_model: DataModel::Lp64, os: Os::Linux };
    /// aarch64 Linux.
    pub const LINUX_AARCH64: Abi = Abi::linux(Arch::Aarch64);
    /// x86-64 Windows.
    pub const WINDOWS_X86_64: Abi = Abi { data_model: DataModel::Llp64, os: Os::Windows, ..Abi::LINUX_X86_64 };

    /// Linux on a processor.
    #[must_use]
    pub const fn linux(arch: Arch) -> Abi {
        Abi { arch, ..Abi::LINUX_X86_64 }
    }

    /// Size of a pointer in bytes.
    #[must_use]
    pub const fn pointer_size(&self) -> u8 {
        match self.data_model {
            DataModel::Lp64 | DataModel::Llp64 => 8,
        }
    }

    /// Size of C `long` in bytes.
    #[must_use]
    pub const fn long_size(&self) -> u8 {
        match self.data_model {
            DataModel::Lp64 => 8,
            DataModel::Llp64 => 4,
        }
    }

    /// The low `width` bytes (at most 8) of `value` as they stand in memory: what [`Abi::uint`] reads.
    #[must_use]
    pub fn bytes(&self, value: u64, width: usize) -> Vec<u8> {
        let little = value.to_le_bytes();
        let mut bytes = little.get(..width).unwrap_or(&little).to_vec();
        if self.endian == Endian::Big {
            bytes.reverse();
        }
        bytes
    }

    /// The unsigned integer in `bytes` (at most 8; missing high bytes are zero).
    #[must_use]
    pub fn uint(&self, bytes: &[u8]) -> u64 {
        // A whole word is by far the most frequent read.
        if let Ok(word) = <[u8; 8]>::try_from(bytes) {
            return match self.endian {
                Endian::Little => u64::from_le_bytes(word),
                Endian::Big => u64::from_be_bytes(word),
            };
        }
        let fold = |acc: u64, b: &u8| acc.wrapping_shl(8) | u64::from(*b);
        match self.endian {
            Endian::Little => bytes.iter().rev().fold(0, fold),
            Endian::Big => bytes.iter().fold(0, fold),
        }
    }
}
