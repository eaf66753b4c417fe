//! Scenes: what is set up and done so that checks have facts to look at.

use crate::facts::Facts;
use crate::host;
use crate::spec::Spec;
use crate::stage::{SceneError, Stage};

/// A scene.
#[derive(Clone, Copy)]
pub struct Scene {
    /// Name that checks refer to.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub about: &'static str,
    /// Does it.
    pub play: fn(&Stage<'_>) -> Result<Facts, SceneError>,
}

/// All scenes.
pub const SCENES: [Scene; 1] = [Scene {
    name: "plain",
    about: "one container of the plain profile reports everything it sees",
    play: plain,
}];

fn plain(stage: &Stage<'_>) -> Result<Facts, SceneError> {
    let (place, name) = stage.place("plain")?;
    let spec = Spec::plain(&name, place.join("root"), stage.probe_argv("pid", true));
    stage.observe(&spec, &place, &host::look)
}
