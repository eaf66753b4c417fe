//! `/etc/pve/lxc/N.conf`, Proxmox's own file of a container, which looks like a configuration of lxc and is none.

use crate::convert::Place;
use crate::source::{Source, Span};

pub(super) const WHAT: &str = "this is Proxmox's own description of a container, in which lxc.conf is only a part: its disks are names of \
     Proxmox's storage";
pub(super) const HELP: &str = "convert what Proxmox makes of it for lxc: start the container once (pct start N) and take /var/lib/lxc/N/config";

/// Settings of Proxmox's that most of its files have.
const KEYS: [&str; 18] = [
    "arch",
    "cores",
    "cpulimit",
    "cpuunits",
    "description",
    "features",
    "hookscript",
    "hostname",
    "memory",
    "nameserver",
    "onboot",
    "ostype",
    "protection",
    "rootfs",
    "searchdomain",
    "swap",
    "tags",
    "unprivileged",
];

/// Where the first of its settings is; `None` where the file is another.
pub(super) fn recognised(source: &Source) -> Option<Place> {
    let (mut start, mut first, mut count) = (0, None, 0);
    for line in source.text().split_inclusive('\n') {
        let key = line.split_once(": ").map(|(key, _)| key);
        if key.is_some_and(|key| KEYS.contains(&key)) {
            let span = Span::new(start, start + line.trim_end().len());
            first = first.or(Some(Place { source: 0, span }));
            count += 1;
        }
        start += line.len();
    }
    // One alone may be a slip in a configuration of lxc.
    first.filter(|_| count > 1)
}
