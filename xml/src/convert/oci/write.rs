//! A domain as `config.json`.

use serde_json::{Map, Value, json};

use super::{ANNOTATION, write_linux};
use crate::convert::domain::place;
use crate::convert::{Converted, Findings, Place};
use crate::domain::{
    Account, Domain, FilesystemSource, HostdevKind, LifecycleAction, Origin, SeclabelKind, Sourced,
};
use crate::report::Code;
use crate::source::Source;
use crate::value::{Capability, RAM_MODE, quoted};

/// The `config.json` of a document of either dialect.
pub fn to_oci(source: &Source) -> Converted {
    let reading = crate::read(source);
    let Some(domain) = reading.domain else { return Converted::failed(source, reading.report) };
    let mut writer = Writer { domain: &domain, findings: Findings::of(source) };
    // What browndog cannot start, another runtime may: what has no words is said by the writer.
    for diagnostic in reading.report.diagnostics.into_iter().filter(|it| it.code != Code::CannotStart) {
        writer.findings.push(Place { source: 0, span: diagnostic.span }, diagnostic);
    }
    let config = writer.config();
    let findings = writer.findings;
    let text = (!findings.has_errors()).then(|| format!("{config:#}\n"));
    Converted { text, domain: Some(domain), reports: findings.sorted() }
}

/// The domain, and what of it has no words.
pub(super) struct Writer<'a> {
    pub(super) domain: &'a Domain,
    pub(super) findings: Findings,
}

impl Writer<'_> {
    pub(super) fn lost(&mut self, origin: Origin, path: &str, why: &str) {
        self.findings.lost(place(origin, self.domain), path, why);
    }

    fn config(&mut self) -> Value {
        let (root, mounts) = self.file_systems();
        let process = self.process();
        self.unsaid();
        let domain = self.domain;
        let mut config = json!({
            "ociVersion": "1.0.2",
            "hostname": domain.hostname.value.as_str(),
            "root": root,
            "process": process,
            "mounts": mounts,
            "linux": write_linux::linux(self),
        });
        let mut annotations = Map::new();
        let mut note = |name: &str, text: Option<String>| {
            if let Some(text) = text {
                let _none = annotations.insert(format!("{ANNOTATION}{name}"), text.into());
            }
        };
        note("uuid", domain.uuid.as_ref().map(|uuid| uuid.value.hyphenated().to_string()));
        note("title", domain.title.as_ref().map(|title| title.value.clone()));
        note("description", domain.description.as_ref().map(|description| description.value.clone()));
        if !annotations.is_empty() {
            config["annotations"] = annotations.into();
        }
        config
    }

    fn file_systems(&mut self) -> (Value, Vec<Value>) {
        let domain = self.domain;
        let root = domain.filesystems.iter().rfind(|filesystem| filesystem.target.value.as_str() == "/");
        let path = match root.map(|root| &root.source) {
            Some(FilesystemSource::Host(path)) => path.value.as_str(),
            _ => {
                let origin = root.map_or(domain.origin.origin, |root| root.origin);
                let message = "a bundle's root file system is a directory of the host";
                let help = "write <filesystem type='mount'> with <target dir='/'/>";
                self.findings.wrong(place(origin, domain), "/domain/devices/filesystem", message, help);
                ""
            }
        };
        let mut mounts = write_linux::kernel_mounts(domain);
        for filesystem in domain.filesystems.iter().filter(|it| it.target.value.as_str() != "/") {
            let target = filesystem.target.value.as_str();
            let access = if filesystem.readonly.is_some() { "ro" } else { "rw" };
            let bind = |source: &str| json!({"destination": target, "type": "bind", "source": source, "options": ["rbind", "rprivate", access]});
            match &filesystem.source {
                FilesystemSource::Host(source) => mounts.push(bind(source.value.as_str())),
                FilesystemSource::Container(source) => {
                    let inside = format!("{}{}", path.trim_end_matches('/'), source.value);
                    let how = "a directory of the container is bound by its path on the host: what is mounted over it inside does not show";
                    self.findings.otherwise(
                        place(source.origin, domain),
                        "/domain/devices/filesystem/source/@dir",
                        how,
                    );
                    mounts.push(bind(&inside));
                }
                FilesystemSource::Ram { bytes, options: own } => {
                    let own = own.as_deref().cloned().unwrap_or_default();
                    let mode = own.mode.map_or(RAM_MODE, |mode| mode.value);
                    let mut options =
                        vec!["nosuid".to_owned(), "nodev".to_owned(), format!("mode={mode:04o}")];
                    options.extend(own.half.is_none().then(|| format!("size={}", bytes.value)));
                    options.push(access.to_owned());
                    mounts.push(json!({
                        "destination": target, "type": "tmpfs", "source": "tmpfs", "options": options,
                    }));
                }
                FilesystemSource::Block(_) | FilesystemSource::Image { .. } => {
                    let why = format!(
                        "{target}: an image or block device is not mounted by an OCI runtime, which would have to be told its file system"
                    );
                    self.lost(filesystem.origin, "/domain/devices/filesystem", &why);
                }
            }
        }
        let readonly = root.is_some_and(|root| root.readonly.is_some());
        (json!({"path": path, "readonly": readonly}), mounts)
    }

    fn process(&mut self) -> Value {
        let domain = self.domain;
        let mut commands = domain.init.commands.iter();
        let command = commands.next();
        for other in commands {
            let why = format!("one program is started: {} is not", quoted(&other.program.value));
            self.lost(other.program.origin, "/domain/application", &why);
        }
        let args: Vec<&str> = command
            .into_iter()
            .flat_map(|command| std::iter::once(&command.program).chain(&command.args))
            .map(|word| word.value.as_str())
            .collect();
        let (uid, gid) = (self.account(&domain.init.user, "user"), self.account(&domain.init.group, "group"));
        let set: Vec<String> =
            self.capabilities().iter().map(|it| format!("CAP_{}", it.name().to_uppercase())).collect();
        let limit = |limit: &Sourced<(String, u64, u64)>| {
            let (name, soft, hard) = &limit.value;
            json!({"type": format!("RLIMIT_{}", name.to_uppercase()), "soft": soft, "hard": hard})
        };
        let mut process = json!({
            "terminal": !domain.consoles.is_empty(),
            "user": {"uid": uid, "gid": gid},
            "args": args,
            "env": environment(domain),
            "cwd": domain.init.dir.value.as_str(),
            "capabilities": {"bounding": set, "effective": set, "permitted": set},
            "noNewPrivileges": domain.extension.no_new_privs.as_ref().is_none_or(|privs| privs.value),
            "rlimits": domain.extension.rlimits.iter().map(limit).collect::<Vec<_>>(),
        });
        if let Some(umask) = &domain.extension.umask {
            process["user"]["umask"] = umask.value.into();
        }
        if !domain.extension.groups.is_empty() {
            process["user"]["additionalGids"] = domain.extension.groups.iter().map(|it| it.value).collect();
        }
        for seclabel in &domain.seclabels {
            let model = seclabel.model.as_ref().map_or("", |model| model.value.as_str());
            let key = match (seclabel.kind, model) {
                (SeclabelKind::None, _) => continue,
                (SeclabelKind::Static, "apparmor") => "apparmorProfile",
                (SeclabelKind::Static, "selinux") => "selinuxLabel",
                _ => {
                    self.lost(
                        seclabel.origin,
                        "/domain/seclabel",
                        "only a static label of apparmor or selinux can be given",
                    );
                    continue;
                }
            };
            if let Some(label) = seclabel.label.as_ref().filter(|label| label.value != "unconfined") {
                process[key] = label.value.as_str().into();
            }
        }
        process
    }

    /// An id. A name would have to be looked up in the container, and root in its place is more than
    /// was asked for: an error.
    fn account(&mut self, account: &Option<Sourced<Account>>, what: &str) -> u32 {
        match account.as_ref().map(|account| (&account.value, account.origin)) {
            None => 0,
            Some((Account::Id(id), _)) => *id,
            Some((Account::Name(name), _)) if name == "root" => 0,
            Some((Account::Name(name), origin)) => {
                let message =
                    format!("the {what} {} is a name: an OCI runtime does not look it up", quoted(name));
                let path = format!("/domain/os/init{what}");
                self.findings.wrong(place(origin, self.domain), path, message, "write '+' and its number");
                0
            }
        }
    }

    fn capabilities(&self) -> Vec<Capability> {
        let kept = self.domain.capabilities_kept(Capability::mask(&Capability::ALL));
        Capability::ALL.into_iter().filter(|capability| kept & (1 << capability.number()) != 0).collect()
    }

    /// What a bundle has no words for at all.
    fn unsaid(&mut self) {
        let domain = self.domain;
        for interface in &domain.interfaces {
            let why = "an OCI runtime makes no links: they are for the engine above it";
            self.lost(interface.origin, "/domain/devices/interface", why);
        }
        for hostdev in &domain.hostdevs {
            let why = match hostdev.kind {
                HostdevKind::Net { .. } => {
                    "an interface of the host is moved by the engine above an OCI runtime"
                }
                _ => "a device is given by its number, which only the host knows",
            };
            self.lost(hostdev.origin, "/domain/devices/hostdev", why);
        }
        for disk in &domain.disks {
            self.lost(
                disk.origin,
                "/domain/devices/disk",
                "a device is given by its number, which only the host knows",
            );
        }
        for console in domain.consoles.iter().skip(1) {
            self.lost(console.origin, "/domain/devices/console", "there is one terminal");
        }
        for tty in domain.consoles.iter().filter_map(|console| console.tty.as_ref()) {
            self.lost(tty.origin, "/domain/devices/console/@tty", "the terminal is the runtime's own");
        }
        for server in &domain.nameservers {
            self.lost(
                server.origin,
                "/domain/nameserver",
                "the engine above an OCI runtime writes resolv.conf",
            );
        }
        for device in &domain.clock_devices {
            self.lost(
                device.origin,
                "/domain/clock/timer",
                "a device is given by its number, which only the host knows",
            );
        }
        let life = &domain.lifecycle;
        for (name, action, default) in [
            ("on_poweroff", &life.on_poweroff, LifecycleAction::Destroy),
            ("on_reboot", &life.on_reboot, LifecycleAction::Destroy),
            ("on_crash", &life.on_crash, LifecycleAction::Destroy),
        ] {
            if matches!(action.origin, Origin::Xml(_)) && action.value != default {
                let why = format!(
                    "<{name}>: what happens when a container ends is for the engine above an OCI runtime"
                );
                self.lost(action.origin, &format!("/domain/{name}"), &why);
            }
        }
        if domain.extension.seccomp.as_ref().is_none_or(|filter| filter.value) {
            let origin =
                domain.extension.seccomp.as_ref().map_or(domain.origin.origin, |filter| filter.origin);
            let why = "the default system call filter is not written: without linux.seccomp a runtime uses none, or its own";
            self.lost(origin, "/domain/seccomp", why);
        }
        for family in &domain.extension.families {
            let why = "the families of sockets that a container may make are part of the filter, which is not written";
            self.lost(family.origin, "/domain/socket", why);
        }
        if let Some(system) = &domain.extension.system {
            let why = "what a whole system gets is written as capabilities by name";
            self.lost(system.origin, "/domain/system", why);
        }
        for sentence in &domain.unsupported {
            self.lost(sentence.origin, "/domain", &sentence.value.clone());
        }
    }
}

/// libvirt's contract, then the document's own variables.
fn environment(domain: &Domain) -> Vec<String> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| {
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value.to_owned()));
    };
    set("PATH", super::PATH);
    set("TERM", "linux");
    set("container", "lxc-libvirt");
    set("LIBVIRT_LXC_NAME", domain.name.value.as_str());
    if let Some(uuid) = &domain.uuid {
        let uuid = uuid.value.hyphenated().to_string();
        set("container_uuid", &uuid);
        set("LIBVIRT_LXC_UUID", &uuid);
    }
    for variable in &domain.init.env {
        set(&variable.value.0, &variable.value.1);
    }
    variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}
