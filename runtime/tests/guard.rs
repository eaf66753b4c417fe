//! The child allocates nothing between clone and exec: an allocator that notices ends it.
#![allow(unsafe_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use browndog_runtime::exec::{self, Options};
use browndog_runtime::host::Host;
use browndog_runtime::plan::plan;
use browndog_runtime::survey::Survey;

/// The process that may allocate; 0 while nobody watches.
static LAUNCHER: AtomicI32 = AtomicI32::new(0);

/// Who has [`LAUNCHER`]: a test that is over must not end the watch of another.
static WATCH: Mutex<()> = Mutex::new(());

fn watch_alone() -> MutexGuard<'static, ()> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Exit status of a child that allocated: no program of these tests has it.
const ALLOCATED: i32 = 99;

struct Guard;

fn watch() {
    let launcher = LAUNCHER.load(Ordering::Relaxed);
    // A child has another process id, also where it shares this memory.
    if launcher != 0 && nix::unistd::getpid().as_raw() != launcher {
        browndog_runtime::sys::exit_now(ALLOCATED);
    }
}

// SAFETY: every call goes to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Guard {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        watch();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        watch();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GUARD: Guard = Guard;

fn start(xml: &str, options: &Options) -> Result<exec::Ended, String> {
    let domain = common::domain(xml);
    let host = Host::probe();
    let survey = Survey::look(&domain, false, false);
    let plan = plan(&domain, &host, &survey, &common::request());
    LAUNCHER.store(std::process::id() as i32, Ordering::Relaxed);
    let started = exec::start(&plan, &host, survey, options).map_err(|error| error.to_string());
    let ended = started.and_then(|mut running| running.wait().map_err(|errno| errno.to_string()));
    LAUNCHER.store(0, Ordering::Relaxed);
    ended
}

#[test]
fn no_step_of_a_start_allocates() {
    let Some(_right) = common::start_right() else { return };
    let _alone = watch_alone();
    let ram = "<filesystem type='ram'><source usage='64'/><target dir='/mnt'/></filesystem>\
               <filesystem type='bind'><source dir='/usr'/><target dir='/srv'/><readonly/></filesystem>";
    let shared = common::document("<features><privnet/></features>", "", ram);
    // Looked at twice.
    let user = shared.replace("</os>", "<inituser>1000</inituser><initgroup>1000</initgroup></os>");
    assert_ne!(user, shared);
    // With memory shared, and with a copy of it.
    for xml in [shared, user, common::networked()] {
        assert_eq!(start(&xml, &Options::default()), Ok(exec::Ended::Exited(0)));
        // A child that fails reports by numbers, too.
        let options = Options { child_fault: Some((20, nix::libc::EIO)), ..Options::default() };
        let error = start(&xml, &options).unwrap_err();
        assert!(error.contains("EIO"), "{error}");
    }
}

#[test]
fn the_guard_notices_an_allocation_in_a_child() {
    let _alone = watch_alone();
    LAUNCHER.store(std::process::id() as i32, Ordering::Relaxed);
    // SAFETY: the child only allocates, which is what it is for, and ends.
    let child = unsafe { nix::unistd::fork() }.expect("fork");
    match child {
        nix::unistd::ForkResult::Child => {
            drop(std::hint::black_box(Box::new(1)));
            browndog_runtime::sys::exit_now(0)
        }
        nix::unistd::ForkResult::Parent { child } => {
            LAUNCHER.store(0, Ordering::Relaxed);
            let status = nix::sys::wait::waitpid(child, None);
            assert_eq!(status, Ok(nix::sys::wait::WaitStatus::Exited(child, ALLOCATED)));
        }
    }
}
