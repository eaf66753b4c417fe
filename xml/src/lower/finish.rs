//! The defaults: the only place that knows what stands for what is not written.

use super::Draft;
use crate::domain::{Capabilities, CapabilityPolicy, Cpu, Domain, Init, Lifecycle, LifecycleAction, Sourced};
use crate::value::{AbsPath, Hostname};

/// Most processes of a container that names no bound: enough for an init system, far below what
/// would starve a host.
const PIDS: u64 = 4096;

pub(super) fn finish(draft: Box<Draft>) -> Option<Domain> {
    let name = draft.name?;
    let hostname = match draft.hostname {
        Some(hostname) => hostname,
        None => Sourced::default(
            Hostname::from_domain_name(name.value.as_str())?,
            "the name, as libvirt filters it",
        ),
    };
    let path = |text, reason| Some(Sourced::default(AbsPath::parse(text).ok()?, reason));
    let mut memory = draft.memory;
    memory.current = match (memory.current, &memory.maximum) {
        // libvirt takes 0 and too much for the whole.
        (Some(current), Some(maximum)) if current.value == 0 || current.value > maximum.value => {
            Some(maximum.clone())
        }
        (None, Some(maximum)) => Some(Sourced::default(maximum.value, "all of <memory>")),
        (current, _) => current,
    };
    if memory.limit.is_none() {
        memory.limit.clone_from(&memory.maximum);
    }
    Some(Domain {
        dialect: draft.dialect?,
        origin: Sourced::xml((), draft.root),
        name,
        uuid: draft.uuid,
        title: draft.title,
        description: draft.description,
        hostname,
        memory,
        cpu: Cpu {
            count: draft.vcpus.unwrap_or_else(|| Sourced::default(1, "libvirt's default")),
            cpuset: draft.cpuset,
            shares: draft.shares,
            period_us: draft.period_us,
            quota_us: draft.quota_us,
        },
        numa: draft.numa,
        blkio: draft.blkio,
        pids: draft
            .pids
            .unwrap_or_else(|| Sourced::default(PIDS, "no container needs to fork without bound")),
        partition: match draft.partition {
            Some(partition) => partition,
            None => path("/machine", "libvirt's default partition")?,
        },
        idmap: draft.idmap,
        init: Init {
            commands: draft.commands,
            env: draft.init.env,
            dir: match draft.init.dir {
                Some(dir) => dir,
                None => path("/", "the root, as libvirt has it")?,
            },
            user: draft.init.user,
            group: draft.init.group,
        },
        arch: draft.arch,
        personality32: draft.personality32,
        private_network: draft.private_network,
        capabilities: draft.capabilities.unwrap_or_else(|| Capabilities {
            policy: Sourced::default(CapabilityPolicy::Default, "no <capabilities>: the restricted set"),
            overrides: Vec::new(),
        }),
        filesystems: draft.filesystems,
        interfaces: draft.interfaces,
        hostdevs: draft.hostdevs,
        disks: draft.disks,
        consoles: draft.consoles,
        nameservers: draft.nameservers,
        share: draft.share,
        clock_devices: draft.clock_devices,
        lifecycle: Lifecycle {
            on_poweroff: draft.on_poweroff.unwrap_or_else(|| {
                Sourced::default(LifecycleAction::Destroy, "libvirt's default for on_poweroff")
            }),
            on_reboot: draft.on_reboot.unwrap_or_else(|| {
                Sourced::default(LifecycleAction::Restart, "libvirt's default for on_reboot")
            }),
            on_crash: draft.on_crash.unwrap_or_else(|| {
                Sourced::default(LifecycleAction::Destroy, "libvirt's default for on_crash")
            }),
        },
        seclabels: draft.seclabels,
        extension: draft.extension,
        unsupported: draft.unsupported,
    })
}
