//! [`Registers`]: general-purpose registers of a stopped thread.

use crate::arch::{self, Cpu, UnwindInfo};
use crate::base::{Abi, Addr, Arch, Cursor};

/// General-purpose registers of a stopped thread, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Instruction set they belong to.
    pub arch: Arch,
    /// Name (DWARF/psABI spelling: `rax`, `rip`, `x0`, `sp`, `pc`) and value, in the architecture's usual order.
    pub values: Vec<(&'static str, u64)>,
}

impl Registers {
    /// From the bytes of an `elf_gregset_t`: `pr_reg` of a core, a register set of ptrace. `None` when they are too few.
    #[must_use]
    pub fn from_prstatus(bytes: &[u8], abi: &Abi) -> Option<Registers> {
        let mut cursor = Cursor::new(bytes, *abi);
        let values: Option<Vec<_>> =
            arch::cpu(abi.arch).prstatus.iter().map(|name| Some((*name, cursor.u64().ok()?))).collect();
        Some(Registers::sorted(values?, abi.arch))
    }

    /// The stack pointer alone of the same bytes.
    #[must_use]
    pub fn sp_of_prstatus(bytes: &[u8], abi: &Abi) -> Option<Addr> {
        let cpu = arch::cpu(abi.arch);
        let sp = cpu.unwind.name(cpu.unwind.sp)?;
        let before = cpu.prstatus.iter().position(|name| *name == sp)?;
        let value = bytes.get(before.checked_mul(8)?..)?.get(..8)?;
        Some(Addr(abi.uint(value)))
    }

    /// From names and values in any order.
    #[must_use]
    pub fn sorted(mut values: Vec<(&'static str, u64)>, arch: Arch) -> Registers {
        let shown = arch::cpu(arch).shown;
        values.sort_by_cached_key(|(name, _)| shown.iter().position(|s| s == name));
        Registers { arch, values }
    }

    /// Where no more is known than these two.
    #[must_use]
    pub fn of_ip_and_sp(ip: u64, sp: u64, arch: Arch) -> Registers {
        let info = &arch::cpu(arch).unwind;
        let known = [(info.ip, ip), (info.sp, sp)];
        let named = known.into_iter().filter_map(|(number, value)| Some((info.name(number)?, value)));
        Registers::sorted(named.collect(), arch)
    }

    /// Value by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    /// What is known of the processor.
    #[must_use]
    pub fn cpu(&self) -> &'static Cpu {
        arch::cpu(self.arch)
    }

    fn addr(&self, number: impl Fn(&UnwindInfo) -> u16) -> Option<Addr> {
        let info = &self.cpu().unwind;
        info.name(number(info)).and_then(|name| self.get(name)).map(Addr)
    }

    /// Instruction pointer.
    #[must_use]
    pub fn ip(&self) -> Option<Addr> {
        self.addr(|info| info.ip)
    }

    /// Stack pointer.
    #[must_use]
    pub fn sp(&self) -> Option<Addr> {
        self.addr(|info| info.sp)
    }

    /// Frame pointer.
    #[must_use]
    pub fn fp(&self) -> Option<Addr> {
        self.addr(|info| info.fp)
    }

    /// Base of thread-local storage, where a register holds it.
    #[must_use]
    pub fn thread_pointer(&self) -> Option<Addr> {
        self.cpu().thread_pointer.register.and_then(|name| self.get(name)).map(Addr).filter(|a| !a.is_null())
    }
}
