//! Scenes: what is set up and done so that checks have facts to look at.

mod astray;
mod background;
mod beside;
mod callers;
mod entered;
mod exchange;
mod given;
mod hostile;
mod life;
mod limits;
mod mapped;
mod plain;
mod sources;
mod spent;
mod staged;
mod tried;
mod twofold;

use crate::facts::Facts;
use crate::stage::{SceneError, Stage};

/// A scene.
#[derive(Clone, Copy)]
pub struct Scene {
    /// Name that checks refer to.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub about: &'static str,
    /// Does it.
    pub play: fn(&mut Stage<'_>) -> Result<Facts, SceneError>,
}

/// All scenes, in the order in which they are played.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "plain",
        about: "one container of the plain profile reports everything it sees and tries",
        play: plain::plain,
    },
    Scene { name: "nonroot", about: "the same as uid and gid 1000", play: plain::nonroot },
    Scene { name: "strict", about: "the same with an id map", play: plain::strict },
    Scene { name: "readonly", about: "a read-only root takes every kind of write", play: plain::readonly },
    Scene {
        name: "volumes",
        about: "volumes read-only and read-write, and a memory file system",
        play: plain::volumes,
    },
    Scene {
        name: "devices",
        about: "nodes for every device number of the machine lie in the image",
        play: plain::devices,
    },
    Scene {
        name: "opened",
        about: "no filter, and the capability to make nodes: what holds then is the session of keys and the device policy",
        play: plain::opened,
    },
    Scene { name: "limits", about: "limits of memory, processes and CPU are run into", play: limits::limits },
    Scene {
        name: "declared",
        about: "resource limits, sysctls, host name and directory are declared",
        play: limits::declared,
    },
    Scene { name: "shifted", about: "clocks are shifted by declared offsets", play: limits::shifted },
    Scene { name: "ends", about: "payloads exit, abort, are killed, and are sent signals", play: life::ends },
    Scene { name: "cannot", about: "programs that cannot be executed", play: life::cannot },
    Scene {
        name: "closed",
        about: "a caller whose standard input, output and error are closed",
        play: callers::closed,
    },
    Scene {
        name: "terminal",
        about: "a caller at a terminal, which the payload tries to type on",
        play: callers::terminal,
    },
    Scene {
        name: "uevents",
        about: "a device of the machine says that it changed while an id-mapped container listens",
        play: callers::uevents,
    },
    Scene {
        name: "orphaned",
        about: "the runtime's process is killed while its container runs",
        play: life::orphaned,
    },
    Scene {
        name: "early",
        about: "the runtime's process is killed at twenty moments of a start",
        play: life::killed_early,
    },
    Scene { name: "starved", about: "the runtime gets few descriptors", play: life::starved },
    Scene {
        name: "traffic",
        about: "bytes and arguments pass unchanged, short payloads are not lost",
        play: life::traffic,
    },
    Scene {
        name: "images",
        about: "images with links and files where directories are expected",
        play: hostile::images,
    },
    Scene {
        name: "accounts",
        about: "images whose account files want to hang their reader",
        play: hostile::accounts,
    },
    Scene {
        name: "astray",
        about: "links of the image stand in the way of the init: its directory, its program, its interpreter",
        play: astray::astray,
    },
    Scene { name: "rootless", about: "a plain user starts the same", play: astray::rootless },
    Scene {
        name: "twofold",
        about: "links in the place of /proc, /sys and /dev that mean one place or two",
        play: twofold::twofold,
    },
    Scene {
        name: "misdirected",
        about: "a link of the image and a volume want a sysctl of the document to land elsewhere",
        play: twofold::misdirected,
    },
    Scene {
        name: "given",
        about: "a caller whose standard input, output and error are files, or a directory",
        play: given::descriptors,
    },
    Scene { name: "odd", about: "volumes whose sources and targets have odd names", play: given::odd },
    Scene {
        name: "staged",
        about: "the host has mounted file systems below the root and below volumes before the start",
        play: staged::staged,
    },
    Scene {
        name: "mapped",
        about: "an id map, with the capabilities that the runtime gives by itself",
        play: mapped::own_root,
    },
    Scene {
        name: "mapped_host",
        about: "an id map on the host's own tree, whose /proc, /sys and /dev lie below the container's",
        play: mapped::host_tree,
    },
    Scene {
        name: "mapped_zero",
        about: "an id map that makes root inside the host's root",
        play: mapped::onto_root,
    },
    Scene {
        name: "exchange",
        about: "somebody exchanges names of the root all the time, beside many starts",
        play: exchange::exchange,
    },
    Scene {
        name: "sources",
        about: "a pipe or a file of the kernel is named as the image of a file system",
        play: sources::sources,
    },
    Scene {
        name: "entered",
        about: "programs are run in a hostile container: links, full pipes, frozen, stopped",
        play: entered::entered,
    },
    Scene {
        name: "attached",
        about: "devices are attached and detached while the container moves the names of their targets",
        play: entered::attached,
    },
    Scene {
        name: "monitored",
        about: "a container on the host's own tree gives orders to the runtime's monitors",
        play: entered::monitored,
    },
    Scene {
        name: "beside",
        about: "containers in the background beside others, and the state of the runtime",
        play: beside::beside,
    },
    Scene { name: "reboot", about: "a process that is not PID 1 asks for a reboot", play: beside::reboot },
    Scene {
        name: "spent",
        about: "a container opens terminals until there are none left",
        play: spent::spent,
    },
    Scene {
        name: "peers",
        about: "one container holds objects, another looks for them",
        play: limits::peers,
    },
    Scene { name: "parallel", about: "ten containers start at once", play: limits::parallel },
    Scene {
        name: "latency",
        about: "start to exit beside the same program without a container",
        play: limits::latency,
    },
];
