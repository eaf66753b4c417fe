//! Consoles: terminals of the container's own, of which the launcher keeps the other side.
//!
//! They are of the devpts instance that the container finds at `/dev/pts`, so that a program there can
//! name its terminal; the launcher makes that instance and opens them before the container is there.

use std::borrow::Cow;

use browndog_xml::domain::{IdRange, Origin, Sourced};

use super::build::Builder;
use super::devices::{AFTER_DEV, DEV, TTY_GID, attach_file};
use super::identity::init_uid;
use super::step::{Beneath, ChildStep, HostStep, c_string};
use crate::host::Host;

const CONSOLE: Origin = Origin::Default("the caller's terminal becomes the container's console");
pub(super) const PTS: &str = "tree of /dev/pts";

/// Whether the init gets a terminal: the caller has one, or the document names one of the host's.
fn wanted(b: &Builder<'_>) -> bool {
    b.request.terminal || matches!(b.survey.terminal, Some(Ok(_)))
}

/// How many consoles there are.
fn count(b: &Builder<'_>) -> usize {
    if wanted(b) { 1 + b.request.more_consoles } else { 0 }
}

/// Opens the terminals, on the host.
pub(super) fn open(b: &mut Builder<'_>) {
    say_where(b);
    if !wanted(b) {
        return;
    }
    let pts = b.slot(PTS);
    let gid = outside_tty(b);
    let why = "an instance of its own: terminals of the host cannot be reached";
    b.host_step("make-pts", HostStep::MakePts { into: pts, gid }, DEV, why);
    let user = init_uid(b);
    // Of the launcher it is without being asked.
    let owner = if b.domain.idmap.is_some() || user != 0 { outside_user(b, user) } else { None };
    for index in 0..count(b) {
        let slot = b.slot(terminal_name(index));
        let origin = b.domain.consoles.get(index).map_or(CONSOLE, |console| console.origin);
        let why = "a terminal of its own: the caller's cannot be reached through it";
        let id = if index == 0 { "open-console".to_owned() } else { format!("open-console:{index}") };
        b.host_step(id, HostStep::OpenConsole { index, pts, slot, owner }, origin, why);
    }
}

/// The launcher's id of a user of the container; `None` where there is none.
fn outside_user(b: &Builder<'_>, uid: u32) -> Option<u32> {
    match &b.domain.idmap {
        None => Some(uid),
        Some(idmap) => Host::from_host(&b.host.uid_map, behind(&idmap.uid, uid)?, 1),
    }
}

/// The launcher's id of the group of terminals, where there is one.
fn outside_tty(b: &Builder<'_>) -> Option<u32> {
    match &b.domain.idmap {
        None => b.host.has_gid(TTY_GID).then_some(TTY_GID),
        Some(idmap) => Host::from_host(&b.host.gid_map, behind(&idmap.gid, TTY_GID)?, 1),
    }
}

/// The id of the host behind an id of the container.
fn behind(ranges: &[Sourced<IdRange>], id: u32) -> Option<u32> {
    let mut ranges = ranges.iter().map(|range| range.value);
    let range = ranges.find(|range| range.start <= id && id - range.start < range.count)?;
    Some(range.target + (id - range.start))
}

/// The RFC's `tty`: a terminal of the host that is the other end of the console.
fn say_where(b: &mut Builder<'_>) {
    for (index, console) in b.domain.consoles.iter().enumerate() {
        let Some(tty) = &console.tty else { continue };
        let reason = match &b.survey.terminal {
            Some(Ok(_)) if index == 0 => {
                let message = format!("the console is talked to at {}", tty.value);
                b.note(tty.origin, message, "its bytes pass through; the container cannot reach it itself");
                continue;
            }
            Some(Err(reason)) if index == 0 => reason.clone(),
            None if index == 0 => continue,
            _ => "only the first console is talked to".to_owned(),
        };
        let message = format!("the console is not {}: {reason}", tty.value);
        b.note(tty.origin, message, "the terminal you start from is used, where there is one");
    }
    if !wanted(b) && b.domain.consoles.len() > 1 {
        b.note(
            b.domain.consoles[1].origin,
            "there are no consoles: standard input and output are no terminal, and the init gets them as they are",
            "start from a terminal, or with --tty",
        );
    }
}

/// The slot of a console's terminal.
pub(super) fn terminal_name(index: usize) -> String {
    if index == 0 { "console terminal".to_owned() } else { format!("console terminal {index}") }
}

/// Attaches the launcher's devpts instance; `false` where it made none.
pub(super) fn attach_pts(b: &mut Builder<'_>) -> bool {
    let Some(tree) = b.find_slot(PTS) else { return false };
    let step = ChildStep::Attach { tree, target: Beneath::new("/dev/pts") };
    b.child("attach:/dev/pts", step, DEV, "an instance of its own, in which its consoles are open");
    true
}

/// `/dev/console` and `/dev/ttyN` of each console.
pub(super) fn populate(b: &mut Builder<'_>) {
    for index in 0..count(b) {
        let origin = b.domain.consoles.get(index).map_or(CONSOLE, |console| console.origin);
        let pts = format!("/dev/pts/{index}");
        if index == 0 {
            let tree = b.slot("tree of /dev/console");
            let step = ChildStep::CloneTree { source: Beneath::new(&pts), into: tree };
            b.child("clone-tree:/dev/console", step, origin, "after /dev/pts, in which it is");
            attach_file(b, tree, "/dev/console", origin, "a mount: a link would be followed to its name");
        }
        let link = format!("/dev/tty{}", index + 1);
        let value = Cow::Owned(c_string(&format!("pts/{index}")));
        let step = ChildStep::MakeLink { value, target: Beneath::new(&link) };
        b.child(("link", link), step, origin, AFTER_DEV);
    }
}

/// libvirt's `container_ttys`: the consoles after the first, by their names below `/dev`.
pub(super) fn further(b: &Builder<'_>) -> Option<String> {
    let names: Vec<String> = (1..count(b)).map(|index| format!("pts/{index}")).collect();
    (!names.is_empty()).then(|| names.join(" "))
}
