//! What the machine says of this process: time on its cores, memory, file handles.

use std::{fs, time::Duration};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Keeps this process, and the threads it will start, on `cores`. None given means any.
pub(crate) fn stay_on(cores: &[usize]) {
    if cores.is_empty() {
        return;
    }
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    if let Err(error) = sched_setaffinity(None, &set) {
        tracing::warn!("the machine does not let the process stay on cores {cores:?}: {error}");
    }
}

/// Time that this process has spent on the machine's cores, in user and system mode.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Memory of this process that is in RAM.
pub(crate) fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Memory that is in use, by the count of jemalloc; `None` in a program that has another allocator.
#[cfg(feature = "jemalloc")]
pub(crate) fn heap_bytes() -> Option<u64> {
    use tikv_jemalloc_ctl::{epoch, stats};
    epoch::advance().ok()?;
    let bytes = stats::allocated::read().ok()? as u64;
    // What it has for itself is less, and no host lives on as little.
    Some(bytes).filter(|bytes| *bytes > 512 * 1_024)
}

/// Not known.
#[cfg(not(feature = "jemalloc"))]
pub(crate) fn heap_bytes() -> Option<u64> {
    None
}

/// Files and sockets that this process has open.
pub(crate) fn open_files() -> u64 {
    fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64)
}

/// Lets this process open as many sockets as the machine allows it.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}

/// How many cores there are, and what they are called.
pub(crate) fn cores() -> (usize, String) {
    let count = std::thread::available_parallelism().map_or(1, |count| count.get());
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    (count, model.map_or("unknown", |(_, name)| name.trim()).to_owned())
}
