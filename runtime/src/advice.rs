//! What the kernel's errors mean to whoever starts containers, where a step has no better words.

use nix::errno::Errno;

/// What to do about an error of any call; `None` where the error says it all.
pub fn advice(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::ENOMEM => {
            "there is no memory for it: raise <memory>, or look at free(1) and dmesg for the machine's"
        }
        Errno::ENOSPC => {
            "a file system is full (df, df -i), or a bound of the kernel is reached (sysctl user.max_*_namespaces, \
             fs.mount-max, fs.inotify)"
        }
        Errno::EDQUOT => {
            "a quota is used up: of the file system (quota), or of keys or inotify watches (sysctl)"
        }
        Errno::EROFS => {
            "the file system is mounted read-only here: by the document, by the host, or by an outer container"
        }
        Errno::EMFILE => "too many files are open: raise the limit (ulimit -n)",
        Errno::ENFILE => "the machine has too many files open: see sysctl fs.file-max",
        Errno::EAGAIN => {
            "a bound is reached, of processes (ulimit -u, pids.max) or of locked memory: try again later"
        }
        Errno::EBUSY => "something else has it in use: see who does (findmnt, fuser -m, ip -d link)",
        Errno::ENODEV | Errno::ENXIO => {
            "there is no such device, or no driver for it in this kernel: modprobe it, or look at /proc/filesystems"
        }
        Errno::EOPNOTSUPP | Errno::ENOSYS => {
            "this kernel, or this file system, cannot do it: 'browndog host' says what this machine has"
        }
        Errno::EINVAL => {
            "the kernel takes no such request here: it may be older than what is asked for ('browndog host'), or a value is \
             out of its range; dmesg may say more"
        }
        Errno::EACCES => {
            "permission is missing on the file or on a directory above it (namei -l), or a security module refuses it (dmesg)"
        }
        Errno::EPERM => {
            "the kernel, a security module or an outer container forbids it: look at CapEff and Seccomp in \
             /proc/self/status, and at dmesg"
        }
        Errno::EIO => "the device or the file system below it fails: see dmesg",
        Errno::ESRCH => {
            "the process has ended, or is in a PID namespace that is not seen from here: look again with 'browndog list'"
        }
        Errno::ENOENT if !std::path::Path::new("/proc/self").exists() => {
            "/proc is not mounted here: mount it, then try again"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_say_little_come_with_what_to_do() {
        let little = [
            Errno::EINVAL,
            Errno::EROFS,
            Errno::EPERM,
            Errno::ENOSPC,
            Errno::EBUSY,
            Errno::ENODEV,
            Errno::EOPNOTSUPP,
            Errno::ENOMEM,
            Errno::EACCES,
        ];
        for errno in little {
            let said = advice(errno).expect("some words");
            assert!(said.len() > 30 && !said.ends_with('.'), "{errno}: {said}");
        }
        assert_eq!(advice(Errno::ENOENT), None);
        assert_eq!(advice(Errno::EEXIST), None);
    }
}
