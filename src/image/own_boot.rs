//! Whether a dump is of a process of this host, of its present boot: then the files here are those that the process saw.

use super::host_file::HostFile;
use super::{FileBytes, FileStatus, Images};
use crate::base::Abi;
use crate::debuggee::{BuildId, SourceKind, Target};
use crate::os::linux::VDSO;
use crate::os::linux::auxv::{AT_SYSINFO_EHDR, Auxv};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// More bytes than a vDSO has.
const MAX_VDSO: usize = 1 << 16;

impl Images {
    /// Whether the process is of this host and of its present boot: it runs here, or its dump was written since the
    /// kernel started, its kernel is this one (the build-id of its vDSO, which no two builds share), and the executable
    /// that it ran is the one that is here under the same name. A guard against mistakes: who makes a dump by hand can
    /// make one that passes, so that what is opened because of it must still be harmless.
    #[must_use]
    pub fn of_this_boot(&self, target: &Target) -> bool {
        match target.source {
            SourceKind::Live | SourceKind::Debugger => true,
            SourceKind::Minidump | SourceKind::Unknown => false,
            SourceKind::ElfCore => since_boot(target) && self.same_executable(target) && same_kernel(target),
        }
    }

    fn same_executable(&self, target: &Target) -> bool {
        let main = target.modules.iter().position(|m| m.is_main);
        main.and_then(|at| self.get(at).zip(target.modules.get(at))).is_some_and(|(image, module)| {
            image.status == FileStatus::Ok && image.path().as_deref() == Some(Path::new(&module.path))
        })
    }
}

/// A dump without a vDSO says nothing of its kernel.
fn same_kernel(target: &Target) -> bool {
    let theirs = target.modules.iter().find(|m| m.path == VDSO).and_then(|m| m.build_id.clone());
    theirs.is_some() && theirs == own_vdso(&target.abi)
}

fn since_boot(target: &Target) -> bool {
    let written = target.path.as_ref().and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    // Seconds since boot (proc_uptime(5)); the kernel writes the whole of /proc/stat, every interrupt counted, for its time.
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: Option<f64> = uptime.split(' ').next().and_then(|text| text.parse().ok());
    let up = seconds.and_then(|n| Duration::try_from_secs_f64(n).ok());
    let boot = up.and_then(|up| SystemTime::now().checked_sub(up));
    written.zip(boot).is_some_and(|(written, boot)| written >= boot)
}

/// The build-id of the vDSO that the kernel gave us.
fn own_vdso(abi: &Abi) -> Option<BuildId> {
    let vector = Auxv::parse(&std::fs::read("/proc/self/auxv").ok()?, abi);
    let mut memory = std::fs::File::open("/proc/self/mem").ok()?;
    memory.seek(SeekFrom::Start(vector.address(AT_SYSINFO_EHDR)?.0)).ok()?;
    let mut bytes = vec![0; MAX_VDSO];
    let read = memory.read(&mut bytes).ok()?;
    bytes.truncate(read);
    HostFile { place: None, bytes: FileBytes::whole(Arc::new(bytes)), id: None }.build_id()
}
