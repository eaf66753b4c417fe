//! `<capabilities>`: one row for each of the kernel's.

use super::values::ON_OFF;
use super::{Content, Element, element, maybe, required};
use crate::value::Value;

/// Which capabilities the container keeps.
pub static CAPABILITIES: Element = Element {
    attributes: &[required("policy", Value::Choice(&["default", "allow", "deny"]))],
    content: Content::Children(&ROWS),
    doc: "which capabilities its processes may have",
    ..element("capabilities")
};

static STATE: &[super::Attribute] = &[required("state", ON_OFF)];

const fn capability(name: &'static str) -> Element {
    Element { attributes: STATE, doc: "a capability, by capabilities(7)", ..element(name) }
}

macro_rules! capabilities {
    ($($name:literal)*) => {
        static ELEMENTS: [Element; 41] = [$(capability($name),)*];
    };
}

// libvirt has no element for the last four, so a document cannot take them away or give them.
capabilities! {
    "audit_control" "audit_write" "block_suspend" "chown" "dac_override" "dac_read_search" "fowner" "fsetid"
    "ipc_lock" "ipc_owner" "kill" "lease" "linux_immutable" "mac_admin" "mac_override" "mknod" "net_admin"
    "net_bind_service" "net_broadcast" "net_raw" "setgid" "setfcap" "setpcap" "setuid" "sys_admin" "sys_boot"
    "sys_chroot" "sys_module" "sys_nice" "sys_pacct" "sys_ptrace" "sys_rawio" "sys_resource" "sys_time"
    "sys_tty_config" "syslog" "wake_alarm" "audit_read" "bpf" "checkpoint_restore" "perfmon"
}

static ROWS: [super::Child; 41] = {
    let mut rows = [maybe(&ELEMENTS[0]); 41];
    let mut at = 1;
    while at < rows.len() {
        rows[at] = maybe(&ELEMENTS[at]);
        at += 1;
    }
    rows
};
