//! Why the steps stand in this order: each constraint is a row with its reason, checked for every plan.

use super::Plan;

/// A constraint: where both are present, every step whose name begins with `before` stands before every
/// step whose name begins with `after`.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Start of a step's name.
    pub before: &'static str,
    /// Start of a step's name.
    pub after: &'static str,
    /// The reason.
    pub because: &'static str,
}

const fn order(before: &'static str, after: &'static str, because: &'static str) -> Order {
    Order { before, after, because }
}

/// The table.
pub const ORDERS: &[Order] = &[
    order("make-cgroup", "set-cgroup", "the file is in the group"),
    order("set-cgroup", "open-cgroup", "nothing enters a group without its limits"),
    order("make-cgroup", "limit-devices", "the policy is the group's"),
    order("make-cgroup", "make-leaf", "the group that the container manages is in its group"),
    order("make-leaf", "open-cgroup", "the container is born in the group that it manages"),
    order("limit-devices", "open-cgroup", "nothing enters a group without its policy"),
    order("mount-device", "enter-stage", "the tree is made in the host's namespace, as every other"),
    order("clone-tree:/", "restrict:/", "only a detached copy may be changed: never the host's own mount"),
    order("join-cgroup", "unshare-cgroup", "the groups entered become the roots of the view"),
    order("unshare-cgroup", "mount-cgroup", "a mount shows the groups of the namespace it is made in"),
    order("make-partition", "make-cgroup:v2", "a group stands in its partition"),
    order("inherit-cpuset:partition", "inherit-cpuset:group", "what is inherited has to be there"),
    order("inherit-cpuset", "set-cgroup:cpuset.cpus", "what the document asks for has the last word"),
    order("set-cgroup", "delegate-cgroup", "limits are there before anyone can make groups below them"),
    order("delegate-cgroup", "open-cgroup", "the container finds what it may manage"),
    order("join-cgroup", "make-private", "all work of the child is charged to the container"),
    order("write-id-maps", "go", "before the maps the child is nobody"),
    order("write-id-maps", "map-tree", "a mount takes the map of a namespace that has one"),
    order("map-tree", "show-tree", "an attached mount cannot be mapped any more"),
    order("map-tree", "go", "the child attaches what it finds"),
    order("clone-tree", "enter-stage", "a source is cloned in the namespace that it was found in"),
    order("enter-stage", "show-tree", "nothing is mounted in the host's own namespace"),
    order("show-tree", "leave-stage", "the stage goes with its namespace"),
    order("leave-stage", "go", "the child finds every tree in place"),
    order("go", "await-mounts", "the child mounts what it finds"),
    order("await-mounts", "lock-mounts", "what is mounted later is not locked"),
    order("lock-mounts", "go-on", "the child takes what is locked"),
    order("become-root", "make-slave", "mounting needs CAP_SYS_ADMIN in the user namespace"),
    order("make-slave", "attach-root", "an attached mount would propagate to the host"),
    order("make-slave", "mount:", "a new mount would propagate to the host"),
    order("join-cgroup", "make-slave", "all work of the child is charged to the container"),
    order("mount:", "ask-to-lock", "what is mounted later is not locked"),
    order("attach:", "ask-to-lock", "what is mounted later is not locked"),
    order("cover:", "ask-to-lock", "a cover that is not locked can be taken off"),
    order("mask:", "ask-to-lock", "a cover that is not locked can be taken off"),
    order("remount:", "ask-to-lock", "what is locked cannot be restricted any more"),
    order("verify:", "ask-to-lock", "what is read back is what is locked"),
    order("ask-to-lock", "take-locked", "it is on the stage when the launcher has answered"),
    order("take-locked", "attach-locked", "the tree that is entered is the locked one"),
    order("attach-locked", "sever-locked", "it is made private where it stands"),
    order("attach-locked", "pivot", "the tree that is entered is the locked one"),
    order("sever-locked", "pivot", "the stage goes with the old root"),
    order("pivot", "detach-unlocked", "what was the root lies on the new one only after the pivot"),
    order("detach-unlocked", "detach-old-root", "it lies on top of the host's tree"),
    order("become-root", "take-tree", "the stage is read as root of the container"),
    order("make-slave", "take-tree", "what is taken is nobody's peer"),
    order("take-tree", "attach-root", "the stage is beneath the root afterwards"),
    order("add-interface", "go", "init finds its links named and addressed"),
    order("move-interface", "go", "likewise"),
    order(
        "pin-network",
        "move-interface",
        "a launcher that is killed in between leaves a device to be found",
    ),
    order("add-interface", "limit-inbound", "the bound is on the link's end on the host"),
    order("add-interface", "limit-outbound", "likewise"),
    order("limit-inbound", "go", "nothing of the container's passes without its bound"),
    order("limit-outbound", "go", "likewise"),
    order("await-go", "become-root", "without a map there is no root to become"),
    order("become-root", "make-private", "mounting needs CAP_SYS_ADMIN in the user namespace"),
    order("make-private", "attach-root", "an attached mount would propagate to the host"),
    order("make-private", "mount:", "a new mount would propagate to the host"),
    order("attach-root", "sever:/", "a copy is made private where it stands"),
    order("sever:/", "mount:", "a new mount would propagate to the host through the root's peer"),
    order("enter-base", "attach-root", "the root is attached in the container's own mount namespace"),
    order("enter-base", "mount:", "a new mount would stand in the host's mount namespace"),
    order("mount:", "enter-root", "targets are resolved beneath the root descriptor"),
    order("attach:", "enter-root", "targets are resolved beneath the root descriptor"),
    order("verify:", "enter-root", "a container whose read-only is not read-only is never entered"),
    order("enter-root", "change-dir", "a directory of the container, not of the base"),
    order("attach-root", "detach-below:", "what is detached is the copy below the container's root"),
    order("attach-root", "mount:", "every target is beneath the root"),
    order("detach-below:", "mount:", "the host's instance must not lie under the container's"),
    order(
        "mount:/proc",
        "pivot",
        "in a user namespace the kernel compares with a /proc that is still in view",
    ),
    order("mount:/sys", "pivot", "likewise for sysfs"),
    order("open-cgroup", "share", "what is of the host is done there"),
    order("mount:/dev/pts", "open-console", "a terminal is of an instance"),
    order("open-console", "take-terminal", "it is taken from where it was put"),
    order("open-console", "take-streams", "likewise"),
    order("open-console", "attach:/dev/console", "the mount is of the terminal's node"),
    order("open-console", "close-fds", "its other side goes to the launcher by a socket"),
    order("open-console", "drop-bounding", "giving it to a user needs CAP_CHOWN"),
    order("take-streams", "close-fds", "what is taken is a descriptor of the launcher's until then"),
    order("mount:/proc", "reset:", "the process is described in /proc"),
    order("reset:", "drop-bounding", "some of them need a capability of the caller's"),
    order("mount:/proc", "set-time", "the offsets are written there"),
    order("unshare-time", "set-time", "the offsets are those of the new namespace, never the host's"),
    order("unshare-time", "exec", "exec enters it"),
    order("mount:/dev", "node:", "nodes are made on the container's tmpfs, never on the host's /dev"),
    order("mount:/dev", "link:", "likewise"),
    order("mount:/sys", "mount-cgroup", "the mount point is a directory of sysfs"),
    order("mount:/sys", "clone-empty", "the directory is of the container's own sysfs, and has its flags"),
    order("clone-empty", "mount-cgroup", "what is mounted on the directory would be copied with it"),
    order("node:/dev/null", "hold:/dev/null", "what is held is the node that was just made"),
    order("attach:/dev/null", "hold:/dev/null", "likewise where it is the host's"),
    order("hold:/dev/null", "clone-cover:", "a covered file shows the container's own /dev/null"),
    order("hold:/dev/null", "clone-mask:", "a covered file shows the container's own /dev/null"),
    order("clone-empty", "cover:/proc/acpi", "a covered directory shows the kernel's own empty one"),
    order("mount:/dev", "hold:", "the container's own /dev, never the host's"),
    order("attach-root", "hide-state:", "it is in the tree that has just been attached"),
    order("attach-root", "mask:", "it is in that tree, or in one that is attached later"),
    order("cover:", "mask:", "a mask may be of what is covered read-only"),
    order("hide-state:", "ask-to-lock", "a cover that is not locked can be taken off"),
    order("hide-state:", "pivot", "covers are in place before anything else of the container runs"),
    order("hide-state:", "enter-root", "covers are in place before anything else of the container runs"),
    order("mask:", "pivot", "covers are in place before anything else of the container runs"),
    order("mask:", "enter-root", "covers are in place before anything else of the container runs"),
    order("clone-cover:", "pivot", "covers are in place before anything else of the container runs"),
    order("mount:/proc", "sysctl:", "a value is written on the container's own procfs, never the host's"),
    order("sysctl:", "cover:/proc/sys", "afterwards it is read-only"),
    order("mount:/proc", "clone-net-sysctls", "of the container's own procfs, never the host's"),
    order("clone-net-sysctls", "cover:/proc/sys", "a copy of what is read-only would be so, too"),
    order("cover:/proc/sys", "show-net-sysctls", "it stands on what covers the rest"),
    order("show-net-sysctls", "mask:", "what the document hides stays hidden"),
    order(
        "show-net-sysctls",
        "enter-root",
        "what is covered and what is not is settled before anything of the container's runs",
    ),
    order("seal-root", "verify:/", "what is read back is what was set"),
    order("verify:", "pivot", "a container whose read-only is not read-only is never entered"),
    order("attach:", "pivot", "targets are resolved beneath the root descriptor"),
    order("pivot", "detach-old-root", "the old root is stacked on the new one only after the pivot"),
    order("detach-old-root", "change-dir", "a directory of the container, not of the host"),
    order("detach-old-root", "set-uid", "unmounting needs CAP_SYS_ADMIN"),
    order("set-hostname", "drop-bounding", "needs CAP_SYS_ADMIN"),
    order("loopback-up", "set-uid", "needs CAP_NET_ADMIN"),
    order("set-limit", "set-uid", "raising needs CAP_SYS_RESOURCE"),
    order("new-session", "take-terminal", "only a session leader may take a terminal"),
    order("drop-bounding", "set-uid", "needs CAP_SETPCAP, which a change of user takes away"),
    order("set-groups", "set-gid", "needs CAP_SETGID"),
    order("set-gid", "set-uid", "needs CAP_SETGID, which a change of user takes away"),
    order("set-uid", "set-capabilities", "a change of user rewrites the sets"),
    order("clear-ambient", "exec", "ambient capabilities survive exec"),
    order("take-terminal", "close-fds", "terminal and streams are descriptors"),
    order("take-streams", "close-fds", "likewise"),
    order("close-fds", "change-dir", "a path of the container's may lead to whatever is open"),
    order("close-fds", "exec", "likewise: the program, and the interpreters that it names"),
    order("close-fds", "look-at-program", "likewise"),
    order("change-dir", "look-at-program", "a relative path begins in the working directory"),
    order(
        "look-at-program",
        "drop-bounding",
        "what the user may not read is read before the rights are gone",
    ),
    order("set-uid", "tie-to-launcher", "a change of user clears the parent-death signal"),
    order("set-capabilities", "seccomp", "capset is not needed after the filter"),
    order("no-new-privs", "seccomp", "without CAP_SYS_ADMIN a filter needs no_new_privs"),
    order(
        "filter:privileged",
        "drop-bounding",
        "without no_new_privs a filter needs CAP_SYS_ADMIN, which goes then",
    ),
    order("filter:privileged", "set-uid", "likewise: a change of user takes it away"),
    order("filter:privileged", "exec", "the first instruction of init is already filtered"),
    order("close-fds", "filter:privileged", "the filter need not allow what only the runtime uses"),
    order("close-fds", "seccomp", "the filter need not allow what only the runtime uses"),
    order("seccomp", "exec", "the first instruction of init is already filtered"),
];

/// Every constraint that `plan` breaks.
pub fn broken(plan: &Plan) -> Vec<String> {
    let before = plan.before.iter().map(|entry| entry.id.as_ref());
    let host: Vec<&str> = before.chain(plan.attend.iter().map(|entry| entry.id.as_ref())).collect();
    let child: Vec<&str> = plan.child.iter().map(|entry| entry.id.as_ref()).collect();
    let mut broken = Vec::new();
    for row in ORDERS {
        for list in [&host, &child] {
            let last = list.iter().rposition(|id| matches(id, row.before));
            let first = list.iter().position(|id| matches(id, row.after));
            if let (Some(last), Some(first)) = (last, first)
                && last > first
            {
                broken.push(format!("{} must stand before {}: {}", list[last], list[first], row.because));
            }
        }
    }
    broken
}

/// A row's name stands for a whole step name, or for all that begin with it and a colon or slash.
fn matches(id: &str, name: &str) -> bool {
    if name.ends_with(':') { id.starts_with(name) } else { id == name || id.starts_with(&format!("{name}:")) }
}
