//! What a container must not see or lose by a path that an image leads astray: its root, browndog's own state, and what
//! the document hides.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use support::life::Life;
use support::{BROWNDOG, Case, merged_usr, root, text};

fn filesystem(kind: &str, source: &Path, target: &str) -> String {
    let source = source.display();
    format!("<filesystem type='{kind}'><source dir='{source}'/><target dir='{target}'/></filesystem>")
}

/// A root directory of its own, `vol/secret` beside it, and a state with a domain that runs.
struct Place {
    life: Life,
}

impl Place {
    fn new() -> Option<Self> {
        if !root() || !merged_usr() {
            return None;
        }
        let case = Case::new();
        case.root_tree();
        fs::create_dir(case.dir.path().join("vol")).unwrap();
        fs::write(case.dir.path().join("vol/secret"), "SECRET").unwrap();
        Some(Self { life: Life { case } })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.life.case.dir.path().join(name)
    }

    fn in_image(&self, name: &str) -> PathBuf {
        self.at("root").join(name)
    }

    fn run(&self, script: &str, rest: &str, devices: &str) -> Output {
        let file = self.life.case.on_root(script, rest, devices);
        self.run_file(&file)
    }

    fn run_file(&self, file: &Path) -> Output {
        let mut command = Command::new(BROWNDOG);
        command.arg("--root").arg(self.life.root()).arg("run").arg(file).stdin(Stdio::null());
        command.output().unwrap()
    }
}

fn mask(path: &str) -> String {
    format!("<browndog:mask xmlns:browndog='urn:browndog:domain:1' path='{path}'/>")
}

/// What is mounted on the root hides the whole of it, and no path leads to what was there.
#[rstest]
#[case::at_once("/", "/data")]
#[case::up_again("/etc/..", "/data")]
#[case::on_the_way("/", "/data/.")]
fn nothing_is_mounted_on_the_root_by_a_link(#[case] link: &str, #[case] target: &str) {
    let Some(place) = Place::new() else { return };
    symlink(link, place.in_image("links")).unwrap();
    fs::remove_dir_all(place.in_image("data")).unwrap_or_default();
    symlink("/links", place.in_image("data")).unwrap();
    let volume = filesystem("mount", &place.at("vol"), target);
    for devices in [volume.clone(), volume.replace("<source", "<readonly/><source")] {
        let output = place.run("echo STARTED", "", &devices);
        let said = text(&output.stderr);
        assert_eq!(text(&output.stdout), "", "{said}");
        assert!(said.contains("attach:/data") && said.contains("root itself"), "{said}");
        assert!(said.contains("domain.xml:"), "{said}");
    }
    let ram = "<filesystem type='ram'><source usage='1024' units='KiB'/><target dir='/data'/></filesystem>";
    let output = place.run("echo STARTED", "", ram);
    assert_eq!(text(&output.stdout), "", "{}", text(&output.stderr));
}

#[test]
fn nothing_is_attached_on_the_root_by_a_link_nor_what_holds_state() {
    let Some(place) = Place::new() else { return };
    let life = &place.life;
    let file = life.case.on_root("ln -s / /late; echo > /there; while :; do sleep 1; done", "", "");
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    support::remove_if_there(&place.in_image("late"));
    symlink("/", place.in_image("late")).unwrap();
    let device = place.at("device.xml");
    // What holds the state, which only a start can hide.
    fs::write(&device, filesystem("mount", &place.at("."), "/mnt")).unwrap();
    let output = life.run(&["attach-device", life.name(), device.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("only a start can hide"), "{said}");
    fs::write(&device, filesystem("mount", &place.at("vol"), "/late")).unwrap();
    let output = life.run(&["attach-device", life.name(), device.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("onto its root"), "{said}");
    life.ok(&["destroy", life.name()]);
    life.ok(&["undefine", life.name()]);
}

/// The state is hidden in the tree that has it, however the document names it and wherever a link of the image puts it.
#[rstest]
#[case::by_its_name(".", false)]
#[case::by_a_link("link", false)]
#[case::and_up_again("vol/..", false)]
#[case::where_the_image_leads(".", true)]
fn state_is_hidden_in_every_tree_that_has_it(#[case] source: &str, #[case] led: bool) {
    let Some(place) = Place::new() else { return };
    let life = &place.life;
    symlink(place.at("."), place.at("link")).unwrap();
    let file = life.case.on_root("sleep 600", "", "");
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    let name = life.root().strip_prefix(life.case.dir.path()).unwrap().display().to_string();
    if led {
        fs::create_dir(place.in_image("there")).unwrap();
        fs::create_dir_all(place.in_image(&format!("{name}/run"))).unwrap();
        symlink("/there", place.in_image("seen")).unwrap();
    } else {
        fs::create_dir(place.in_image("seen")).unwrap();
    }
    let devices =
        filesystem("mount", &place.at(source), "/seen") + &filesystem("bind", Path::new("/seen"), "/copy");
    let script = format!(
        "for d in /seen /there /copy; do for s in run definitions log; do ls -A $d/{name}/$s 2>/dev/null; done; done; \
         cat /seen/vol/secret /copy/vol/secret"
    );
    let run = place.at("run.xml");
    fs::copy(life.case.on_root(&script, "", &devices), &run).unwrap();
    let text_of =
        fs::read_to_string(&run).unwrap().replace(&format!("<name>{}<", life.name()), "<name>astray-other<");
    fs::write(&run, text_of).unwrap();
    let output = place.run_file(&run);
    assert_eq!(text(&output.stdout), "SECRETSECRET", "{}", text(&output.stderr));
    life.ok(&["destroy", life.name()]);
    life.ok(&["undefine", life.name()]);
}

/// The state's directory is there before the first container that would see it.
#[test]
fn state_that_is_made_later_is_hidden_too() {
    let Some(place) = Place::new() else { return };
    let state = place.at("fresh");
    let script = format!("ls -A {0}; ls -A {0}/run; echo END", "/data/fresh");
    fs::create_dir_all(place.in_image("data")).unwrap();
    let file = place.life.case.on_root(&script, "", &filesystem("mount", &place.at("."), "/data"));
    let mut command = Command::new(BROWNDOG);
    command.arg("--root").arg(&state).arg("run").arg(&file).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(text(&output.stdout), "definitions\nlog\nrun\nEND\n", "{}", text(&output.stderr));
}

#[test]
fn a_part_of_the_state_is_shown_empty_or_refused() {
    let Some(place) = Place::new() else { return };
    let run = place.life.root().join("run");
    fs::create_dir_all(run.join("locks")).unwrap();
    for dir in [place.life.root(), run.clone(), run.join("locks")] {
        fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    fs::write(run.join("locks/one"), "STATE").unwrap();
    let output = place.run("ls -A /data; echo END", "", &filesystem("mount", &run.join("locks"), "/data"));
    assert_eq!(text(&output.stdout), "END\n", "{}", text(&output.stderr));
    let output = place.run("cat /data; echo END", "", &filesystem("mount", &run.join("locks/one"), "/data"));
    let said = text(&output.stderr);
    assert!(output.stdout.is_empty() && said.contains("which no container gets"), "{said}");
}

/// A copy made through a link of the image has what the document hides.
#[rstest]
#[case::the_volume("/vol")]
#[case::the_root("/")]
#[case::by_procfs("/proc/1/root")]
#[case::by_two("/second")]
fn a_copy_shows_nothing_that_is_masked(#[case] link: &str) {
    let Some(place) = Place::new() else { return };
    symlink(link, place.in_image("cache")).unwrap();
    symlink("vol", place.in_image("second")).unwrap();
    let devices =
        filesystem("mount", &place.at("vol"), "/vol") + &filesystem("bind", Path::new("/cache"), "/copy");
    let look = "cat /vol/secret /copy/secret /copy/vol/secret /cache/secret 2>/dev/null; echo END";
    let output = place.run(look, &mask("/vol/secret"), &devices);
    let said = text(&output.stdout);
    assert!(!said.contains("SECRET"), "{said}");
    // And a copy by its name is made, with the mask in it.
    let devices = devices.replace("/cache", "/vol");
    let output = place.run(look, &mask("/vol/secret"), &devices);
    assert_eq!(text(&output.stdout), "END\n", "{}", text(&output.stderr));
    // A mask of a place in the copy.
    let devices = devices + &filesystem("bind", Path::new("/vol"), "/more");
    let output = place.run("cat /more/secret /vol/secret; echo END", &mask("/more/secret"), &devices);
    assert_eq!(text(&output.stdout), "SECRETEND\n", "{}", text(&output.stderr));
}

/// A mask that can be put only by its name, when all is mounted, and a copy do not go together.
#[test]
fn a_mask_behind_a_link_and_a_copy_are_refused() {
    let Some(place) = Place::new() else { return };
    symlink("/etc", place.in_image("behind")).unwrap();
    fs::write(place.in_image("etc/hidden"), "SECRET").unwrap();
    let look = "cat /etc/hidden; echo END";
    let output = place.run(look, &mask("/behind/hidden"), "");
    assert_eq!(text(&output.stdout), "END\n", "{}", text(&output.stderr));
    let copy = filesystem("bind", Path::new("/etc"), "/copy");
    let output = place.run(look, &mask("/behind/hidden"), &copy);
    let said = text(&output.stderr);
    assert!(
        output.stdout.is_empty() && said.contains("could show it") && said.contains("domain.xml:"),
        "{said}"
    );
}
