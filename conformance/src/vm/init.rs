//! The guest's init: makes a usable system of a bare initramfs, does its job, and reports.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sys::termios;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::job::{
    BINARY_PATH, CgroupLayout, Command, CommandResult, Ended, JOB_PATH, Job, LAB_MARK, Message,
};

/// The serial line that carries messages; the first one is the console.
const CHANNEL: &str = "/dev/ttyS1";
/// How long the last of a command's output may take to be read, by a guest on a busy machine.
const DRAINED: Duration = Duration::from_secs(10);
/// More output of one command than this is cut, so that a runaway cannot fill the guest's memory.
const OUTPUT_MAX: u64 = 64 << 20;

/// Is this process the init of a guest of ours? The first process of a container on such a guest's own tree is
/// not: the kernel starts an init with nothing mounted.
pub fn wanted() -> bool {
    std::process::id() == 1 && Path::new(JOB_PATH).exists() && !Path::new("/proc/self").exists()
}

/// Runs the job and ends the machine; never returns.
pub fn main() -> ! {
    if let Err(error) = run() {
        eprintln!("browndog guest: {error}");
        if let Err(second) =
            open_channel().and_then(|mut c| send(&mut c, &Message::Failed(error.to_string())))
        {
            eprintln!("browndog guest: the channel is gone as well: {second}");
        }
    }
    nix::unistd::sync();
    match nix::sys::reboot::reboot(nix::sys::reboot::RebootMode::RB_AUTOBOOT) {
        Ok(never) => match never {},
        Err(errno) => {
            eprintln!("browndog guest: reboot: {errno}");
            std::process::exit(1)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let job: Job = serde_json::from_slice(&fs::read(JOB_PATH)?)?;
    leave_rootfs()?;
    mount_system()?;
    let mut channel = open_channel()?;
    let mut notes = load_modules(&job.modules);
    notes.extend(mount_cgroups(job.cgroups)?);
    fs::write(LAB_MARK, fs::read_to_string("/proc/sys/kernel/random/boot_id")?)?;
    fs::write("/proc/sys/kernel/printk", "4 4 1 4\n")?;
    if let Err(error) = bring_up_loopback() {
        notes.push(format!("lo stays down: {error}"));
    }
    let release = nix::sys::utsname::uname()?.release().to_string_lossy().into_owned();
    send(&mut channel, &Message::Hello { release, notes })?;
    for command in &job.commands {
        let result = perform(command, job.alone, &mut channel)?;
        let last = matches!(result.ended, Ended::Exit(status) if job.until == Some(status));
        send(&mut channel, &Message::Result(result))?;
        if last {
            break;
        }
    }
    send(&mut channel, &Message::Done)?;
    termios::tcdrain(&channel)?;
    Ok(())
}

/// `pivot_root(2)` refuses the initramfs's own root, so the tree is bound once more and moved onto `/`:
/// what the runtimes then see is a mount like any other.
fn leave_rootfs() -> nix::Result<()> {
    const NONE: Option<&str> = None;
    mount(Some("/"), "/newroot", NONE, MsFlags::MS_BIND, NONE)?;
    std::env::set_current_dir("/newroot").map_err(|_| nix::errno::Errno::ENOENT)?;
    mount(Some("/newroot"), "/", NONE, MsFlags::MS_MOVE, NONE)?;
    nix::unistd::chroot(".")?;
    nix::unistd::chdir("/")?;
    mount(NONE, "/", NONE, MsFlags::MS_SHARED | MsFlags::MS_REC, NONE)
}

fn mount_system() -> nix::Result<()> {
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let some = |kind: &'static str, target: &'static str, flags: MsFlags, data: Option<&'static str>| {
        fs::create_dir_all(target).map_err(|_| nix::errno::Errno::ENOTDIR)?;
        mount(Some(kind), target, Some(kind), flags, data)
    };
    some("proc", "/proc", plain, None)?;
    some("sysfs", "/sys", plain, None)?;
    // This and /tmp without options, so that whoever binds something from there has to bring them.
    some("devtmpfs", "/dev", MsFlags::empty(), Some("mode=0755"))?;
    some(
        "devpts",
        "/dev/pts",
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        Some("gid=5,mode=0620,ptmxmode=0666"),
    )?;
    some("tmpfs", "/dev/shm", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=1777"))?;
    some("mqueue", "/dev/mqueue", plain, None)?;
    some("tmpfs", "/run", MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=0755"))?;
    some("tmpfs", "/tmp", MsFlags::empty(), Some("mode=1777"))?;
    // Not every kernel has it, and nothing of ours needs it: it is here for checks that it is hidden.
    match some("securityfs", "/sys/kernel/security", plain, None) {
        Ok(()) | Err(nix::errno::Errno::ENODEV | nix::errno::Errno::ENOTDIR) => {}
        Err(errno) => return Err(errno),
    }
    for (link, target) in
        [("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1")]
    {
        std::os::unix::fs::symlink(target, link).map_err(|_| nix::errno::Errno::EEXIST)?;
    }
    Ok(())
}

/// What is missing becomes a note of the greeting: a check that needs the module then says so itself.
fn load_modules(modules: &[String]) -> Vec<String> {
    let load = |path: &String| -> Result<(), String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        match nix::kmod::finit_module(&file, c"", nix::kmod::ModuleInitFlags::empty()) {
            Ok(()) | Err(nix::errno::Errno::EEXIST) => Ok(()),
            Err(errno) => Err(errno.desc().to_owned()),
        }
    };
    modules.iter().filter_map(|path| load(path).err().map(|why| format!("module {path}: {why}"))).collect()
}

fn mount_cgroups(layout: CgroupLayout) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let top = "/sys/fs/cgroup";
    if layout == CgroupLayout::V2 {
        mount(Some("cgroup2"), top, Some("cgroup2"), plain, None::<&str>)?;
        let all = fs::read_to_string(format!("{top}/cgroup.controllers"))?;
        let mut notes = Vec::new();
        for controller in all.split_whitespace() {
            if let Err(error) = fs::write(format!("{top}/cgroup.subtree_control"), format!("+{controller}")) {
                notes.push(format!("controller {controller}: {error}"));
            }
        }
        return Ok(notes);
    }
    mount(Some("tmpfs"), top, Some("tmpfs"), plain, Some("mode=0755"))?;
    let mut notes = Vec::new();
    let table = fs::read_to_string("/proc/cgroups")?;
    let names = table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_whitespace().next());
    for name in names.map(str::to_owned).chain(["name=systemd".to_owned()]) {
        let directory = format!("{top}/{}", name.trim_start_matches("name="));
        fs::create_dir_all(&directory)?;
        let options = if name.contains('=') { format!("none,{name}") } else { name.clone() };
        if let Err(errno) =
            mount(Some("cgroup"), directory.as_str(), Some("cgroup"), plain, Some(options.as_str()))
        {
            fs::remove_dir(&directory)?;
            notes.push(format!("cgroup v1 {name}: {errno}"));
        }
    }
    if layout == CgroupLayout::Hybrid {
        fs::create_dir_all(format!("{top}/unified"))?;
        mount(Some("cgroup2"), format!("{top}/unified").as_str(), Some("cgroup2"), plain, None::<&str>)?;
    }
    Ok(notes)
}

/// `SIOCSIFFLAGS` would need an ioctl by hand; the `ip` of no distribution is here. A netlink
/// `RTM_NEWLINK` through a plain socket does it: header, `ifinfomsg` with index 1 and `IFF_UP`.
fn bring_up_loopback() -> nix::Result<()> {
    use nix::sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sendto, socket,
    };
    let fd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    let mut message = Vec::with_capacity(32);
    message.extend_from_slice(&32_u32.to_ne_bytes());
    message.extend_from_slice(&16_u16.to_ne_bytes());
    message.extend_from_slice(&1_u16.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[0, 0, 0, 0]);
    message.extend_from_slice(&1_i32.to_ne_bytes());
    message.extend_from_slice(&1_u32.to_ne_bytes());
    message.extend_from_slice(&1_u32.to_ne_bytes());
    let sent =
        sendto(std::os::fd::AsRawFd::as_raw_fd(&fd), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    if sent == message.len() { Ok(()) } else { Err(nix::errno::Errno::EIO) }
}

fn open_channel() -> std::io::Result<File> {
    let channel = OpenOptions::new().read(true).write(true).open(CHANNEL)?;
    let mut modes = termios::tcgetattr(&channel)?;
    termios::cfmakeraw(&mut modes);
    termios::tcsetattr(&channel, termios::SetArg::TCSANOW, &modes)?;
    Ok(channel)
}

fn send(channel: &mut File, message: &Message) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    channel.write_all(&line)
}

/// Runs one command in a session of its own, reaping whatever else dies meanwhile, and beats.
fn perform(command: &Command, alone: bool, channel: &mut File) -> std::io::Result<CommandResult> {
    let begun = Instant::now();
    let mut result = CommandResult {
        argv: command.argv.clone(),
        ended: Ended::NotStarted(String::new()),
        stdout: String::new(),
        stderr: String::new(),
        milliseconds: 0,
    };
    let Some((program, arguments)) = command.argv.split_first() else {
        result.ended = Ended::NotStarted("empty command".into());
        return Ok(result);
    };
    let spawned = Process::new(program)
        .args(arguments)
        .env_clear()
        .envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("BROWNDOG_BINARY", BINARY_PATH),
        ])
        .envs(&command.env)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            result.ended = Ended::NotStarted(error.to_string());
            return Ok(result);
        }
    };
    let out = collect(child.stdout.take());
    let err = collect(child.stderr.take());
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    result.ended = attend(pid, command.timeout_s, channel)?;
    if alone {
        end_all();
    }
    result.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    // A background child may hold the pipes open for ever: what has come by then is what counts.
    let patience = Instant::now() + DRAINED;
    let rest = || patience.saturating_duration_since(Instant::now());
    result.stdout = out.recv_timeout(rest()).unwrap_or_default();
    result.stderr = err.recv_timeout(rest()).unwrap_or_default();
    Ok(result)
}

/// Kills whatever is left, and waits for it as long as that may reasonably take.
fn end_all() {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        // -1 is every process but this one.
        let _none_is_there =
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(-1), nix::sys::signal::Signal::SIGKILL);
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive)
        {
        }
        if !others_live() || Instant::now() > deadline {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Is there a process of a program beside this one? The kernel's own have no file, nor have the dead.
fn others_live() -> bool {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|e| e.file_name().to_string_lossy().parse::<u32>().ok());
    numbers.filter(|pid| *pid != 1).any(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok())
}

fn collect<R: Read + Send + 'static>(pipe: Option<R>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let _detached = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let read = pipe.take(OUTPUT_MAX).read_to_end(&mut bytes);
            if let Err(error) = read {
                bytes.extend_from_slice(format!("\n[output lost: {error}]\n").as_bytes());
            }
        }
        // The receiver is gone when the second is over; the text is then nobody's.
        drop(sender.send(String::from_utf8_lossy(&bytes).into_owned()));
    });
    receiver
}

fn attend(pid: nix::unistd::Pid, timeout_s: u64, channel: &mut File) -> std::io::Result<Ended> {
    let begun = Instant::now();
    let mut beat = 0;
    let mut timed_out = false;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(who, status)) if who == pid => {
                return Ok(if timed_out { Ended::Timeout } else { Ended::Exit(status) });
            }
            Ok(WaitStatus::Signaled(who, signal, _)) if who == pid => {
                return Ok(if timed_out { Ended::Timeout } else { Ended::Signal(signal as i32) });
            }
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(5)),
            Ok(_) => {}
            Err(nix::errno::Errno::ECHILD) => {
                return Ok(Ended::NotStarted("its process vanished without a status".into()));
            }
            Err(errno) => return Err(errno.into()),
        }
        if begun.elapsed().as_secs() >= timeout_s && !timed_out {
            timed_out = true;
            nix::sys::signal::killpg(pid, nix::sys::signal::Signal::SIGKILL)?;
        }
        if begun.elapsed().as_secs() / 2 > beat {
            beat = begun.elapsed().as_secs() / 2;
            send(channel, &Message::Beat(beat))?;
        }
    }
}
