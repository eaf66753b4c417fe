//! `config.json` as the `lxc` dialect.

use serde_json::Value;

use super::leftover::{Taken, reason};
use super::{ANNOTATION, linux, process};
use crate::convert::binds::{self, Bind, Bound};
use crate::convert::domain::{UNLIMITED_KIB, declare_extension};
use crate::convert::json::Places;
use crate::convert::mounting::{OWN, filesystem, options, ram};
use crate::convert::{Converted, Element, Findings, Place, Surroundings};
use crate::report::{Code, Diagnostic};
use crate::schema::Namespace;
use crate::source::{Source, Span};
use crate::value::{Hostname, quoted};

/// The document so far, and what of the source is in it.
pub(super) struct Reader<'a> {
    places: Places,
    pub(super) config: &'a Value,
    pub(super) surroundings: Surroundings<'a>,
    /// The directory that paths are relative to.
    bundle: &'a str,
    pub(super) taken: Taken,
    pub(super) findings: Findings,
    pub(super) resources: Vec<Element>,
    pub(super) memory: Option<Element>,
    pub(super) idmap: Element,
    pub(super) os: Element,
    pub(super) features: Element,
    pub(super) devices: Element,
    /// Device nodes, behind everything that is mounted.
    pub(super) nodes: Vec<Element>,
    pub(super) labels: Vec<Element>,
    pub(super) share: Element,
    pub(super) extension: Vec<Element>,
}

/// The container of a bundle: `source` is its `config.json`, `bundle` its directory (absolute).
pub fn from_oci(source: &Source, bundle: &str, name: Option<&str>) -> Converted {
    from_oci_on(source, bundle, name, &Surroundings::none())
}

/// The same, with a look at the machine that it is for.
pub fn from_oci_on(
    source: &Source,
    bundle: &str,
    name: Option<&str>,
    surroundings: &Surroundings<'_>,
) -> Converted {
    let mut findings = Findings::of(source);
    if let Some((at, _)) = source.fault() {
        let place = Place { source: 0, span: Span { start: at, end: at } };
        findings.wrong(place, "/", "the file is not UTF-8 text", "JSON is written in UTF-8");
        return findings.conclude(Element::new("domain"));
    }
    let config: Value = match serde_json::from_str(source.text()) {
        Ok(config @ Value::Object(_)) => config,
        Ok(_) => {
            let place = Place { source: 0, span: Places::of(source.text()).place("") };
            findings.wrong(place, "/", "the file is not a JSON object", "an OCI config.json is one");
            return findings.conclude(Element::new("domain"));
        }
        Err(error) => {
            let place = Place { source: 0, span: of_error(source, &error) };
            findings.wrong(
                place,
                "/",
                format!("the file is not JSON: {error}"),
                "an OCI config.json is one object",
            );
            return findings.conclude(Element::new("domain"));
        }
    };
    let mut reader = Reader {
        places: Places::of(source.text()),
        config: &config,
        surroundings: *surroundings,
        bundle,
        taken: Taken::default(),
        findings,
        resources: Vec::new(),
        memory: None,
        idmap: Element::new("idmap"),
        os: Element::new("os").holding(Element::text("type", "exe")),
        features: Element::new("features"),
        devices: Element::new("devices"),
        nodes: Vec::new(),
        labels: Vec::new(),
        share: Element::new("lxc:namespace"),
        extension: Vec::new(),
    };
    reader.version();
    reader.root();
    process::read(&mut reader);
    reader.mounts();
    linux::read(&mut reader);
    reader.finish(name)
}

fn of_error(source: &Source, error: &serde_json::Error) -> Span {
    let lines = source.text().split_inclusive('\n').take(error.line().saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let at = source.text().floor_char_boundary(start + error.column().saturating_sub(1));
    Span::new(at, at)
}

impl<'a> Reader<'a> {
    pub(super) fn place(&self, pointer: &str) -> Place {
        Place { source: 0, span: self.places.place(pointer) }
    }

    /// The value at `pointer`, which is taken with it.
    pub(super) fn take(&mut self, pointer: &str) -> Option<&'a Value> {
        let value = self.config.pointer(pointer).filter(|value| !value.is_null())?;
        self.taken.take(pointer);
        Some(value)
    }

    pub(super) fn text(&mut self, pointer: &str) -> Option<&'a str> {
        let value = self.take(pointer)?;
        self.is(value.as_str(), pointer, "a string")
    }

    pub(super) fn number(&mut self, pointer: &str) -> Option<i64> {
        let value = self.take(pointer)?;
        self.is(value.as_i64(), pointer, "a whole number")
    }

    pub(super) fn flag(&mut self, pointer: &str) -> Option<bool> {
        let value = self.take(pointer)?;
        self.is(value.as_bool(), pointer, "true or false")
    }

    /// The entries of an array; each is taken, or left over, on its own.
    pub(super) fn entries(&mut self, pointer: &str) -> Vec<(String, &'a Value)> {
        let Some(value) = self.config.pointer(pointer).filter(|value| !value.is_null()) else {
            return Vec::new();
        };
        let entries = self.is(value.as_array(), pointer, "an array").map_or(&[][..], Vec::as_slice);
        entries.iter().enumerate().map(|(index, entry)| (format!("{pointer}/{index}"), entry)).collect()
    }

    /// Takes these members of an object; any other is left over.
    pub(super) fn take_members(&mut self, pointer: &str, names: &[&str]) {
        names.iter().for_each(|name| self.taken.take(format!("{pointer}/{name}")));
    }

    fn is<T>(&mut self, value: Option<T>, pointer: &str, what: &str) -> Option<T> {
        if value.is_none() {
            self.wrong(pointer, &format!("the value is not {what}"), "see the OCI runtime specification");
        }
        value
    }

    pub(super) fn lost(&mut self, pointer: &str, why: &str) {
        let place = self.place(pointer);
        self.taken.take(pointer);
        self.findings.lost(place, pointer, format!("{pointer}: {why}"));
    }

    pub(super) fn otherwise(&mut self, pointer: &str, how: &str) {
        let place = self.place(pointer);
        self.findings.otherwise(place, pointer, format!("{pointer}: {how}"));
    }

    pub(super) fn wrong(&mut self, pointer: &str, what: &str, help: &'static str) {
        let place = self.place(pointer);
        self.taken.take(pointer);
        self.findings.wrong(place, pointer, format!("{pointer}: {what}"), help);
    }

    fn version(&mut self) {
        match self.text("/ociVersion") {
            Some(version) if version.starts_with("1.") => {}
            Some(version) => {
                let what = format!("version {} of the specification is not known", quoted(version));
                self.wrong("/ociVersion", &what, "versions 1.x are");
            }
            None => self.wrong(
                "/ociVersion",
                "the file names no version of the specification",
                "is it a config.json?",
            ),
        }
    }

    pub(super) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}/{path}", self.bundle.trim_end_matches('/'))
        }
    }

    fn root(&mut self) {
        let Some(path) = self.text("/root/path") else {
            return self.wrong("/root/path", "the container has no root file system", "write root.path");
        };
        let place = self.place("/root/path");
        let mut root = filesystem("mount", "dir", &self.absolute(path), "/", place);
        if self.flag("/root/readonly") == Some(true) {
            root.children.push(Element::new("readonly").at(self.place("/root/readonly")));
        }
        self.devices.children.push(root);
    }

    fn mounts(&mut self) {
        for (pointer, mount) in self.entries("/mounts") {
            let member = |name: &str| mount.get(name).and_then(Value::as_str).unwrap_or("");
            let (target, kind, source) = (member("destination"), member("type"), member("source"));
            let given = mount.get("options").and_then(Value::as_array);
            let words: Vec<&str> = given.into_iter().flatten().filter_map(Value::as_str).collect();
            let place = self.place(&pointer);
            self.take_members(&pointer, &["destination", "type", "source", "options"]);
            let own = OWN.iter().any(|(own, place)| *own == kind && *place == target)
                || (kind == "tmpfs" && matches!(target, "/dev" | "/dev/shm"))
                // What takes its place where the network is the host's.
                || (source == "/sys" && target == "/sys");
            if own {
                continue;
            }
            let joined = words.join(",");
            let mut options = options(&joined);
            let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
            let element = if options.bind || kind == "bind" {
                let source = self.absolute(source);
                let bind = Bind {
                    source: &source,
                    target: &target,
                    optional: false,
                    file: false,
                    place,
                    key: &pointer,
                };
                match binds::bind(&bind, &self.surroundings, &mut self.findings) {
                    Bound::Mounted(element) => element,
                    Bound::Masked(mask) => {
                        self.extension.push(mask);
                        continue;
                    }
                    Bound::Given(nodes) => {
                        self.nodes.extend(nodes);
                        continue;
                    }
                }
            } else if kind == "tmpfs" {
                let (bytes, mode) = options.of_memory();
                let (element, more) = ram(bytes, mode, &target, place);
                self.extension.extend(more);
                element
            } else {
                self.lost(
                    &pointer,
                    &format!("{target}: a file system of kind {} cannot be mounted", quoted(kind)),
                );
                continue;
            };
            let read_only = options.read_only;
            let element =
                if read_only { element.holding(Element::new("readonly").at(place)) } else { element };
            self.devices.children.push(element);
            let left = options.left();
            if !left.is_empty() {
                let list = left.join(",");
                self.findings.lost(
                    place,
                    format!("{pointer}/options"),
                    format!(
                        "{pointer}/options: {target}: the mount options {} cannot be said",
                        quoted(&list)
                    ),
                );
            }
        }
    }

    fn finish(mut self, name: Option<&str>) -> Converted {
        let whole = self.place("");
        let mut root = Element::new("domain").with("type", "lxc").at(whole);
        let hostname = self.text("/hostname");
        let place = self.place("/hostname");
        let last = self.bundle.trim_end_matches('/').rsplit('/').next().unwrap_or("");
        let name = name.or(hostname).unwrap_or(last).to_owned();
        let derived = Hostname::from_domain_name(&name);
        root.children.push(Element::text("name", name).at(place));
        for part in ["uuid", "title", "description"] {
            let pointer = format!("/annotations/{ANNOTATION}{part}");
            if let Some(text) = self.text(&pointer) {
                root.children.push(Element::text(part, text).at(self.place(&pointer)));
            }
        }
        if let Some(said) = hostname.filter(|said| derived.as_ref().map(Hostname::as_str) != Some(*said)) {
            self.extension.push(Element::text("browndog:hostname", said).at(place));
        }
        match self.memory.take() {
            Some(memory) => root.children.push(memory),
            None => {
                let how = "no limit of memory is set, and the lxc dialect needs one: the largest there is stands for none";
                self.otherwise("/linux/resources/memory/limit", how);
                root.children.push(Element::text("memory", UNLIMITED_KIB).with("unit", "KiB"));
            }
        }
        root.children.append(&mut self.resources);
        root.push_filled(std::mem::take(&mut self.idmap));
        root.children.push(std::mem::take(&mut self.os));
        root.push_filled(std::mem::take(&mut self.features));
        self.devices.children.append(&mut self.nodes);
        root.push_filled(std::mem::take(&mut self.devices));
        root.children.append(&mut self.labels);
        if !self.share.children.is_empty() {
            root.attributes.push(("xmlns:lxc", Namespace::LXC_URI.to_owned()));
            root.children.push(std::mem::take(&mut self.share));
        }
        declare_extension(&mut root, std::mem::take(&mut self.extension));
        for pointer in self.taken.leftover(self.config) {
            if let Some(near) = super::names::misspelt(&pointer) {
                let place = self.place(&pointer);
                let fault = Diagnostic::warning(
                    Code::UnknownKey,
                    place.span,
                    format!("{pointer}: there is no such property"),
                );
                self.findings.push(place, fault.path(&pointer).help(format!("did you mean '{near}'?")));
                continue;
            }
            self.lost(&pointer, reason(&pointer));
        }
        self.findings.conclude(root)
    }
}
