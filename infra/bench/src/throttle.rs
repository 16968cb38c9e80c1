//! The CPU time of a small function: a control group with a quota. A process enters it after its start, because Lambda
//! gives every start a full core.

use crate::error::{BenchError, While};
use std::fs;
use std::path::{Path, PathBuf};

/// The memory at which a function has one whole core, in MB.
const MB_OF_ONE_CORE: u64 = 1769;
/// The period of a quota, in microseconds.
const PERIOD_MICROS: u64 = 20_000;

/// A control group.
pub struct Throttle {
    folder: PathBuf,
}

impl Throttle {
    /// Creates a group with the CPU time of a function with `memory_mb`.
    ///
    /// # Errors
    /// When this machine has no control group for CPU time, or this user may not create one.
    pub fn of(memory_mb: u64) -> Result<Self, BenchError> {
        let unified = Path::new("/sys/fs/cgroup");
        let is_unified = unified.join("cgroup.controllers").exists();
        let root = if is_unified { unified.to_owned() } else { unified.join("cpu") };
        let folder = root.join(format!("tollgate-bench-{}", std::process::id()));
        let write = |file: PathBuf, text: String| {
            let doing = format!("{} (--full-speed-alone leaves it out)", file.display());
            fs::write(file, text).doing(doing)
        };
        if is_unified {
            write(root.join("cgroup.subtree_control"), "+cpu".into())?;
        }
        fs::create_dir(&folder).doing(format!("{} (--full-speed-alone leaves it out)", folder.display()))?;
        let throttle = Self { folder };
        let quota_micros = PERIOD_MICROS * memory_mb / MB_OF_ONE_CORE;
        if is_unified {
            write(throttle.folder.join("cpu.max"), format!("{quota_micros} {PERIOD_MICROS}"))?;
        } else {
            write(throttle.folder.join("cpu.cfs_period_us"), PERIOD_MICROS.to_string())?;
            write(throttle.folder.join("cpu.cfs_quota_us"), quota_micros.to_string())?;
        }
        Ok(throttle)
    }

    /// Moves a process into it.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn hold(&self, pid: u32) -> Result<(), BenchError> {
        fs::write(self.folder.join("cgroup.procs"), pid.to_string()).doing("the control group")
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        // It is empty: all its processes have ended.
        let _left_behind = fs::remove_dir(&self.folder);
    }
}
