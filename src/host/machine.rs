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

/// Time that every process but these has spent on the machine's cores, with the children that it has waited for.
pub(crate) fn cpu_time_of_others(these: &[u32]) -> Duration {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| !these.contains(id)).map(cpu_time_of).sum()
}

fn cpu_time_of(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name comes second, in parentheses, and may hold anything. User and system time are the 12th and 13th behind it, the
    // children's the two after.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    ticks(behind.split_whitespace().skip(11).take(4))
}

/// Time that another machine on the same hardware has kept from the cores of this one.
pub(crate) fn stolen_time() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    ticks(stat.lines().next().unwrap_or_default().split_whitespace().skip(8).take(1))
}

/// Hundredths of a second, which all Linux counts in towards programs.
fn ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    Duration::from_millis(fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10)
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
