//! `host`: what this machine can do, with consequence and fix.

use std::fs;
use std::path::Path;

use browndog_runtime::base;
use browndog_runtime::host::{Cgroups, Host};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::exit::Status;
use crate::out::printing;

/// Show what this machine can do, and what follows from what it cannot.
#[derive(Debug, Args)]
#[command(after_help = "\
The base: starts copy the launcher's table of mounts, and cost more the more the host has mounted.
'--base make' pins an empty mount namespace at /run/browndog-base, from which a container with a root
file system of its own starts at the same cost whatever the host has mounted. With it, where the kernel
has such programs, it pins the device policy that most containers have in control groups of version 2:
a start attaches it and need not load it. Both are mounts of the host and stay until '--base remove' or
the next boot. '--base make' adds to the base of another version what this one has.

Examples:
  browndog host                     what this machine can do
  browndog host --base make         as root: constant-time starts

Exit status: 0 shown or done, 1 the base could not be made or removed, 2 usage.")]
pub(crate) struct HostArgs {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Pin the base mount namespace and the device policy, or take them away.
    #[arg(long, value_enum, value_name = "ACTION")]
    base: Option<BaseAction>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BaseAction {
    /// Pin what is not there.
    Make,
    /// Take all away; running containers are not touched.
    Remove,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line a fact, with consequence and fix below.
    Human,
    /// One JSON document.
    Json,
}

/// One fact about the machine.
#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
    /// What cannot be had because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    consequence: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'static str>,
}

impl Fact {
    fn good(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), consequence: None, fix: None }
    }
    /// A fact with a consequence, where `lacking`.
    fn unless(
        lacking: bool,
        name: &'static str,
        value: impl Into<String>,
        (consequence, fix): (&'static str, &'static str),
    ) -> Self {
        let fact = Self::good(name, value);
        if lacking { Self { consequence: Some(consequence), fix: Some(fix), ..fact } } else { fact }
    }
}

impl HostArgs {
    pub(crate) fn perform(self) -> Status {
        if let Some(action) = self.base {
            return change_base(action);
        }
        let host = Host::probe();
        let mut facts = vec![kernel(&host), caller(&host), user_namespaces(), cgroups(&host)];
        facts.push(base_namespace());
        facts.extend([security_modules(), seccomp(), kvm(), terminals()]);
        let text = match self.format {
            Format::Human => facts.iter().map(lines).collect(),
            Format::Json => format!("{}\n", serde_json::json!({"host": host, "facts": facts})),
        };
        printing(|out| out.write_all(text.as_bytes()).map(|()| Status::DONE))
    }
}

fn change_base(action: BaseAction) -> Status {
    let done = match action {
        BaseAction::Make => base::make(),
        BaseAction::Remove => base::remove(),
    };
    match done {
        Ok(()) => Status::DONE,
        Err((what, errno)) => {
            crate::out::complain(&format!("cannot {what} ({}): {errno}", base::PATH), Some("it needs root"));
            Status::FAILED
        }
    }
}

fn base_namespace() -> Fact {
    let pinned = base::open().is_some();
    let value = match (pinned, base::has_policy()) {
        (false, _) => "not pinned".to_owned(),
        (true, false) => format!("{}, without a device policy", base::PATH),
        (true, true) => format!("{}, and {}", base::PATH, base::POLICY),
    };
    let consequence = "a start copies the host's table of mounts and costs more the longer that is";
    Fact::unless(!pinned, "base namespace", value, (consequence, "browndog host --base make"))
}

fn lines(fact: &Fact) -> String {
    let line = |word: &str, text: Option<&str>| {
        text.map_or(String::new(), |text| format!("{:18}{word}: {text}\n", ""))
    };
    let (consequence, fix) = (line("so", fact.consequence), line("fix", fact.fix));
    format!("{:<17} {}\n{consequence}{fix}", fact.name, fact.value)
}

/// A file's content without the last line end; nothing where it cannot be read.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim_end().to_owned()
}

fn kernel(host: &Host) -> Fact {
    let release = read("/proc/sys/kernel/osrelease");
    let (name, value) = ("kernel", format!("{release}, {}", host.machine));
    if !host.at_least(5, 7) {
        return Fact::unless(
            true,
            name,
            value,
            ("no clone into a cgroup: not supported", "Linux 5.7 or newer"),
        );
    }
    Fact::unless(
        !host.at_least(5, 12),
        name,
        value,
        (
            "read-only trees are restricted mount by mount, and there are no idmapped mounts",
            "Linux 5.12 or newer",
        ),
    )
}

fn caller(host: &Host) -> Fact {
    let kind = if host.rootless { "without privilege" } else { "privileged" };
    Fact::unless(
        host.rootless,
        "caller",
        format!("uid {}, {kind}", host.uid),
        (
            "containers run in a user namespace of yours: no limits, no interface on a bridge, one user id",
            "start as root",
        ),
    )
}

fn user_namespaces() -> Fact {
    let most = read("/proc/sys/user/max_user_namespaces");
    let off = |path: &str, value: &str| read(path) == value;
    let name = "user namespaces";
    let none = "no <idmap>, and no container without root";
    if off("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        let fix = "sysctl kernel.unprivileged_userns_clone=1";
        return Fact::unless(true, name, "forbidden to plain users by sysctl", (none, fix));
    }
    if off("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        let fix =
            "an AppArmor profile with `userns,`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0";
        return Fact::unless(true, name, "restricted for plain users by AppArmor", (none, fix));
    }
    let lacking = most == "0" || !Path::new("/proc/self/ns/user").exists();
    let value = if lacking { "none".to_owned() } else { format!("at most {most}") };
    Fact::unless(lacking, name, value, (none, "sysctl user.max_user_namespaces=15000"))
}

fn cgroups(host: &Host) -> Fact {
    let name = "control groups";
    match &host.cgroups {
        Cgroups::V2 { root, controllers } => {
            let value = format!("v2 at {root}: {}", controllers.join(" "));
            let lacking =
                !["cpu", "memory", "pids"].iter().all(|wanted| controllers.iter().any(|one| one == wanted));
            let consequence = "limits of a controller that is not there are refused";
            Fact::unless(
                lacking,
                name,
                value,
                (consequence, "write +cpu +memory +pids to cgroup.subtree_control"),
            )
        }
        Cgroups::V1 { controllers, unified } => {
            let names: Vec<&str> = controllers.iter().map(|(name, _)| name.as_str()).collect();
            let layout = if unified.is_some() { "hybrid" } else { "v1" };
            let value = format!("{layout}: {}", names.join(" "));
            let consequence = "no delegation to the container, and ending all processes at once takes longer";
            Fact::unless(
                true,
                name,
                value,
                (consequence, "boot with cgroup_no_v1=all, or systemd.unified_cgroup_hierarchy"),
            )
        }
        Cgroups::None { reason } => {
            let consequence = "no limits on memory, CPU or the number of processes";
            Fact::unless(
                true,
                name,
                format!("none: {reason}"),
                (consequence, "start as root, with cgroups mounted"),
            )
        }
    }
}

fn security_modules() -> Fact {
    let list = read("/sys/kernel/security/lsm");
    Fact::good(
        "security modules",
        if list.is_empty() { "not shown (securityfs is not mounted)".to_owned() } else { list },
    )
}

fn seccomp() -> Fact {
    let actions = read("/proc/sys/kernel/seccomp/actions_avail");
    let lacking = actions.is_empty();
    let value = if lacking { "none".to_owned() } else { actions };
    Fact::unless(lacking, "seccomp", value, ("no system call filter", "a kernel with CONFIG_SECCOMP_FILTER"))
}

fn kvm() -> Fact {
    let there = Path::new("/dev/kvm").exists();
    let consequence = "`conformance --vm` emulates: seconds per kernel instead of tenths";
    let value = if there { "/dev/kvm" } else { "none" };
    Fact::unless(!there, "virtualisation", value, (consequence, "a machine with /dev/kvm"))
}

fn terminals() -> Fact {
    let (most, used) = (read("/proc/sys/kernel/pty/max"), read("/proc/sys/kernel/pty/nr"));
    Fact::good("terminals", format!("{used} of {most} in use"))
}
