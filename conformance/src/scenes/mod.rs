//! Scenes: what is set up and done so that checks have facts to look at.

mod plain;

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
];
