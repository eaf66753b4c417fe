//! One run of QEMU: from the command line to what the guest said.

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::LabError;
use super::job::Message;

/// The emulator for this architecture, and the Debian package that has it.
pub const QEMU: (&str, &str) = ("qemu-system-x86_64", "qemu-system-x86");
/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The processor.
    Kvm,
    /// QEMU's translator: slower, and works everywhere.
    Tcg,
    /// The translator with a clock that counts instructions, one nanosecond each, and knows nothing of
    /// this machine: the same kernel, files and commands give the same times to the nanosecond.
    Virtual,
}

impl Accelerator {
    /// What QEMU is told. A named processor: `max` changes with QEMU, and has a source of random numbers
    /// that is this machine's.
    fn arguments(self, cpus: u32) -> &'static [&'static str] {
        match self {
            // In turns in one thread: with a thread for each, guests were seen to panic in an interrupt, and
            // most of the time only one of them has something to do.
            Self::Tcg if cpus > 1 => &["-accel", "tcg,thread=single", "-cpu", "max"],
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => &["-accel", "tcg,thread=multi", "-cpu", "max"],
            Self::Virtual => &[
                "-accel",
                "tcg,thread=single",
                "-cpu",
                "Nehalem",
                "-icount",
                "shift=0,sleep=off",
                "-rtc",
                "base=2026-01-01,clock=vm",
                "-seed",
                "1",
            ],
        }
    }

    /// What the kernel is told: nothing may be measured against a clock that is not there, nor be random.
    fn append(self) -> &'static str {
        if self == Self::Virtual { " tsc_early_khz=1000000 nokaslr" } else { "" }
    }

    /// How much longer a guest may say nothing: its seconds are this machine's, or so many instructions.
    fn patience(self) -> u32 {
        if self == Self::Virtual { 4 } else { 1 }
    }
}

/// A guest's hardware.
#[derive(Clone, Debug)]
pub struct Machine<'a> {
    /// Kernel image.
    pub kernel: &'a Path,
    /// Initramfs.
    pub initrd: &'a Path,
    /// Memory.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
    /// What executes it.
    pub accelerator: Accelerator,
    /// Added to the kernel's command line.
    pub append: &'a str,
    /// Images that the guest finds as /dev/vda, /dev/vdb, …; what it writes goes with it.
    pub disks: &'a [PathBuf],
    /// Added to QEMU's command line.
    pub extra: &'a [String],
    /// Killed after this time.
    pub timeout: Duration,
    /// Killed after so long without a word.
    pub silence: Duration,
}

/// How a guest ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It said it was done.
    Done,
    /// The kernel panicked; the line that says why.
    Panic(String),
    /// Its time was over.
    Timeout,
    /// The run it belongs to was interrupted.
    Interrupted,
    /// It said nothing for so long.
    Hang(Duration),
    /// Its init gave up, or QEMU ended early; in words.
    Failed(String),
}

/// Everything a guest said.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Its messages in order.
    pub messages: Vec<Message>,
    /// Its kernel's console.
    pub console: String,
    /// From spawn to exit.
    pub wall: Duration,
}

/// Boots and attends the guest; kills it when it hangs. `work` receives the two serial lines as files.
/// `watch` is told each message as it comes.
pub fn boot(
    machine: &Machine<'_>,
    work: &Path,
    watch: &mut dyn FnMut(&Message),
) -> Result<Outcome, LabError> {
    let begun = Instant::now();
    let (console, channel) = (work.join("console.log"), work.join("channel.jsonl"));
    super::write_file(&console, b"")?;
    super::write_file(&channel, b"")?;
    let mut child = spawn(machine, &console, &channel)?;
    let mut reader = Reader::open(&channel)?;
    let end = attend(&mut child, &mut reader, machine, begun, watch);
    if !matches!(end, Some(End::Done | End::Failed(_))) {
        // A kill of one that ended by itself meanwhile is no error worth a word.
        drop(child.kill());
    }
    let status =
        child.wait().map_err(|source| LabError::Io { what: "wait for", path: QEMU.0.into(), source })?;
    let _last_words = reader.pull(watch)?;
    let mut stderr = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        drop(pipe.read_to_string(&mut stderr));
    }
    let console = String::from_utf8_lossy(&super::read_file(&console)?).into_owned();
    let end = verdict(end, &console, &reader.messages, &stderr, status);
    Ok(Outcome { end, messages: reader.messages, console, wall: begun.elapsed() })
}

/// The fastest to boot: without firmware, and without a bus that disks could stand on.
const BARE: &str = "microvm,acpi=off,rtc=on,isa-serial=off";
/// Debian's kernel finds virtio disks on PCI only, and a second processor by the tables of firmware only.
const WITH_PCI: &str = "q35,vmport=off,smbus=off,sata=off,usb=off,i8042=off";

/// One image, which stays as it is. A comma of its path is written twice (qemu(1)).
fn disk((index, path): (usize, &PathBuf)) -> [String; 4] {
    let path = path.display().to_string().replace(',', ",,");
    [
        "-drive".into(),
        format!("if=none,id=disk{index},format=raw,snapshot=on,file={path}"),
        "-device".into(),
        format!("virtio-blk-pci,drive=disk{index}"),
    ]
}

fn spawn(machine: &Machine<'_>, console: &Path, channel: &Path) -> Result<Child, LabError> {
    let mut append =
        "console=ttyS0 panic=-1 reboot=t quiet tsc=reliable no_timer_check cryptomgr.notests".to_owned();
    append.push_str(machine.accelerator.append());
    if !machine.append.is_empty() {
        append.push(' ');
        append.push_str(machine.append);
    }
    let bare = machine.disks.is_empty() && machine.cpus == 1;
    Command::new(QEMU.0)
        .args(machine.accelerator.arguments(machine.cpus))
        .args(["-M", if bare { BARE } else { WITH_PCI }])
        .args(["-m", &machine.memory_mib.to_string(), "-smp", &machine.cpus.to_string()])
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
        .arg("-chardev")
        .arg(format!("file,id=console,path={}", console.display()))
        .args(["-device", "isa-serial,chardev=console,index=0"])
        .arg("-chardev")
        .arg(format!("file,id=channel,path={}", channel.display()))
        .args(["-device", "isa-serial,chardev=channel,index=1"])
        .arg("-kernel")
        .arg(machine.kernel)
        .arg("-initrd")
        .arg(machine.initrd)
        .args(["-append", &append])
        .args(machine.disks.iter().enumerate().flat_map(disk))
        .args(machine.extra)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| LabError::MissingTool { tool: QEMU.0.into(), package: QEMU.1, source })
}

/// Waits for the end of QEMU; `None` when it ended by itself.
fn attend(
    child: &mut Child,
    reader: &mut Reader,
    machine: &Machine<'_>,
    begun: Instant,
    watch: &mut dyn FnMut(&Message),
) -> Option<End> {
    let mut heard = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return None,
            Ok(None) => {}
            Err(error) => return Some(End::Failed(format!("waiting for QEMU: {error}"))),
        }
        match reader.pull(watch) {
            Ok(true) => heard = Instant::now(),
            Ok(false) => {}
            Err(error) => return Some(End::Failed(error.to_string())),
        }
        if crate::run::interrupted() {
            return Some(End::Interrupted);
        }
        if begun.elapsed() > machine.timeout {
            return Some(End::Timeout);
        }
        let silence = machine.silence * machine.accelerator.patience();
        if heard.elapsed() > silence {
            return Some(End::Hang(silence));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn verdict(
    end: Option<End>,
    console: &str,
    messages: &[Message],
    stderr: &str,
    status: std::process::ExitStatus,
) -> End {
    if let Some(line) = console.lines().find(|l| l.contains("Kernel panic")) {
        return End::Panic(line.trim().to_owned());
    }
    if let Some(end) = end {
        return end;
    }
    match messages.last() {
        Some(Message::Done) => End::Done,
        Some(Message::Failed(why)) => End::Failed(why.clone()),
        _ if !status.success() => End::Failed(format!("QEMU ended with {status}: {}", stderr.trim())),
        _ => End::Failed(format!("the guest ended before its job was done; last lines: {}", tail(console))),
    }
}

fn tail(console: &str) -> String {
    let lines: Vec<&str> = console.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join(" / ")
}

/// Follows the file QEMU writes the second serial line to.
struct Reader {
    file: BufReader<fs::File>,
    partial: Vec<u8>,
    messages: Vec<Message>,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, LabError> {
        let file = fs::File::open(path).map_err(|source| LabError::Io {
            what: "open",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { file: BufReader::new(file), partial: Vec::new(), messages: Vec::new() })
    }

    /// Reads what is new; true when there was something.
    fn pull(&mut self, watch: &mut dyn FnMut(&Message)) -> Result<bool, LabError> {
        let lost = |source| LabError::Io { what: "read", path: "the guest's channel".into(), source };
        let at = self.file.stream_position().map_err(lost)?;
        let position = self.file.seek(SeekFrom::Start(at)).map_err(lost)?;
        debug_assert_eq!(position, at, "a seek goes where it was asked to");
        let mut news = false;
        loop {
            let read = self.file.read_until(b'\n', &mut self.partial).map_err(lost)?;
            if read == 0 {
                return Ok(news);
            }
            news = true;
            if self.partial.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial);
                let message: Message = serde_json::from_slice(&line).map_err(|e| {
                    LabError::Protocol(format!(
                        "{e} in {:?}",
                        String::from_utf8_lossy(&line[..line.len().min(200)])
                    ))
                })?;
                watch(&message);
                self.messages.push(message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn said(end: Option<End>, console: &str, last: Option<Message>, status: i32) -> End {
        verdict(
            end,
            console,
            &last.into_iter().collect::<Vec<_>>(),
            "qemu says",
            ExitStatus::from_raw(status),
        )
    }

    #[test]
    fn an_end_is_told_from_the_other_ends() {
        let panic = "[ 1.0] Kernel panic - not syncing: sysrq";
        // A panic is one whatever came before it: QEMU may have ended by itself, or been killed.
        for end in [None, Some(End::Timeout)] {
            assert_eq!(said(end, panic, Some(Message::Done), 0), End::Panic(panic.into()));
        }
        assert_eq!(said(Some(End::Timeout), "", Some(Message::Beat(1)), 9), End::Timeout);
        assert_eq!(said(None, "", Some(Message::Done), 0), End::Done);
        assert_eq!(said(None, "", Some(Message::Failed("x".into())), 0), End::Failed("x".into()));
        assert!(matches!(said(None, "", None, 256), End::Failed(why) if why.contains("qemu says")));
        assert!(
            matches!(said(None, "bye\n", Some(Message::Beat(1)), 0), End::Failed(why) if why.ends_with("bye"))
        );
    }
}
