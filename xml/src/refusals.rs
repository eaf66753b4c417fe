//! What a document may rightly say and no start can give, on whatever machine: one list, for `validate` and `convert`,
//! which warn of it, and for `plan` and `run`, which refuse it.

use crate::codes::Code;
use crate::domain::{DiskSource, Domain, Filesystem, FilesystemSource, HostdevKind, Origin, SeclabelKind};
use crate::report::{Diagnostic, Report};

/// One reason why a start is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Who asks for it.
    pub origin: Origin,
    /// The element or attribute, like `/domain/seclabel`.
    pub path: &'static str,
    /// What cannot be had, and why.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Whether reading the document has said it already.
    said: bool,
}

/// Everything in `domain` for which every start is refused.
pub fn always(domain: &Domain) -> Vec<Refusal> {
    let mut found: Vec<Refusal> = Vec::new();
    let mut add = |origin, path, message: String, help: &str| {
        found.push(Refusal { origin, path, message, help: help.to_owned(), said: false });
    };
    for label in domain.seclabels.iter().filter(|label| label.kind != SeclabelKind::None) {
        let message = "a security label is not set: neither SELinux nor AppArmor is driven here";
        let help = "write <seclabel type='none'/>: capabilities, the system call filter and the namespaces confine \
                    the container without one";
        add(label.origin, "/domain/seclabel", message.to_owned(), help);
    }
    for disk in &domain.disks {
        if let DiskSource::Image(file) = &disk.source {
            let message =
                format!("{} cannot be given as a disk: an image has no device node of its own", file.value);
            let help = "mount it with <filesystem type='file'>, or attach it to a loop device (losetup(8)) and give that \
                        with <disk type='block'>";
            add(file.origin, "/domain/devices/disk", message, help);
        }
    }
    let hidden = Hidden::of(domain);
    for filesystem in &domain.filesystems {
        if let Some((origin, path, message, help)) = filesystem_refused(&hidden, filesystem) {
            add(origin, path, message, help);
        }
    }
    for sysctl in &domain.extension.sysctls {
        let name = &sysctl.value.0;
        // Without root the container has a user namespace also where the document says nothing of one.
        if let Some(reason) = machine_wide(domain, name, true) {
            let message = format!("{name} cannot be set: {reason}");
            add(sysctl.origin, "/domain/sysctl", message, NAMESPACED);
        }
    }
    for reason in &domain.unsupported {
        let (origin, message) = (reason.origin, reason.value.clone());
        let help = "remove the element, or use what the message names".to_owned();
        found.push(Refusal { origin, path: "/domain", message, help, said: true });
    }
    found
}

/// Warns of what reading has not said yet.
pub(crate) fn warn(domain: &Domain, report: &mut Report) {
    let mut any = false;
    for refusal in always(domain).into_iter().filter(|refusal| !refusal.said) {
        let Some(span) = domain.span_of(refusal.origin) else { continue };
        let warning = Diagnostic::warning(Code::CannotStart, span, refusal.message);
        report.push(warning.path(refusal.path).help(refusal.help));
        any = true;
    }
    if any {
        report.sort();
    }
}

/// What a container may have of the kernel's parameters.
pub const NAMESPACED: &str = "a container has its own kernel.shm*, kernel.msg*, kernel.sem, kernel.domainname, fs.mqueue.*, \
                              user.* with <idmap>, and net.* with a network of its own";

/// Why a kernel parameter is not the container's to set; `user_namespace`: whether it has one of its own.
pub fn machine_wide(domain: &Domain, name: &str, user_namespace: bool) -> Option<&'static str> {
    let begins = |list: &[&str]| list.iter().any(|prefix| name.starts_with(prefix));
    if name == "kernel.hostname" {
        return Some("the document has a host name of its own");
    }
    if begins(&["net."]) {
        return (!own_network(domain)).then_some("the network is the host's");
    }
    if begins(&["kernel.shm", "kernel.msg", "fs.mqueue."]) || name == "kernel.sem" {
        return domain.share.ipc.as_ref().map(|_| "the IPC namespace is another's");
    }
    if name == "kernel.domainname" {
        return domain.share.uts.as_ref().map(|_| "the UTS namespace is another's");
    }
    if begins(&["user."]) && user_namespace {
        return None;
    }
    Some("it is the whole machine's")
}

/// Whether the container gets a network namespace of its own.
pub fn own_network(domain: &Domain) -> bool {
    let moved = || domain.hostdevs.iter().any(|hostdev| matches!(hostdev.kind, HostdevKind::Net { .. }));
    let links = !domain.interfaces.is_empty() || moved();
    domain.share.net.is_none() && (domain.private_network.is_some() || links)
}

/// File systems that the kernel makes for every container.
const KERNELS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The parts of a path that mean something; `None` where it goes up again, and may be anywhere.
fn parts(path: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.contains(&"..")).then_some(parts)
}

/// The paths that the document hides, in the order of their bytes, and as they are written: no mount is compared with all.
struct Hidden<'a>(Vec<(String, &'a str)>);

impl<'a> Hidden<'a> {
    fn of(domain: &'a Domain) -> Self {
        let masks = domain.extension.masks.iter().map(|mask| mask.value.as_str());
        let mut all: Vec<_> =
            masks.filter_map(|mask| Some((["/", &parts(mask)?.join("/")].concat(), mask))).collect();
        all.sort_unstable();
        Self(all)
    }

    /// One that is `path`, or below it.
    fn below(&self, path: &str) -> Option<&'a str> {
        let from = |first: &str| self.0.get(self.0.partition_point(|(hidden, _)| hidden.as_str() < first));
        let dir = [path, "/"].concat();
        let same = from(path).filter(|(hidden, _)| hidden == path);
        same.or_else(|| from(&dir).filter(|(hidden, _)| hidden.starts_with(&dir)))
            .map(|(_, written)| *written)
    }
}

type Refused = (Origin, &'static str, String, &'static str);

fn filesystem_refused(hidden: &Hidden<'_>, filesystem: &Filesystem) -> Option<Refused> {
    const SOURCE: &str = "/domain/devices/filesystem/source";
    const TARGET: &str = "/domain/devices/filesystem/target/@dir";
    let target = &filesystem.target;
    let parts = parts(target.value.as_str())?;
    let shown = ["/", &parts.join("/")].concat();
    if parts.is_empty() {
        let (origin, what) = match &filesystem.source {
            FilesystemSource::Ram { bytes, .. } => (bytes.origin, "type='ram': it would be empty"),
            FilesystemSource::Container(path) => {
                (path.origin, "type='bind': its source is inside the container")
            }
            _ => return None,
        };
        let message = format!("the root file system cannot be of {what}");
        let help = "use type='mount', 'block' or 'file' for <target dir='/'>";
        return Some((origin, SOURCE, message, help));
    }
    let kernel = KERNELS.into_iter().find(|kernel| kernel[1..] == *parts[0])?;
    if parts.len() == 1 {
        let message = format!("nothing can be mounted on {kernel}: every container has its own");
        let help = match kernel {
            "/dev" => {
                "remove it; <hostdev> names devices, and what is mounted on a place below /dev stays possible"
            }
            _ => "remove it; what is mounted on a file or directory below it stays possible",
        };
        return Some((target.origin, TARGET, message, help));
    }
    if parts[..2] == ["dev", "pts"] && parts.len() > 2 {
        let message = format!(
            "nothing can be mounted on {shown}: in /dev/pts are terminals, and nothing can be made there"
        );
        return Some((target.origin, TARGET, message, "name a place elsewhere below /dev"));
    }
    let mask = hidden.below(&shown)?;
    let message = format!("a mount on {shown} would be in the way of the mask of {mask}");
    let help = "remove the one or the other: the mask hides what the kernel has there";
    Some((target.origin, TARGET, message, help))
}
