//! `process`: what runs, as whom, with what rights.

use serde_json::Value;

use super::read::Reader;
use crate::convert::Element;
use crate::value::{Capability, quoted};

pub(super) fn read(reader: &mut Reader<'_>) {
    arguments(reader);
    environment(reader);
    if let Some(cwd) = reader.text("/process/cwd").filter(|cwd| *cwd != "/") {
        let place = reader.place("/process/cwd");
        reader.os.children.push(Element::text("initdir", cwd).at(place));
    }
    let (uid, gid) = (reader.number("/process/user/uid"), reader.number("/process/user/gid"));
    if uid.unwrap_or(0) != 0 || gid.unwrap_or(0) != 0 {
        for (name, id, pointer) in
            [("inituser", uid, "/process/user/uid"), ("initgroup", gid, "/process/user/gid")]
        {
            let place = reader.place(pointer);
            reader.os.children.push(Element::text(name, format!("+{}", id.unwrap_or(0))).at(place));
        }
    }
    if let Some(umask) = reader.number("/process/user/umask") {
        let place = reader.place("/process/user/umask");
        let mask = Element::new("browndog:umask").with("mask", format!("{umask:03o}"));
        reader.extension.push(mask.at(place));
    }
    for (pointer, group) in reader.entries("/process/user/additionalGids") {
        let place = reader.place(&pointer);
        reader.taken.take(&pointer);
        reader.extension.push(Element::new("browndog:group").with("id", group).at(place));
    }
    if reader.flag("/process/terminal") == Some(true) {
        let place = reader.place("/process/terminal");
        reader.devices.children.push(Element::new("console").with("type", "pty").at(place));
    }
    match reader.flag("/process/noNewPrivileges") {
        Some(true) => {}
        Some(false) => {
            let place = reader.place("/process/noNewPrivileges");
            reader.extension.push(Element::new("browndog:no_new_privs").with("state", "off").at(place));
        }
        None if reader.config.pointer("/process").is_some() => {
            let why = "programs get no new privileges by being executed, where nothing is said: \
                       <browndog:no_new_privs state='off'/> lets su and sudo work";
            reader.otherwise("/process/noNewPrivileges", why);
        }
        None => {}
    }
    capabilities(reader);
    limits(reader);
    for (pointer, model) in [("/process/apparmorProfile", "apparmor"), ("/process/selinuxLabel", "selinux")] {
        // No label is what every container here has.
        if let Some(label) = reader.text(pointer).filter(|label| *label != "unconfined") {
            let element = Element::new("seclabel").with("type", "static").with("model", model);
            let element = element.holding(Element::text("label", label)).at(reader.place(pointer));
            reader.labels.push(element);
        }
    }
}

fn arguments(reader: &mut Reader<'_>) {
    let mut words = Vec::new();
    for (pointer, word) in reader.entries("/process/args") {
        match word.as_str() {
            Some(word) => words.push((reader.place(&pointer), word)),
            None => reader.wrong(&pointer, "the value is not a string", "arguments are strings"),
        }
        reader.taken.take(pointer);
    }
    let mut words = words.into_iter();
    let Some((place, program)) = words.next() else {
        return reader.wrong(
            "/process/args",
            "there is nothing to run",
            "write the program and its arguments",
        );
    };
    let found = if program.starts_with('/') { Some(program.to_owned()) } else { looked_up(reader, program) };
    if let Some(program) = found {
        reader.os.children.push(Element::text("init", program).at(place));
    } else {
        let how = format!("/usr/bin/env looks {} up in the container's PATH", quoted(program));
        reader.otherwise("/process/args/0", &how);
        reader.os.children.push(Element::text("init", "/usr/bin/env").at(place));
        reader.os.children.push(Element::text("initarg", program).at(place));
    }
    reader.os.children.extend(words.map(|(place, word)| Element::text("initarg", word).at(place)));
}

/// Where the container's PATH finds a program in the root file system that is named.
fn looked_up(reader: &Reader<'_>, program: &str) -> Option<String> {
    let root = reader.absolute(reader.config.pointer("/root/path")?.as_str()?);
    let env = reader.config.pointer("/process/env").and_then(Value::as_array);
    let path = env.into_iter().flatten().filter_map(|it| it.as_str()?.strip_prefix("PATH=")).next_back();
    (reader.surroundings.program)(&root, program, path.unwrap_or(super::PATH))
}

fn environment(reader: &mut Reader<'_>) {
    for (pointer, variable) in reader.entries("/process/env") {
        match variable.as_str().and_then(|variable| variable.split_once('=')) {
            Some((_, "")) => reader.lost(&pointer, "a variable without a value cannot be written"),
            Some((name, value)) => {
                let place = reader.place(&pointer);
                reader.os.children.push(Element::text("initenv", value).with("name", name).at(place));
                reader.taken.take(pointer);
            }
            None => reader.lost(&pointer, "it is not of the form NAME=VALUE"),
        }
    }
}

/// The bounding set is what a container can ever have.
fn capabilities(reader: &mut Reader<'_>) {
    if reader.config.pointer("/process/capabilities").is_none() {
        if reader.config.pointer("/process").is_some() {
            reader.otherwise(
                "/process/capabilities",
                "nothing is said of capabilities: the restricted set holds",
            );
        }
        return;
    }
    let place = reader.place("/process/capabilities/bounding");
    let mut element = Element::new("capabilities").with("policy", "deny").at(place);
    for (pointer, name) in reader.entries("/process/capabilities/bounding") {
        let written = name.as_str().unwrap_or("");
        let bare = written.strip_prefix("CAP_").unwrap_or(written).to_ascii_lowercase();
        match Capability::from_name(&bare) {
            Some(capability) if element.children.iter().all(|child| child.name != capability.name()) => {
                let place = reader.place(&pointer);
                element.children.push(Element::new(capability.name()).with("state", "on").at(place));
            }
            Some(_) => {}
            // Who is not given one has less.
            None => reader.lost(
                &pointer,
                &format!("{} is no capability that is known, and is not given", quoted(written)),
            ),
        }
        reader.taken.take(pointer);
    }
    let bounding = set(reader, "bounding");
    for name in ["effective", "permitted"] {
        // The same set, or a smaller one than the kernel would give: then it is left over and named.
        if set(reader, name) == bounding {
            reader.taken.take(format!("/process/capabilities/{name}"));
        }
    }
    reader.taken.take("/process/capabilities/bounding");
    reader.features.children.push(element);
}

fn set(reader: &Reader<'_>, name: &str) -> Vec<String> {
    let entries = reader.config.pointer(&format!("/process/capabilities/{name}")).and_then(Value::as_array);
    let mut names: Vec<String> =
        entries.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn limits(reader: &mut Reader<'_>) {
    for (pointer, limit) in reader.entries("/process/rlimits") {
        let name = limit.get("type").and_then(Value::as_str).unwrap_or("");
        let bound = |name: &str| match limit.get(name).and_then(Value::as_u64) {
            Some(u64::MAX) => "unlimited".to_owned(),
            Some(bound) => bound.to_string(),
            None => String::new(),
        };
        let (soft, hard) = (bound("soft"), bound("hard"));
        let name = name.strip_prefix("RLIMIT_").unwrap_or(name).to_ascii_lowercase();
        let element =
            Element::new("browndog:rlimit").with("name", name).with("soft", soft).with("hard", hard);
        let place = reader.place(&pointer);
        reader.extension.push(element.at(place));
        reader.take_members(&pointer, &["type", "soft", "hard"]);
    }
}
