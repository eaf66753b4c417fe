//! A network namespace made ahead, by another processor, while the launcher still reads and plans.
//!
//! Making one takes the kernel a third of a start (`bench start --mechanisms`). It waits for nothing in the
//! document, so it can begin as soon as the document looks as if it wanted one. What the plan says stays true:
//! the container is born in a network namespace that nobody else is in.

use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

use browndog_xml::domain::Domain;
use nix::errno::Errno;
use nix::libc;

use crate::exec::rootless;
use crate::sys;

/// A namespace in the making, or made; gone when dropped.
#[derive(Debug)]
pub struct Ahead(JoinHandle<Result<OwnedFd, Errno>>);

/// The thread makes three system calls.
const STACK_BYTES: usize = 64 << 10;

/// How far into a document is looked: everything before its devices, in all that people write.
const LOOKED_AT: usize = 64 << 10;

impl Ahead {
    /// Begins, where the document looks as if it wanted a network of its own: a guess, before it is read. A wrong
    /// one costs a namespace made for nothing, or made later.
    pub fn guess(document: &str) -> Option<Self> {
        let begin = &document.as_bytes()[..document.len().min(LOOKED_AT)];
        let wants = |tag: &[u8]| {
            ["privnet", "interface", "network"].iter().any(|name| tag.starts_with(name.as_bytes()))
        };
        if begin.split(|byte| *byte == b'<').any(wants) { Self::begin() } else { None }
    }

    /// Begins, where the container of `domain` is born in a network namespace of the caller's.
    pub fn of(domain: &Domain) -> Option<Self> {
        let wants = domain.idmap.is_none() && crate::plan::has_own_network(domain);
        if wants { Self::begin() } else { None }
    }

    /// Begins, where there is another processor and the caller needs no user namespace, which only a process of
    /// one thread may enter.
    pub fn begin() -> Option<Self> {
        let own = nix::unistd::Pid::from_raw(0);
        let processors = nix::sched::sched_getaffinity(own).map_or(1, |set| {
            (0..nix::sched::CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).take(2).count()
        });
        if processors < 2 || rootless::needed() != Ok(false) {
            return None;
        }
        // Signals are for the thread that waits for them.
        let mask = sys::set_signal_mask(u64::MAX).ok()?;
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(make);
        crate::disregard(sys::set_signal_mask(mask));
        thread.ok().map(Self)
    }

    /// The namespace, once it is made, with its loopback up.
    ///
    /// # Errors
    /// The errno of unshare(2), of the loopback's ioctl(2), or of opening `/proc/thread-self/ns/net`.
    pub fn finish(self) -> Result<OwnedFd, Errno> {
        self.0.join().unwrap_or(Err(Errno::ECHILD))
    }
}

/// In a thread of its own: unshare(2) is of one thread.
fn make() -> Result<OwnedFd, Errno> {
    sys::unshare(libc::CLONE_NEWNET).map(drop)?;
    let made = sys::openat2(libc::AT_FDCWD, c"/proc/thread-self/ns/net", libc::O_RDONLY, 0, 0)?;
    let made = sys::adopt(made);
    sys::loopback_up()?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn number(path: &str) -> u64 {
        std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).expect("procfs"))
    }

    #[test]
    fn it_is_another_namespace_than_the_callers() {
        let Some(ahead) = Ahead::begin() else {
            eprintln!("skipped: one processor, or not root");
            return;
        };
        let before = number("/proc/thread-self/ns/net");
        let made = ahead.finish().expect("root may make one");
        assert_ne!(number(&format!("/proc/self/fd/{}", made.as_raw_fd())), before);
        assert_eq!(number("/proc/thread-self/ns/net"), before, "the caller stays where it is");
    }

    #[test]
    fn a_document_without_a_network_begins_none() {
        assert!(Ahead::guess("<domain type='lxc'><name>a</name></domain>").is_none());
        assert!(Ahead::guess("").is_none());
    }
}
