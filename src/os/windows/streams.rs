//! Numbers of a minidump (`minidumpapiset.h`; Breakpad's `minidump_format.h` for those of Linux): stream types,
//! platforms, rights of pages.

/// `MDMP`, the first bytes.
pub const MAGIC: &[u8; 4] = b"MDMP";

/// `ThreadListStream`.
pub const THREAD_LIST: u32 = 3;
/// `ModuleListStream`.
pub const MODULE_LIST: u32 = 4;
/// `ExceptionStream`.
pub const EXCEPTION: u32 = 6;
/// `SystemInfoStream`.
pub const SYSTEM_INFO: u32 = 7;
/// `Memory64ListStream`.
pub const MEMORY64_LIST: u32 = 9;
/// `MiscInfoStream`.
pub const MISC_INFO: u32 = 15;
/// `MemoryInfoListStream`.
pub const MEMORY_INFO_LIST: u32 = 16;
/// `ThreadNamesStream`.
pub const THREAD_NAMES: u32 = 24;
/// `/proc/PID/status` (Breakpad).
pub const LINUX_STATUS: u32 = 0x4767_0004;
/// `/proc/PID/cmdline` (Breakpad).
pub const LINUX_COMMAND_LINE: u32 = 0x4767_0006;
/// `/proc/PID/auxv` (Breakpad).
pub const LINUX_AUXV: u32 = 0x4767_0008;
/// `/proc/PID/maps` (Breakpad).
pub const LINUX_MAPS: u32 = 0x4767_0009;

/// `VER_PLATFORM_WIN32_NT`.
pub const PLATFORM_WINDOWS: u64 = 2;
/// `MD_OS_LINUX` of Breakpad.
pub const PLATFORM_LINUX: u64 = 0x8201;
