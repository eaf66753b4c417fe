//! A plan in words: one line a step, like a trace of calls that has not happened yet.

use std::ffi::CStr;
use std::fmt::{self, Display, Formatter};

use nix::libc;

use super::mutate::{ATTR_FLAGS, CLONE_FLAGS, MOUNT_FLAGS};
use super::step::{ChildStep, HostStep, STAGE, Slot, TargetKind};
use super::{CloneStep, Plan};
use crate::sys::MountAttr;

/// The names of the bits set in `bits`, joined by `|`; `0` for none.
fn names(bits: u64, table: &[(&str, u64)]) -> String {
    let set: Vec<&str> = table.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect();
    if set.is_empty() { "0".to_owned() } else { set.join("|") }
}

fn attributes(attr: &MountAttr) -> String {
    let mut set = names(attr.attr_set, &ATTR_FLAGS);
    if attr.propagation & libc::MS_PRIVATE != 0 {
        set.push_str("|MS_PRIVATE");
    }
    set
}

fn text(string: &CStr) -> String {
    string.to_string_lossy().into_owned()
}

impl Plan {
    fn slot_name(&self, slot: Slot) -> &str {
        self.slots.get(usize::from(slot.0)).map_or("?", |name| name)
    }

    /// The step as a call: `mount("proc", "/proc", …)`.
    pub fn host_call(&self, step: &HostStep) -> String {
        let name = |slot: &Slot| self.slot_name(*slot);
        match step {
            HostStep::MakeCgroup { path, .. } => format!("mkdir(\"{path}\")"),
            HostStep::SetCgroup { path, value, .. } => format!("write(\"{path}\", \"{value}\")"),
            HostStep::InheritCpuset { parent, path } => {
                format!("write(\"{path}/cpuset.{{cpus,mems}}\", those of \"{parent}\")")
            }
            HostStep::DelegateCgroup { path, uid, gid } => {
                format!("chown(\"{path}\" and what a delegatee writes, {uid}, {gid})")
            }
            HostStep::OpenCgroup { path, .. } => format!("open(\"{path}\")"),
            HostStep::CloneTree { source, .. } => {
                format!("open_tree(<{}>, OPEN_TREE_CLONE|AT_RECURSIVE)", name(source))
            }
            HostStep::Restrict { tree, attr } => {
                format!("mount_setattr(<{}>, AT_RECURSIVE, {})", name(tree), attributes(attr))
            }
            HostStep::AttachLoop { image, readonly, .. } => {
                let readonly = if *readonly { "|LO_FLAGS_READ_ONLY" } else { "" };
                format!("ioctl(/dev/loopN, LOOP_CONFIGURE, <{}>, LO_FLAGS_AUTOCLEAR{readonly})", name(image))
            }
            HostStep::MountDevice { device, fstype, readonly, options, attrs, .. } => {
                let readonly = if *readonly { ", ro" } else { "" };
                let options: String =
                    options.iter().map(|(key, value)| format!(", {}={}", text(key), text(value))).collect();
                let attrs = names(*attrs, &ATTR_FLAGS);
                format!("fsmount({}, source=<{}>{readonly}{options}, {attrs})", text(fstype), name(device))
            }
            HostStep::LimitDevices { path, rules, program, ready } => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                let rules = rules.join(", ");
                match program {
                    Some(program) => {
                        let what = match ready {
                            Some(ready) => format!("<{}>", name(ready)),
                            None => format!("{} instructions", program.len()),
                        };
                        format!("bpf(BPF_PROG_ATTACH, \"{path}\", BPF_CGROUP_DEVICE, {what}: {rules})")
                    }
                    None => format!("write(\"{path}/devices.deny\", \"a\"); devices.allow: {rules}"),
                }
            }
            HostStep::MapTree { tree, .. } => {
                format!(
                    "mount_setattr(<{}>, AT_RECURSIVE, MOUNT_ATTR_IDMAP, user namespace of the child)",
                    name(tree)
                )
            }
            HostStep::EnterStage => {
                format!("unshare(CLONE_NEWNS); mount(\"tmpfs\", \"{STAGE}\"); mount(\"{STAGE}\", MS_SHARED)")
            }
            HostStep::ShowTree { tree, at, .. } => format!("move_mount(<{}>, \"{at}\")", name(tree)),
            HostStep::RestrictShown { at, flags } => {
                format!(
                    "mount(NULL, \"{at}\", NULL, MS_REMOUNT|MS_BIND|{}, NULL)",
                    names(*flags, &MOUNT_FLAGS)
                )
            }
            HostStep::AwaitMounts => "read(said)".to_owned(),
            HostStep::LockMounts => format!(
                "setns(<child>, CLONE_NEWNS); open_tree(\"/\", OPEN_TREE_CLONE|AT_RECURSIVE); setns(<stage>, CLONE_NEWNS); \
                 move_mount(\"{STAGE}/locked\"); setns(<host>, CLONE_NEWNS)"
            ),
            HostStep::LeaveStage => {
                "setns(<host>, CLONE_NEWNS); chroot(<root>); fchdir(<dir>); open(\"/proc/<child>/ns/mnt\")"
                    .to_owned()
            }
            HostStep::MakeTarget { root, target, kind } => {
                let call = if *kind == TargetKind::Directory { "mkdirat" } else { "openat" };
                format!("{call}(<{}>, \"{}\")", name(root), target.shown())
            }
            HostStep::MakeFileTree { contents, .. } => {
                format!("fsmount(tmpfs) with a file of {} bytes", contents.len())
            }
            HostStep::SealProgram { source, .. } => {
                format!("memfd_create() with a copy of <{}>", name(source))
            }
            HostStep::WriteIdMaps { uid, gid } => {
                format!("write(uid_map, {}); write(gid_map, {})", id_map(uid), id_map(gid))
            }
            HostStep::AddInterface(link) => link.to_string(),
            HostStep::PinNetwork { instance } => {
                format!(
                    "mount(\"/proc/<child>/ns/net\", \"{}\", MS_BIND)",
                    crate::net::pin::path_of(instance)
                )
            }
            HostStep::LimitInterface(limit) => limit.to_string(),
            HostStep::Share { of, kind } => {
                let name = CLONE_FLAGS.iter().find(|(_, bit)| kind == bit).map_or("?", |(name, _)| name);
                format!("setns(<{}>, {name}) until the clone", self.slot_name(*of))
            }
            HostStep::ResetOomScore => "write(\"/proc/<child>/oom_score_adj\", \"0\")".to_owned(),
            HostStep::ResetOwn(own) => format!("write(\"{}\", \"{}\")", own.file(), own.value()),
            HostStep::Hide => "prctl(PR_SET_DUMPABLE, 0)".to_owned(),
            HostStep::EnterNamespaces { of, kinds } => {
                let set = CLONE_FLAGS.iter().filter(|(_, bit)| kinds & bit != 0).map(|(name, _)| *name);
                format!("setns(<{}>, {})", self.slot_name(*of), set.collect::<Vec<_>>().join("|"))
            }
            HostStep::Go | HostStep::GoOn => "write(go)".to_owned(),
        }
    }

    /// The step as a call.
    pub fn clone_call(&self, step: &CloneStep) -> String {
        let table: Vec<(&str, u64)> = CLONE_FLAGS.iter().map(|(name, flag)| (*name, *flag as u64)).collect();
        let group = step.into_cgroup.map(|slot| format!("|CLONE_INTO_CGROUP, <{}>", self.slot_name(slot)));
        let memory = if step.share_memory { "|CLONE_VM|CLONE_VFORK" } else { "" };
        let owner = step.owner.map(|uid| format!(" as effective user {uid}")).unwrap_or_default();
        let group = group.unwrap_or_default();
        format!("clone3(CLONE_PIDFD|{}{memory}{group}){owner}", names(step.namespaces, &table))
    }

    /// The step as a call.
    pub fn child_call(&self, step: &ChildStep) -> String {
        let name = |slot: &Slot| self.slot_name(*slot);
        match step {
            ChildStep::JoinCgroup { tasks, .. } => format!("write(<{}>, \"0\")", name(tasks)),
            ChildStep::UnshareCgroup => "unshare(CLONE_NEWCGROUP)".to_owned(),
            ChildStep::AwaitGo => "read(go)".to_owned(),
            ChildStep::AskToLock => "write(said, <root>); read(go)".to_owned(),
            ChildStep::BecomeRoot => "setresgid(0, 0, 0); setresuid(0, 0, 0)".to_owned(),
            ChildStep::JoinNamespace { slot, .. } => format!("setns(<{}>)", name(slot)),
            ChildStep::EnterBase { base } => {
                format!("setns(<{}>, CLONE_NEWNS); unshare(CLONE_NEWNS)", name(base))
            }
            ChildStep::Sever { target } => {
                format!("mount(NULL, \"{}\", NULL, MS_REC|MS_PRIVATE)", target.shown())
            }
            ChildStep::MakeSlave => "mount(NULL, \"/\", NULL, MS_REC|MS_SLAVE)".to_owned(),
            ChildStep::MakePrivate => "mount(NULL, \"/\", NULL, MS_REC|MS_PRIVATE)".to_owned(),
            ChildStep::CloneHostTree { path, .. } => {
                format!("open_tree(\"{}\", OPEN_TREE_CLONE|AT_RECURSIVE)", text(path))
            }
            ChildStep::AttachRoot { tree } => format!("move_mount(<{}>, \"/\")", name(tree)),
            ChildStep::DetachBelow { target } => format!("umount2(\"{}\", MNT_DETACH)", target.shown()),
            ChildStep::MakeTarget { target, kind } => {
                let call = if *kind == TargetKind::Directory { "mkdirat" } else { "openat" };
                format!("{call}(\"{}\")", target.shown())
            }
            ChildStep::MountNew { fstype, target, flags, data, into } => {
                let flags = names(*flags, &MOUNT_FLAGS);
                if let Some(into) = into {
                    let data = data.as_ref().map(|data| format!(", {}", text(data))).unwrap_or_default();
                    let (fstype, held) = (text(fstype), name(into));
                    return format!(
                        "fsmount({fstype}, {flags}{data}); move_mount(<{held}>, \"{}\")",
                        target.shown()
                    );
                }
                let data =
                    data.as_ref().map_or_else(|| "NULL".to_owned(), |data| format!("\"{}\"", text(data)));
                format!("mount(\"{0}\", \"{1}\", \"{0}\", {flags}, {data})", text(fstype), target.shown())
            }
            ChildStep::Hold { target, device, .. } => {
                let number =
                    |device: &u64| format!("makedev({}, {})", libc::major(*device), libc::minor(*device));
                let device = device.as_ref().map_or_else(|| "anything".to_owned(), number);
                format!("openat2(\"{}\"); fstat: {device}", target.shown())
            }
            ChildStep::CloneHeld { source, .. } => {
                format!("open_tree(<{}>, OPEN_TREE_CLONE|AT_RECURSIVE)", name(source))
            }
            ChildStep::CloneTree { source, .. } => {
                format!("open_tree(\"{}\", OPEN_TREE_CLONE|AT_RECURSIVE)", source.shown())
            }
            ChildStep::Restrict { tree, attr } => {
                format!("mount_setattr(<{}>, AT_RECURSIVE, {})", name(tree), attributes(attr))
            }
            ChildStep::Attach { tree, target } => {
                format!("move_mount(<{}>, \"{}\")", name(tree), target.shown())
            }
            ChildStep::SetAttr { target, attr, .. } => {
                format!("mount_setattr(\"{}\", {})", target.shown(), attributes(attr))
            }
            ChildStep::Remount { target, flags } => {
                let flags = names(*flags, &MOUNT_FLAGS);
                format!("mount(NULL, \"{}\", NULL, MS_REMOUNT|MS_BIND|{flags}, NULL)", target.shown())
            }
            ChildStep::Verify { target, flags } => {
                let table = [("ST_RDONLY", libc::ST_RDONLY), ("ST_NODEV", libc::ST_NODEV)];
                format!("fstatfs(\"{}\").f_flags & {}", target.shown(), names(*flags, &table))
            }
            ChildStep::MakeDir { target, mode } => format!("mkdirat(\"{}\", {mode:#o})", target.shown()),
            ChildStep::MakeNode { target, mode, device } => {
                let (major, minor) = (libc::major(*device), libc::minor(*device));
                format!("mknodat(\"{}\", {mode:#o}, makedev({major}, {minor}))", target.shown())
            }
            ChildStep::MakeLink { value, target } => {
                format!("symlinkat(\"{}\", \"{}\")", text(value), target.shown())
            }
            ChildStep::WriteFile { target, contents, .. } => {
                format!(
                    "write(\"{}\", \"{}\")",
                    target.shown(),
                    String::from_utf8_lossy(contents).escape_debug()
                )
            }
            other => self.process_call(other),
        }
    }

    /// The calls after the mounts.
    fn process_call(&self, step: &ChildStep) -> String {
        match step {
            ChildStep::EnterRoot => "fchdir(<root>); chroot(\".\")".to_owned(),
            ChildStep::Pivot => "fchdir(<root>); pivot_root(\".\", \".\")".to_owned(),
            ChildStep::DetachUnlocked => "umount2(\".\", MNT_DETACH)".to_owned(),
            ChildStep::DetachOldRoot => "umount2(\".\", MNT_DETACH); chdir(\"/\")".to_owned(),
            ChildStep::SetHostname { name } => format!("sethostname(\"{}\")", text(name)),
            ChildStep::LoopbackUp => "ioctl(SIOCSIFFLAGS, lo, IFF_UP)".to_owned(),
            ChildStep::SetLimit { name, soft, hard, .. } => {
                format!("setrlimit(RLIMIT_{}, {soft}, {hard})", name.to_uppercase())
            }
            ChildStep::SetMemoryPolicy { name, nodes, .. } => {
                let bits = (0..nodes.len() * 64).filter(|bit| nodes[bit / 64] & (1 << (bit % 64)) != 0);
                let list: Vec<String> = bits.map(|bit| bit.to_string()).collect();
                format!("set_mempolicy({name}, nodes {})", list.join(","))
            }
            ChildStep::Reset(reset) => reset.to_string(),
            ChildStep::UnshareTime => "unshare(CLONE_NEWTIME)".to_owned(),
            ChildStep::NewSession => "setsid()".to_owned(),
            ChildStep::TakeStreams { streams } => {
                let given = streams.iter().enumerate().filter_map(|(fd, slot)| Some((fd, (*slot)?)));
                let calls = given.map(|(fd, slot)| format!("dup3(<{}>, {fd})", self.slot_name(slot)));
                calls.collect::<Vec<_>>().join("; ")
            }
            ChildStep::OpenConsole { index, owner, .. } => {
                let owner = owner.map(|uid| format!("fchown({uid}); ")).unwrap_or_default();
                format!("open(\"/dev/pts/ptmx\"); {owner}sendmsg(<launcher>, console {index})")
            }
            ChildStep::TakeTerminal { terminal } => {
                format!("ioctl(<{0}>, TIOCSCTTY); dup3(<{0}>, 0, 1, 2)", self.slot_name(*terminal))
            }
            ChildStep::SetPersonality { persona } => format!("personality({persona:#x})"),
            ChildStep::SetUmask { mask } => format!("umask({mask:#o})"),
            ChildStep::ChangeDir { path, resolve } => {
                format!("fchdir(openat2(\"{}\", {})); getcwd()", text(path), resolves(*resolve))
            }
            ChildStep::DropBounding { keep, .. } => {
                format!("prctl(PR_CAPBSET_DROP, all but {})", capabilities(*keep))
            }
            ChildStep::SetGroups { groups } => format!("setgroups({groups:?})"),
            ChildStep::SetGid { gid } => format!("setresgid({gid}, {gid}, {gid})"),
            ChildStep::SetUid { uid } => format!("setresuid({uid}, {uid}, {uid})"),
            ChildStep::ClearAmbient => "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)".to_owned(),
            ChildStep::SetCapabilities { sets } => {
                format!(
                    "capset(effective = permitted = {}, inheritable = {})",
                    capabilities(sets.permitted),
                    capabilities(sets.inheritable)
                )
            }
            ChildStep::NoNewPrivs => "prctl(PR_SET_NO_NEW_PRIVS, 1)".to_owned(),
            ChildStep::Seccomp { program, profile, .. } => {
                format!("seccomp(SECCOMP_SET_MODE_FILTER, {profile}: {} instructions)", program.len())
            }
            ChildStep::TieToLauncher => "prctl(PR_SET_PDEATHSIG, SIGKILL); poll(life)".to_owned(),
            ChildStep::ResetSignals => "sigaction(1..64, SIG_DFL); sigprocmask(none)".to_owned(),
            ChildStep::CloseFds { flags, keep } => {
                let flags = if *flags == 0 { "0" } else { "CLOSE_RANGE_CLOEXEC" };
                let kept = keep.map(|slot| format!(" and <{}>", self.slot_name(slot))).unwrap_or_default();
                format!("close_range(3, ~0, {flags}) but for the launcher's pipes{kept}")
            }
            ChildStep::LookAtProgram { paths, .. } => {
                let path = paths.last().map(|last| text(last)).unwrap_or_default();
                format!("openat2({path:?}, O_RDONLY, RESOLVE_NO_MAGICLINKS)")
            }
            ChildStep::Exec { paths, argv, .. } => {
                let argv: Vec<String> = argv.strings().iter().map(|arg| format!("{:?}", text(arg))).collect();
                let path = paths.last().map(|last| text(last)).unwrap_or_default();
                format!("execve({path:?}, [{}])", argv.join(", "))
            }
            ChildStep::ExecBuiltInInit { argv, .. } => {
                let argv: Vec<String> = argv.strings().iter().map(|arg| text(arg)).collect();
                format!("execveat(<program>, {argv:?}, AT_EMPTY_PATH)")
            }
            other => format!("{other:?}"),
        }
    }
}

/// RESOLVE_* of openat2(2).
fn resolves(bits: u64) -> String {
    const RESOLVE: [(&str, u64); 2] =
        [("RESOLVE_IN_ROOT", libc::RESOLVE_IN_ROOT), ("RESOLVE_NO_MAGICLINKS", libc::RESOLVE_NO_MAGICLINKS)];
    names(bits, &RESOLVE)
}

fn id_map(lines: &[[u32; 3]]) -> String {
    let lines: Vec<String> =
        lines.iter().map(|[inside, outside, count]| format!("{inside} {outside} {count}")).collect();
    format!("\"{}\"", lines.join("\\n"))
}

/// The names of a capability mask.
fn capabilities(mask: u64) -> String {
    let names: Vec<&str> = browndog_xml::value::Capability::ALL
        .iter()
        .filter(|capability| mask & (1 << capability.number()) != 0)
        .map(|capability| capability.name())
        .collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count == browndog_xml::value::Capability::ALL.len() => "all".to_owned(),
        _ => names.join("+"),
    }
}

/// The whole plan, a line a step; origins as `FILE:LINE:COLUMN` come from the caller, who has the text.
impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for entry in &self.before {
            writeln!(f, "host   {:<32} {}", entry.id, self.host_call(&entry.step))?;
        }
        writeln!(f, "clone  {:<32} {}", self.clone.id, self.clone_call(&self.clone.step))?;
        for entry in &self.attend {
            writeln!(f, "attend {:<32} {}", entry.id, self.host_call(&entry.step))?;
        }
        for entry in &self.child {
            writeln!(f, "child  {:<32} {}", entry.id, self.child_call(&entry.step))?;
        }
        Ok(())
    }
}
