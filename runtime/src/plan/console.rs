//! Consoles: terminals of the container's own, of which the launcher keeps the other side.
//!
//! They are of the devpts instance that the container finds at `/dev/pts`, so that a program there can
//! name its terminal. The child opens them, in its own mount namespace, and hands the launcher its side.

use std::borrow::Cow;

use browndog_xml::domain::Origin;

use super::build::Builder;
use super::devices::{AFTER_DEV, attach_file};
use super::identity::init_uid;
use super::step::{Beneath, ChildStep, c_string};
use crate::survey::Purpose;

const CONSOLE: Origin = Origin::Default("the caller's terminal becomes the container's console");
/// The slot of the mount of devpts in which the consoles are opened.
pub(super) const PTS: &str = "tree of /dev/pts";
const STREAMS: Origin = Origin::Default("the caller's files, devices and terminal stay on the host");

/// Whether the init gets a terminal: the caller has one, or the document names one of the host's.
fn wanted(b: &Builder<'_>) -> bool {
    b.request.terminal || matches!(b.survey.terminal, Some(Ok(_)))
}

/// How many consoles there are.
pub(super) fn count(b: &Builder<'_>) -> usize {
    if wanted(b) { 1 + b.request.more_consoles } else { 0 }
}

/// The RFC's `tty`: a terminal of the host that is the other end of the console.
pub(super) fn say_where(b: &mut Builder<'_>) {
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

/// The slot of the first console's terminal.
pub(super) const TERMINAL: &str = "console terminal";

/// The slot of a console's terminal.
fn terminal_name(index: usize) -> Cow<'static, str> {
    if index == 0 { Cow::Borrowed(TERMINAL) } else { Cow::Owned(format!("console terminal {index}")) }
}

/// Each console with its `/dev/ttyN`, and `/dev/console`.
pub(super) fn populate(b: &mut Builder<'_>) {
    let user = init_uid(b);
    let owner = (user != 0).then_some(user);
    let Some(pts) = b.find_slot(PTS) else { return };
    for index in 0..count(b) {
        let origin = b.domain.consoles.get(index).map_or(CONSOLE, |console| console.origin);
        let slot = b.slot(terminal_name(index));
        let why = "a terminal of its own: the caller's cannot be reached through it";
        let id = if index == 0 { "open-console".to_owned() } else { format!("open-console:{index}") };
        b.child(id, ChildStep::OpenConsole { pts, index, owner, slot }, origin, why);
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

/// Pipes of the launcher's in the place of the caller's descriptors, where the survey has them.
pub(super) fn streams(b: &mut Builder<'_>) {
    let streams = [0, 1, 2].map(|number| b.source(Purpose::Stream(number)));
    if streams.iter().any(Option::is_some) {
        let why =
            "what is in a container can be opened anew there: a pipe gives no more than passes through it";
        b.child("take-streams", ChildStep::TakeStreams { streams }, STREAMS, why);
    }
}
