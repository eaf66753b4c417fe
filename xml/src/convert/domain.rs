//! A domain as a document of the `lxc` dialect.

use super::devices::devices;
use super::element::{Element, Place};
use super::{Findings, Source};
use crate::domain::{
    Account, Capabilities, CapabilityPolicy, ClockDevice, Domain, FilesystemSource, IdRange, LifecycleAction,
    NumaMode, Origin, RamOptions, SeclabelKind, ShareTarget, Sourced,
};
use crate::schema::Namespace;
use crate::value::Hostname;

/// Where a part was written, for what is said about it.
pub(super) fn place(origin: Origin, domain: &Domain) -> Place {
    Place { source: 0, span: domain.span_of(origin).unwrap_or_default() }
}

/// The document. What the dialect cannot say goes to `findings`.
pub(super) fn document(domain: &Domain, findings: &mut Findings) -> Element {
    let mut root = Element::new("domain").with("type", "lxc").from(domain.origin.origin);
    if !domain.share_is_empty() {
        root = root.with("xmlns:lxc", Namespace::LXC_URI);
    }
    let name = &domain.name;
    root.children.push(Element::text("name", &name.value).from(name.origin));
    if let Some(uuid) = &domain.uuid {
        root.children.push(Element::text("uuid", uuid.value.hyphenated()).from(uuid.origin));
    }
    for (element, text) in [("title", &domain.title), ("description", &domain.description)] {
        if let Some(text) = text {
            root.children.push(Element::text(element, &text.value).from(text.origin));
        }
    }
    memory(domain, &mut root, findings);
    cpu(domain, &mut root);
    tuning(domain, &mut root);
    if matches!(domain.partition.origin, Origin::Xml(_)) {
        let partition = Element::text("partition", &domain.partition.value);
        root.children.push(Element::new("resource").holding(partition).from(domain.partition.origin));
    }
    if let Some(map) = &domain.idmap {
        let ranges = |name: &'static str, ranges: &[Sourced<IdRange>]| {
            ranges.iter().map(|range| id_range(name, range)).collect::<Vec<_>>()
        };
        let mut element = Element::new("idmap").from(map.origin);
        element.children.extend(ranges("uid", &map.uid));
        element.children.extend(ranges("gid", &map.gid));
        root.children.push(element);
    }
    root.children.push(os(domain, findings));
    root.push_filled(features(domain));
    if let Some(first) = domain.clock_devices.first() {
        let mut clock = Element::new("clock").with("offset", "localtime").from(first.origin);
        for device in &domain.clock_devices {
            let name = match device.value {
                ClockDevice::Rtc => "rtc",
                ClockDevice::Hpet => "hpet",
            };
            clock.children.push(Element::new("timer").with("name", name).from(device.origin));
        }
        root.children.push(clock);
    }
    let life = &domain.lifecycle;
    for (name, action) in
        [("on_poweroff", &life.on_poweroff), ("on_reboot", &life.on_reboot), ("on_crash", &life.on_crash)]
    {
        if matches!(action.origin, Origin::Xml(_)) {
            let text = match action.value {
                LifecycleAction::Destroy => "destroy",
                LifecycleAction::Restart => "restart",
                LifecycleAction::Preserve => "preserve",
            };
            root.children.push(Element::text(name, text).from(action.origin));
        }
    }
    root.push_filled(devices(domain, findings));
    seclabels(domain, &mut root);
    share(domain, &mut root);
    extension(domain, &mut root);
    root
}

fn id_range(name: &'static str, range: &Sourced<IdRange>) -> Element {
    let IdRange { start, target, count } = range.value;
    Element::new(name).with("start", start).with("target", target).with("count", count).from(range.origin)
}

fn kib(name: &'static str, size: &Sourced<u64>) -> Element {
    Element::text(name, size.value.div_ceil(1024)).with("unit", "KiB").from(size.origin)
}

/// What libvirt takes for no limit: 2^53 - 1 KiB.
pub(super) const UNLIMITED_KIB: u64 = (1 << 53) - 1;

fn memory(domain: &Domain, root: &mut Element, findings: &mut Findings) {
    let memory = &domain.memory;
    match &memory.maximum {
        Some(maximum) => root.children.push(kib("memory", maximum)),
        None => {
            let place = place(domain.origin.origin, domain);
            findings.otherwise(
                place,
                "/domain/memory",
                "no limit of memory is written, and the lxc dialect needs one: the largest there is stands for none",
            );
            root.children.push(Element::text("memory", UNLIMITED_KIB).with("unit", "KiB"));
        }
    }
    if let Some(current) = &memory.current
        && memory.maximum.as_ref() != Some(current)
    {
        root.children.push(kib("currentMemory", current));
    }
    let mut tune = Element::new("memtune");
    let limit = memory.limit.as_ref().filter(|limit| memory.maximum.as_ref() != Some(limit));
    for (name, size) in [
        ("hard_limit", limit),
        ("soft_limit", memory.soft.as_ref()),
        ("swap_hard_limit", memory.memory_and_swap.as_ref()),
    ] {
        tune.children.extend(size.map(|size| kib(name, size)));
    }
    root.push_filled(tune);
}

fn cpu(domain: &Domain, root: &mut Element) {
    let cpu = &domain.cpu;
    if cpu.cpuset.is_some() || matches!(cpu.count.origin, Origin::Xml(_)) {
        let set = cpu.cpuset.as_ref().map(|set| &set.value);
        let origin = cpu.cpuset.as_ref().map_or(cpu.count.origin, |set| set.origin);
        root.children.push(Element::text("vcpu", cpu.count.value).with_some("cpuset", set).from(origin));
    }
    let mut tune = Element::new("cputune");
    let mut add = |name, value: Option<(String, Origin)>| {
        tune.children.extend(value.map(|(value, origin)| Element::text(name, value).from(origin)));
    };
    add("shares", cpu.shares.as_ref().map(|it| (it.value.to_string(), it.origin)));
    add("period", cpu.period_us.as_ref().map(|it| (it.value.to_string(), it.origin)));
    add("quota", cpu.quota_us.as_ref().map(|it| (it.value.to_string(), it.origin)));
    root.push_filled(tune);
}

fn tuning(domain: &Domain, root: &mut Element) {
    if let Some(numa) = &domain.numa {
        let mode = match numa.mode.value {
            NumaMode::Strict => "strict",
            NumaMode::Preferred => "preferred",
            NumaMode::Interleave => "interleave",
            NumaMode::Restrictive => "restrictive",
        };
        let memory = Element::new("memory").with("mode", mode).from(numa.mode.origin);
        let memory = match &numa.nodes {
            Some(nodes) => memory.with("nodeset", &nodes.value).from(nodes.origin),
            None => memory.with("placement", "auto"),
        };
        root.children.push(Element::new("numatune").holding(memory));
    }
    let mut blkio = Element::new("blkiotune");
    let weight = |weight: &Sourced<u16>| Element::text("weight", weight.value).from(weight.origin);
    blkio.children.extend(domain.blkio.weight.as_ref().map(weight));
    for device in &domain.blkio.devices {
        let mut element = Element::new("device").from(device.path.origin);
        element.children.push(Element::text("path", &device.path.value).from(device.path.origin));
        element.children.extend(device.weight.as_ref().map(weight));
        for (name, limit) in [
            ("read_iops_sec", &device.read_iops_sec),
            ("write_iops_sec", &device.write_iops_sec),
            ("read_bytes_sec", &device.read_bytes_sec),
            ("write_bytes_sec", &device.write_bytes_sec),
        ] {
            element
                .children
                .extend(limit.as_ref().map(|limit| Element::text(name, limit.value).from(limit.origin)));
        }
        blkio.children.push(element);
    }
    root.push_filled(blkio);
}

fn account(account: &Account) -> String {
    match account {
        Account::Name(name) => name.clone(),
        Account::Id(id) => format!("+{id}"),
    }
}

fn os(domain: &Domain, findings: &mut Findings) -> Element {
    let mut os = Element::new("os");
    let kind = Element::text("type", "exe");
    os.children.push(match &domain.arch {
        Some(arch) => kind.with("arch", &arch.value).from(arch.origin),
        None => kind,
    });
    let mut commands = domain.init.commands.iter();
    if let Some(command) = commands.next() {
        let program = &command.program;
        os.place = Element::default().from(program.origin).place;
        if program.value.starts_with('/') {
            os.children.push(Element::text("init", &program.value).from(program.origin));
        } else {
            let how = format!(
                "<init> needs an absolute path: /usr/bin/env looks {} up in the container's PATH",
                crate::value::quoted(&program.value)
            );
            findings.otherwise(place(program.origin, domain), "/domain/os/init", how);
            os.children.push(Element::text("init", "/usr/bin/env").from(program.origin));
            os.children.push(Element::text("initarg", &program.value).from(program.origin));
        }
        os.children
            .extend(command.args.iter().map(|arg| Element::text("initarg", &arg.value).from(arg.origin)));
    }
    for command in commands {
        let program = &command.program;
        let why = format!(
            "the lxc dialect has one program: {} is not started",
            crate::value::quoted(&program.value)
        );
        findings.lost(place(program.origin, domain), "/domain/application", why);
    }
    let init = &domain.init;
    for variable in &init.env {
        let (name, value) = &variable.value;
        os.children.push(Element::text("initenv", value).with("name", name).from(variable.origin));
    }
    if matches!(init.dir.origin, Origin::Xml(_)) {
        os.children.push(Element::text("initdir", &init.dir.value).from(init.dir.origin));
    }
    for (name, who) in [("inituser", &init.user), ("initgroup", &init.group)] {
        os.children.extend(who.as_ref().map(|who| Element::text(name, account(&who.value)).from(who.origin)));
    }
    os
}

fn features(domain: &Domain) -> Element {
    let mut features = Element::new("features");
    if let Some(origin) = domain.private_network {
        features.children.push(Element::new("privnet").from(origin));
    }
    let Capabilities { policy, overrides } = &domain.capabilities;
    if !overrides.is_empty() || policy.value != CapabilityPolicy::Default {
        let word = match policy.value {
            CapabilityPolicy::Default => "default",
            CapabilityPolicy::Allow => "allow",
            CapabilityPolicy::Deny => "deny",
        };
        let mut element = Element::new("capabilities").with("policy", word).from(policy.origin);
        for rule in overrides {
            let (capability, on) = rule.value;
            let state = if on { "on" } else { "off" };
            element.children.push(Element::new(capability.name()).with("state", state).from(rule.origin));
        }
        features.children.push(element);
    }
    features
}

fn seclabels(domain: &Domain, root: &mut Element) {
    let mut unlabelled = false;
    for seclabel in &domain.seclabels {
        let kind = match seclabel.kind {
            SeclabelKind::Dynamic => "dynamic",
            SeclabelKind::Static => "static",
            SeclabelKind::None => "none",
        };
        let none = seclabel.kind == SeclabelKind::None;
        if none && std::mem::replace(&mut unlabelled, true) {
            // Twice no label is no label.
            continue;
        }
        let model = seclabel.model.as_ref().map(|model| model.value.as_str()).or(none.then_some("none"));
        let mut element =
            Element::new("seclabel").with("type", kind).with_some("model", model).from(seclabel.origin);
        element.children.extend(
            seclabel.label.as_ref().map(|label| Element::text("label", &label.value).from(label.origin)),
        );
        root.children.push(element);
    }
}

fn share(domain: &Domain, root: &mut Element) {
    let mut element = Element::new("lxc:namespace");
    for (name, target) in [
        ("lxc:sharenet", &domain.share.net),
        ("lxc:shareipc", &domain.share.ipc),
        ("lxc:shareuts", &domain.share.uts),
    ] {
        let Some(target) = target else { continue };
        let (kind, value) = match &target.value {
            ShareTarget::Name(name) => ("name", name.clone()),
            ShareTarget::Pid(pid) => ("pid", pid.to_string()),
            ShareTarget::NetNs(name) => ("netns", name.clone()),
        };
        element.children.push(Element::new(name).with("type", kind).with("value", value).from(target.origin));
    }
    root.push_filled(element);
}

fn extension(domain: &Domain, root: &mut Element) {
    let mut own = Vec::new();
    let hostname = &domain.hostname;
    if Hostname::from_domain_name(domain.name.value.as_str()).as_ref() != Some(&hostname.value) {
        own.push(Element::text("browndog:hostname", &hostname.value).from(hostname.origin));
    }
    let extension = &domain.extension;
    if let Some(filter) = &extension.seccomp {
        let profile = if filter.value { "default" } else { "none" };
        own.push(Element::new("browndog:seccomp").with("profile", profile).from(filter.origin));
    }
    for family in &extension.families {
        own.push(Element::new("browndog:socket").with("family", family.value.name()).from(family.origin));
    }
    if let Some(system) = &extension.system {
        let state = if system.value { "on" } else { "off" };
        own.push(Element::new("browndog:system").with("state", state).from(system.origin));
    }
    let state = |name: &'static str, state: &Sourced<bool>| {
        let value = if state.value { "on" } else { "off" };
        Element::new(name).with("state", value).from(state.origin)
    };
    own.extend(extension.no_new_privs.as_ref().map(|privs| state("browndog:no_new_privs", privs)));
    own.extend(extension.init.as_ref().map(|init| state("browndog:init", init)));
    for filesystem in &domain.filesystems {
        if let FilesystemSource::Ram { options: Some(options), .. } = &filesystem.source
            && let RamOptions { mode, half } = &**options
            && let Some(origin) = mode.as_ref().map(|mode| mode.origin).or(*half)
        {
            let element = Element::new("browndog:ram").with("target", &filesystem.target.value);
            let mode = mode.as_ref().map(|mode| format!("{:04o}", mode.value));
            let element = element.with_some("mode", mode).with_some("size", half.map(|_| "half"));
            own.push(element.from(origin));
        }
    }
    for filesystem in &domain.filesystems {
        if let Some(origin) = filesystem.optional.as_deref().copied() {
            let element = Element::new("browndog:optional").with("target", &filesystem.target.value);
            own.push(element.from(origin));
        }
    }
    if let Some(umask) = &extension.umask {
        let mask = format!("{:03o}", umask.value);
        own.push(Element::new("browndog:umask").with("mask", mask).from(umask.origin));
    }
    for group in &extension.groups {
        own.push(Element::new("browndog:group").with("id", group.value).from(group.origin));
    }
    for limit in &extension.rlimits {
        let (name, soft, hard) = &limit.value;
        let value = |limit: u64| if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() };
        let element = Element::new("browndog:rlimit").with("name", name);
        own.push(element.with("soft", value(*soft)).with("hard", value(*hard)).from(limit.origin));
    }
    for parameter in &extension.sysctls {
        let (name, value) = &parameter.value;
        own.push(
            Element::new("browndog:sysctl").with("name", name).with("value", value).from(parameter.origin),
        );
    }
    for mask in &extension.masks {
        own.push(Element::new("browndog:mask").with("path", &mask.value).from(mask.origin));
    }
    if let Some(time) = &extension.time {
        let (monotonic, boottime) = time.value;
        let element = Element::new("browndog:time").with("monotonic", monotonic).with("boottime", boottime);
        own.push(element.from(time.origin));
    }
    if matches!(domain.pids.origin, Origin::Xml(_)) {
        own.push(Element::new("browndog:pids").with("limit", domain.pids.value).from(domain.pids.origin));
    }
    for server in &domain.nameservers {
        own.push(Element::new("browndog:nameserver").with("address", server.value).from(server.origin));
    }
    declare_extension(root, own);
}

/// Adds elements of browndog's own namespace, and declares it where there are any.
pub(super) fn declare_extension(root: &mut Element, own: Vec<Element>) {
    if !own.is_empty() {
        root.attributes.push(("xmlns:browndog", Namespace::BROWNDOG_URI.to_owned()));
        root.children.extend(own);
    }
}

impl Domain {
    fn share_is_empty(&self) -> bool {
        self.share.net.is_none() && self.share.ipc.is_none() && self.share.uts.is_none()
    }
}

/// The domain in the `lxc` dialect, and what is not in it.
pub(super) fn written(source: &Source, domain: &Domain) -> (Element, Findings) {
    let mut findings = Findings::of(source);
    let root = document(domain, &mut findings);
    (root, findings)
}
