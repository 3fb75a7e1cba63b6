//! Notes of a Linux core: their owners, types and the sizes that reading and writing them share
//! (`include/uapi/linux/elf.h`, `include/linux/elfcore.h`, 64 bits). Those of one processor are in `arch`.

use object::elf;

/// Owner of the notes that every Unix has.
pub const CORE: &str = "CORE";
/// Owner of the notes of Linux, those of processors among them.
pub const LINUX: &str = "LINUX";

/// `struct elf_prstatus` of a thread.
pub const NT_PRSTATUS: u32 = elf::NT_PRSTATUS.0;
/// `struct elf_prpsinfo` of the process.
pub const NT_PRPSINFO: u32 = elf::NT_PRPSINFO.0;
/// The auxiliary vector.
pub const NT_AUXV: u32 = elf::NT_AUXV.0;
/// `siginfo_t` of the signal.
pub const NT_SIGINFO: u32 = elf::NT_SIGINFO.0;
/// The mapped files.
pub const NT_FILE: u32 = elf::NT_FILE.0;

/// Offset of `pr_pid` in `elf_prstatus`.
pub const PRSTATUS_PID: usize = 32;
/// Offset of `pr_reg` in `elf_prstatus`.
pub const PRSTATUS_REGISTERS: usize = 112;
/// Offset of `pr_pid` in `elf_prpsinfo`.
pub const PRPSINFO_PID: usize = 24;
/// Offset of `pr_fname` in `elf_prpsinfo`.
pub const PRPSINFO_NAME: usize = 40;
/// Size of `pr_fname`.
pub const PRPSINFO_NAME_SIZE: usize = 16;
/// Size of `pr_psargs`.
pub const PRPSINFO_ARGUMENTS_SIZE: usize = 80;
