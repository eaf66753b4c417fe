//! Small commands the probe obeys.

use std::os::unix::process::CommandExt;
use std::time::Duration;

/// Obeys one command; the exit status.
pub(super) fn main(words: &[String]) -> i32 {
    let rest = &words[1..];
    match words[0].as_str() {
        "exit" => number(rest, 0),
        "true" => 0,
        "euid" => {
            println!("{}", nix::unistd::geteuid());
            0
        }
        "sleep" | "canary" => {
            std::thread::sleep(Duration::from_secs(u64::try_from(number(rest, 3600)).unwrap_or(0)));
            0
        }
        "chroot" => chroot(rest),
        "hog" => hog(number(rest, 64)),
        other => {
            eprintln!("browndog probe: unknown command {other:?}");
            2
        }
    }
}

fn number(words: &[String], default: i32) -> i32 {
    words.first().and_then(|w| w.parse().ok()).unwrap_or(default)
}

/// The null runtime: `chroot DIR PROGRAM ARG…`.
fn chroot(words: &[String]) -> i32 {
    let [directory, program, arguments @ ..] = words else {
        eprintln!("browndog probe: chroot wants DIR PROGRAM");
        return 2;
    };
    if let Err(errno) = nix::unistd::chroot(directory.as_str()).and_then(|()| nix::unistd::chdir("/")) {
        eprintln!("browndog probe: chroot {directory}: {errno}");
        return 125;
    }
    let error = std::process::Command::new(program).args(arguments).env_clear().exec();
    eprintln!("browndog probe: {program}: {error}");
    126
}

/// Touches so many MiB and holds them for a moment.
fn hog(mebibytes: i32) -> i32 {
    let mut held = Vec::new();
    for _ in 0..mebibytes {
        let mut chunk = vec![0_u8; 1 << 20];
        for byte in chunk.iter_mut().step_by(4096) {
            *byte = 1;
        }
        held.push(chunk);
    }
    let _kept = std::hint::black_box(&held);
    0
}
