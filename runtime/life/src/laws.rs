//! Laws that hold for every packet at a monitor's socket and for every file of the state, forged ones included: shared by
//! the fuzz targets and the tests that replay what they have found.
//!
//! A law panics where it is broken; that is what a fuzzer looks for.

use std::fs;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::error::LifeError;
use crate::frozen;
use crate::layout::{Layout, make_dir};
use crate::lock::Lock;
use crate::monitor::own_check;
use crate::process::{ProcessId, boot_id};
use crate::protocol::{PACKET, Packet, Reply, Request};
use crate::record::{self, Found, Made, Record, VERSION};
use crate::{domains, liveness, noted};

/// The name that the files of the laws are about.
const NAME: &str = "web";

/// Any packet is decoded without a panic; a request that is understood means the same when it is written, and a monitor
/// takes over nothing that no start of its domain can have made.
pub fn packet(data: &[u8]) {
    for attached in [false, true] {
        match Packet::of(data, attached) {
            Packet::Terminal(bytes) => assert!(attached && bytes.len() + 1 == data.len()),
            Packet::Window { .. } => assert!(attached && data.len() == 5),
            Packet::Request(Err(why)) => {
                // It is sent back, and has to fit.
                assert!(why.len() < 4 * PACKET + 1024, "{} bytes are said of {}", why.len(), data.len());
            }
            Packet::Request(Ok(request)) => {
                let text = serde_json::to_vec(&request).expect("a request can be written");
                assert!(
                    matches!(Packet::of(&text, attached), Packet::Request(Ok(again)) if again == request)
                );
                if let Request::Own { made, group } = request {
                    taken(&made, group.as_ref());
                }
            }
        }
    }
    if let Some(reply) = Reply::of(data) {
        let text = serde_json::to_vec(&reply).expect("a reply can be written");
        assert_eq!(Reply::of(&text), Some(reply));
    }
}

/// A domain that has nothing yet takes over a group that carries its own start's name, and nothing else.
fn taken(made: &Made, group: Option<&record::Group>) {
    let scratch = Scratch::new();
    let mut record = Record::starting(NAME, "u");
    record.monitor = Some(ProcessId { pid: 7, start: 9 });
    if own_check(&scratch.layout, &record, made, group).is_err() {
        return;
    }
    match made {
        Made::Group { path, shared } => {
            assert!(!shared && is_plain(path) && path.starts_with("/sys/fs/cgroup"), "{made:?}");
            assert!(path.iter().any(|part| part.to_string_lossy().contains("web.7-9")), "{made:?}");
            assert!(group.is_none_or(|group| group.path == *path), "{group:?}");
        }
        Made::Target { .. } | Made::Link { .. } => panic!("it has no root and no links: {made:?}"),
    }
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().skip(1).all(|part| matches!(part, Component::Normal(_)))
}

/// Any bytes in the place of a file of the state (the first says which) are read without a panic, and twice the same;
/// nothing is changed by it, nothing impossible is believed, and nobody waits.
///
/// `@BOOT@` stands for this boot and `@OWN@` for the start time of this process.
pub fn state(data: &[u8]) {
    let Some((which, contents)) = data.split_first() else { return };
    let contents = written(contents);
    let scratch = Scratch::new();
    match which % 3 {
        0 => a_record(&scratch.layout, &contents),
        1 => some_notes(&scratch.layout, &contents),
        _ => a_lock(&scratch.layout, &contents),
    }
}

fn written(contents: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(contents) else { return contents.to_vec() };
    text.replace("@BOOT@", boot_id()).replace("@OWN@", &ProcessId::own().start.to_string()).into_bytes()
}

fn a_record(layout: &Layout, contents: &[u8]) {
    let path = layout.record(NAME);
    fs::write(&path, contents).expect("it can be written");
    let read = || record::read(layout, NAME);
    let record = match read() {
        Ok(Found::Record(record)) => *record,
        Ok(Found::Damaged(_)) => {
            let view = domains::view(layout, NAME).expect("it can be looked at");
            return assert!(view.stale.is_some() && !view.phase.is_active(), "{view:?}");
        }
        Ok(Found::Nothing) => panic!("there is a file"),
        Err(LifeError::Version { found, .. }) => return assert_ne!(found, VERSION),
        Err(error) => panic!("{error}"),
    };
    assert_eq!((record.version, record.name.as_str()), (VERSION, NAME));
    assert!(record.monitor.iter().chain(&record.init).all(|id| id.pid > 0), "{record:?}");
    assert!(liveness::groups_of(&record).iter().all(|path| is_plain(path)), "{record:?}");
    assert!(
        record.made.iter().all(|made| match made {
            Made::Target { root, path, .. } => is_plain(root) && is_plain(path),
            Made::Group { path, .. } => is_plain(path),
            Made::Link { name, .. } => !name.is_empty() && !name.contains('/'),
        }),
        "{record:?}"
    );
    // Nobody holds its lock, and nobody listens: it is not taken for one that runs by what it says of itself.
    let view = domains::view(layout, NAME).expect("it can be looked at");
    assert!(!view.phase.is_active() || view.doubt.is_some() || view.stale.is_none(), "{view:?}");
    if domains::of_other_boot(&record) && record.phase.is_active() {
        assert!(!view.phase.is_active() || view.doubt.is_some(), "{view:?}");
    }
    assert_eq!(frozen::frozen(&record.groups), frozen::frozen(&record.groups));
    assert!(noted::read(layout, &record).is_ok());
    assert_eq!(fs::read(&path).expect("it is there"), contents, "who only looks changes nothing");
    record.save(layout).expect("it can be written");
    assert!(matches!(read(), Ok(Found::Record(again)) if *again == record));
    let half = &contents[..contents.trim_ascii_end().len() / 2];
    fs::write(&path, half).expect("it can be written");
    assert!(matches!(read(), Ok(Found::Damaged(_)) | Err(LifeError::Version { .. })), "half of it is none");
}

fn some_notes(layout: &Layout, contents: &[u8]) {
    let record = Record { init: Some(ProcessId { pid: 7, start: 9 }), ..Record::starting(NAME, "u") };
    fs::write(noted::path(layout, NAME), contents).expect("it can be written");
    let read = noted::read(layout, &record).expect("a file that says nothing is as none");
    let text = String::from_utf8_lossy(contents);
    assert!(read == browndog_runtime::exec::noted::Noted::default() || text.contains(boot_id()), "{text}");
    noted::write(layout, &record, read.clone()).expect("it can be written");
    assert_eq!(noted::read(layout, &record).expect("it is there"), read);
    let other = Record { init: Some(ProcessId { pid: 7, start: 10 }), ..record };
    assert_eq!(noted::read(layout, &other).expect("it is there"), Default::default(), "of another init");
}

fn a_lock(layout: &Layout, contents: &[u8]) {
    let path = layout.lock(NAME);
    make_dir(path.parent().expect("it is in a directory")).expect("it can be made");
    fs::write(&path, contents).expect("it can be written");
    // Whatever it says: nobody holds it.
    let lock = Lock::take_within(layout, NAME, "fuzz", Duration::ZERO).expect("nobody has it");
    fs::write(&path, contents).expect("it can be written");
    let error = Lock::take_within(layout, NAME, "fuzz", Duration::ZERO).expect_err("it is held");
    let LifeError::Busy { holder, .. } = &error else { panic!("{error}") };
    assert!(!holder.is_empty() && holder.len() <= 200, "{holder}");
    drop(lock);
    drop(Lock::take_within(layout, NAME, "fuzz", Duration::ZERO).expect("nobody has it"));
}

/// A state of its own with a directory for the domain; gone when it is dropped.
struct Scratch {
    layout: Layout,
}

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("browndog-laws-{}-{count}", std::process::id());
        let root = std::env::temp_dir().join(name);
        // Not through Layout::new, which judges every directory above it.
        let layout =
            Layout { run: root.join("run"), definitions: root.join("definitions"), log: root.join("log") };
        make_dir(&layout.domain(NAME)).expect("a directory can be made");
        Self { layout }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(root) = self.layout.run.parent() {
            crate::disregard(fs::remove_dir_all(root));
        }
    }
}
