//! Facts about the machine: a figure without them means nothing.

use std::fs;

use serde::{Deserialize, Serialize};

/// Where and under which load something was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub architecture: String,
    /// The processor's own name.
    pub processor: String,
    /// CPUs this process may use.
    pub cpus: usize,
    /// MiB of memory.
    pub memory_mib: u64,
    /// Load average of the last minute, before measuring.
    pub load: f64,
    /// Share of time some task waited for a CPU in the last ten seconds, in percent.
    pub cpu_pressure: Option<f64>,
    /// How cgroups are mounted: `v2`, `hybrid`, `v1`.
    pub cgroups: String,
    /// Mounts in this mount namespace.
    pub mounts: usize,
    /// Whether a hypervisor is underneath.
    pub virtual_machine: bool,
    /// Whether a base mount namespace is pinned, from which browndog starts.
    #[serde(default)]
    pub base: bool,
}

impl Machine {
    /// Looks at the machine we are on.
    pub fn here() -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let mountinfo = read("/proc/self/mountinfo");
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            processor: field(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory_mib(),
            load: load(),
            cpu_pressure: cpu_pressure(),
            cgroups: cgroup_layout(&mountinfo).to_owned(),
            mounts: mountinfo.lines().count(),
            virtual_machine: cpuinfo.contains(" hypervisor"),
            base: browndog_runtime::base::open().is_some(),
        }
    }

    /// Why figures taken now would mislead, if they would.
    pub fn noise(&self) -> Option<String> {
        if self.load > self.cpus as f64 * 0.5 {
            return Some(format!("load average {:.2} on {} CPUs", self.load, self.cpus));
        }
        let pressure = self.cpu_pressure.filter(|&share| share > 5.0)?;
        Some(format!("tasks waited for a CPU {pressure:.0} % of the last ten seconds"))
    }
}

/// The content of a file of procfs; what is absent reads as nothing.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first `key : value` line.
fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn memory_mib() -> u64 {
    let meminfo = read("/proc/meminfo");
    let kib = field(&meminfo, "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

fn cpu_pressure() -> Option<f64> {
    let text = read("/proc/pressure/cpu");
    text.split("avg10=").nth(1)?.split(' ').next()?.parse().ok()
}

/// Tells the layouts apart by what is mounted, as the cgroup tools do.
fn cgroup_layout(mountinfo: &str) -> &'static str {
    let has = |kind: &str| mountinfo.lines().any(|line| line.contains(&format!(" - {kind} ")));
    let unified_on_top =
        mountinfo.lines().any(|line| line.contains(" /sys/fs/cgroup ") && line.contains(" - cgroup2 "));
    match (unified_on_top, has("cgroup"), has("cgroup2")) {
        (true, ..) => "v2",
        (false, true, true) => "hybrid",
        (false, true, false) => "v1",
        (false, false, true) => "v2",
        (false, false, false) => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_layout_is_told_from_v2() {
        let v1 = "33 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let beside = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(cgroup_layout(&format!("{v1}{beside}")), "hybrid");
        assert_eq!(cgroup_layout("31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), "v2");
    }

    #[test]
    fn a_loaded_machine_says_so() {
        let mut machine = Machine::here();
        (machine.load, machine.cpus, machine.cpu_pressure) = (3.0, 2, None);
        assert_eq!(machine.noise().unwrap(), "load average 3.00 on 2 CPUs");
        machine.load = 0.1;
        assert_eq!(machine.noise(), None);
    }
}
