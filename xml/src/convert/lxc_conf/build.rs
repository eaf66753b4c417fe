//! The document of a configuration, as its settings come in.

use super::cgroup::Limits;
use super::mounts::Mounts;
use super::net::Networks;
use super::parse::Line;
use crate::convert::domain::{UNLIMITED_KIB, declare_extension};
use crate::convert::{Converted, Element, Findings, Place, Surroundings};
use crate::nearest::nearest;
use crate::schema::Namespace;
use crate::source::Span;
use crate::value::{Capability, Hostname, parse_u64, quoted};

/// What was said so far.
pub(super) struct Build<'a> {
    pub(super) findings: Findings,
    pub(super) surroundings: Surroundings<'a>,
    pub(super) mounts: Mounts,
    pub(super) networks: Networks,
    pub(super) limits: Limits,
    uts_name: Option<(String, Place)>,
    arch: Option<Element>,
    init: Vec<Element>,
    environment: Vec<Element>,
    cwd: Option<Element>,
    user: Option<Element>,
    group: Option<Element>,
    idmap: Element,
    dropped: Vec<(Capability, Place)>,
    kept: Option<Vec<(Capability, Place)>>,
    drops: Option<Place>,
    keeps: Option<Place>,
    consoles: u64,
    no_console: bool,
    seclabels: Vec<Element>,
    extension: Vec<Element>,
    time: Option<Element>,
    privileges_said: bool,
}

impl<'a> Build<'a> {
    pub(super) fn new(findings: Findings, surroundings: Surroundings<'a>) -> Self {
        Self {
            findings,
            surroundings,
            mounts: Mounts::default(),
            networks: Networks::default(),
            limits: Limits::default(),
            uts_name: None,
            arch: None,
            init: Vec::new(),
            environment: Vec::new(),
            cwd: None,
            user: None,
            group: None,
            idmap: Element::new("idmap"),
            dropped: Vec::new(),
            kept: None,
            drops: None,
            keeps: None,
            consoles: 1,
            no_console: false,
            seclabels: Vec::new(),
            extension: Vec::new(),
            time: None,
            privileges_said: false,
        }
    }

    /// Adds elements of browndog's own namespace.
    pub(super) fn extend(&mut self, elements: impl IntoIterator<Item = Element>) {
        self.extension.extend(elements);
    }

    pub(super) fn lost(&mut self, line: &Line, why: &str) {
        self.findings.lost(line.place, line.written.clone(), format!("{}: {why}", line.written));
    }

    pub(super) fn otherwise(&mut self, line: &Line, how: &str) {
        self.findings.otherwise(line.place, line.written.clone(), format!("{}: {how}", line.written));
    }

    pub(super) fn wrong(&mut self, line: &Line, what: &str, help: &'static str) {
        let message = format!("{}: {what}", line.written);
        self.findings.wrong(line.place, line.written.clone(), message, help);
    }

    pub(super) fn finish(mut self, name: Option<&str>, comments: Vec<(Span, String)>) -> Converted {
        let whole = Place { source: 0, span: Span::default() };
        let mut root = Element::new("domain").with("type", "lxc").at(whole);
        let (said, place) = match &self.uts_name {
            Some((said, place)) => (Some(said.clone()), *place),
            None => (None, whole),
        };
        match name.map(str::to_owned).or_else(|| said.clone()) {
            Some(name) => {
                let derived = Hostname::from_domain_name(&name);
                root.children.push(Element::text("name", name).at(place));
                if let Some(said) = said.filter(|said| derived.as_ref().map(Hostname::as_str) != Some(said)) {
                    self.extension.push(Element::text("browndog:hostname", said).at(place));
                }
            }
            None => {
                let help = "give one with --name, or write lxc.uts.name";
                self.findings.wrong(whole, "lxc.uts.name", "the container has no name", help);
            }
        }
        self.resources(&mut root, whole);
        if let (Some(drops), Some(keeps)) = (self.drops, self.keeps) {
            let later = drops.max(keeps);
            let help = "say what is dropped, or what is kept";
            self.findings.wrong(later, "lxc.cap", "lxc.cap.drop and lxc.cap.keep exclude each other", help);
        }
        if !self.privileges_said {
            let how = "set-user-ID programs and file capabilities act in a container of lxc where nothing is said, and \
                       give nothing in this one: <browndog:no_new_privs state='off'/> lets su and sudo work";
            self.findings.otherwise(whole, "lxc.no_new_privs", format!("lxc.no_new_privs: {how}"));
        }
        let features = self.features();
        root.push_filled(features);
        let devices = self.devices();
        root.push_filled(devices);
        root.children.append(&mut self.seclabels);
        if let Some(share) = self.networks.namespaces() {
            root.attributes.push(("xmlns:lxc", Namespace::LXC_URI.to_owned()));
            root.children.push(share);
        }
        self.extension.extend(self.time.take());
        self.extension.extend(self.limits.pids.take());
        declare_extension(&mut root, self.extension);
        root.take_comments(comments);
        self.findings.conclude(root)
    }

    fn resources(&mut self, root: &mut Element, whole: Place) {
        match self.limits.memory.take() {
            Some(memory) => root.children.push(memory),
            None => {
                let how = "no limit of memory is set, and the lxc dialect needs one: the largest there is stands for none";
                self.findings.otherwise(whole, "lxc.cgroup2.memory.max", how);
                root.children.push(Element::text("memory", UNLIMITED_KIB).with("unit", "KiB"));
            }
        }
        self.limits.write(root, &mut self.findings);
        root.push_filled(std::mem::take(&mut self.idmap));
        let mut os =
            Element::new("os").holding(self.arch.take().unwrap_or_else(|| Element::text("type", "exe")));
        if self.init.is_empty() {
            self.init.push(Element::text("init", "/sbin/init"));
        }
        os.children.append(&mut self.init);
        os.children.append(&mut self.environment);
        os.children.extend(self.cwd.take());
        // One without the other is 0 with lxc; the dialect wants both.
        let zero = |name| Element::text(name, "+0");
        match (self.user.take(), self.group.take()) {
            (None, None) => {}
            (user, group) => os.children.extend([
                user.unwrap_or_else(|| zero("inituser")),
                group.unwrap_or_else(|| zero("initgroup")),
            ]),
        }
        root.children.push(os);
    }

    /// lxc gives everything and takes away what is named, or gives what is named.
    fn features(&mut self) -> Element {
        let mut features = Element::new("features");
        features.children.extend(self.networks.private());
        let (policy, rules, state) = match self.kept.take() {
            Some(kept) => ("deny", kept, "on"),
            None => ("allow", std::mem::take(&mut self.dropped), "off"),
        };
        let mut capabilities = Element::new("capabilities").with("policy", policy);
        capabilities.place = self.keeps.or(self.drops);
        let rule = |(capability, place): (Capability, Place)| {
            Element::new(capability.name()).with("state", state).at(place)
        };
        let mut seen = Vec::new();
        let first = |(capability, _): &(Capability, Place)| {
            let new = !seen.contains(capability);
            seen.push(*capability);
            new
        };
        capabilities.children = rules.into_iter().filter(first).map(rule).collect();
        features.children.push(capabilities);
        features
    }

    fn devices(&mut self) -> Element {
        let mut devices = Element::new("devices");
        devices.children.extend(self.mounts.take(&mut self.findings));
        devices.children.extend(self.networks.interfaces(&mut self.findings));
        let consoles = if self.no_console { 0 } else { self.consoles.max(1) };
        devices.children.extend((0..consoles).map(|_| Element::new("console").with("type", "pty")));
        devices.children.append(&mut self.mounts.nodes);
        devices.children.append(&mut self.networks.moved);
        devices
    }
}

pub(super) fn uts_name(build: &mut Build<'_>, line: &Line) {
    build.uts_name = Some((line.value.clone(), line.place));
}

pub(super) fn arch(build: &mut Build<'_>, line: &Line) {
    let arch = match line.value.as_str() {
        "x86" | "i386" | "i486" | "i586" | "i686" | "athlon" | "linux32" => "i686",
        "x86_64" | "amd64" => "x86_64",
        "aarch64" | "arm64" => "aarch64",
        "linux64" => return,
        other => {
            return build.lost(line, &format!("the architecture {} is left to the machine", quoted(other)));
        }
    };
    build.arch = Some(Element::text("type", "exe").with("arch", arch).at(line.place));
}

/// The words of a command, as lxc splits them: at blanks outside quotes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for character in text.chars() {
        match (character, quote) {
            ('"' | '\'', None) => (quote, any) = (Some(character), true),
            (_, Some(open)) if open == character => quote = None,
            (blank, None) if blank.is_whitespace() => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            _ => {
                word.push(character);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    words
}

pub(super) fn init_cmd(build: &mut Build<'_>, line: &Line) {
    let mut words = words(&line.value).into_iter();
    let program = words.next().unwrap_or_default();
    build.init = vec![Element::text("init", program).at(line.place)];
    build.init.extend(words.map(|word| Element::text("initarg", word).at(line.place)));
}

pub(super) fn init_cwd(build: &mut Build<'_>, line: &Line) {
    build.cwd = Some(Element::text("initdir", &line.value).at(line.place));
}

pub(super) fn init_uid(build: &mut Build<'_>, line: &Line) {
    build.user = Some(Element::text("inituser", format!("+{}", line.value)).at(line.place));
}

pub(super) fn init_gid(build: &mut Build<'_>, line: &Line) {
    build.group = Some(Element::text("initgroup", format!("+{}", line.value)).at(line.place));
}

pub(super) fn groups(build: &mut Build<'_>, line: &Line) {
    let ids = line.value.split([',', ' ', '\t']).filter(|id| !id.is_empty());
    build.extend(ids.map(|id| Element::new("browndog:group").with("id", id).at(line.place)));
}

pub(super) fn environment(build: &mut Build<'_>, line: &Line) {
    match line.value.split_once('=') {
        Some((_, "")) => build.lost(line, "a variable without a value cannot be written"),
        Some((name, value)) => {
            build.environment.push(Element::text("initenv", value).with("name", name).at(line.place));
        }
        None => build.lost(line, "nothing is taken from the launcher's environment: write NAME=VALUE"),
    }
}

/// Container first, then host: `lxc.idmap = u 0 100000 65536`.
pub(super) fn idmap(build: &mut Build<'_>, line: &Line) {
    let fields: Vec<&str> = line.value.split_whitespace().collect();
    let [kind @ ("u" | "g" | "b"), start, target, count] = fields[..] else {
        let help = "write u or g, the first id inside, the first id on the host, and how many";
        return build.wrong(line, &format!("{} is not a range of ids", quoted(&line.value)), help);
    };
    for (letter, name) in [("u", "uid"), ("g", "gid")] {
        if kind == letter || kind == "b" {
            let range = Element::new(name).with("start", start).with("target", target).with("count", count);
            build.idmap.children.push(range.at(line.place));
        }
    }
    build.idmap.place = build.idmap.place.or(Some(line.place));
    // The format has users first.
    build.idmap.children.sort_by_key(|range| range.name != "uid");
}

fn capabilities(build: &mut Build<'_>, line: &Line) -> Vec<(Capability, Place)> {
    let mut found = Vec::new();
    for name in line.value.split_whitespace().filter(|name| *name != "none") {
        let known = Capability::from_name(&name.to_ascii_lowercase()).or_else(|| {
            parse_u64(name).and_then(|number| Capability::from_number(u8::try_from(number).ok()?))
        });
        match known {
            Some(capability) => found.push((capability, line.place)),
            None => {
                let names = Capability::ALL.iter().map(|capability| capability.name());
                let near =
                    nearest(name, names).map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
                let help = "write names without CAP_, in lower case";
                build.wrong(line, &format!("{} is no capability{near}", quoted(name)), help);
            }
        }
    }
    found
}

pub(super) fn cap_drop(build: &mut Build<'_>, line: &Line) {
    let dropped = capabilities(build, line);
    build.dropped.extend(dropped);
    build.drops = Some(line.place);
}

pub(super) fn cap_keep(build: &mut Build<'_>, line: &Line) {
    let kept = capabilities(build, line);
    if line.value.split_whitespace().any(|name| name == "none") {
        build.kept = None;
    }
    build.kept.get_or_insert_default().extend(kept);
    build.keeps = Some(line.place);
}

pub(super) fn tty_max(build: &mut Build<'_>, line: &Line) {
    match parse_u64(&line.value) {
        Some(count) if count <= 64 => build.consoles = count,
        _ => build.wrong(line, &format!("{} terminals cannot be made", quoted(&line.value)), "write 0 to 64"),
    }
}

pub(super) fn console_path(build: &mut Build<'_>, line: &Line) {
    match line.value.as_str() {
        "none" => build.no_console = true,
        _ => build.lost(line, "the console gets a terminal of its own, no device of the host"),
    }
}

fn label(build: &mut Build<'_>, line: &Line, model: &'static str) {
    let label = Element::text("label", &line.value);
    let element = Element::new("seclabel").with("type", "static").with("model", model);
    build.seclabels.push(element.holding(label).at(line.place));
}

pub(super) fn apparmor(build: &mut Build<'_>, line: &Line) {
    match line.value.as_str() {
        "generated" => build.lost(line, "no profile is made for a container"),
        // No label is what every container here has.
        "unchanged" | "unconfined" => {}
        _ => label(build, line, "apparmor"),
    }
}

pub(super) fn selinux(build: &mut Build<'_>, line: &Line) {
    label(build, line, "selinux");
}

pub(super) fn no_new_privs(build: &mut Build<'_>, line: &Line) {
    build.privileges_said = true;
    if line.value != "1" {
        build.extension.push(Element::new("browndog:no_new_privs").with("state", "off").at(line.place));
    }
}

pub(super) fn prlimit(build: &mut Build<'_>, line: &Line) {
    let name = line.key.trim_start_matches("lxc.prlimit.").to_owned();
    let (soft, hard) = line.value.split_once(':').unwrap_or((&line.value, &line.value));
    let element = Element::new("browndog:rlimit").with("name", name);
    build.extension.push(element.with("soft", soft.trim()).with("hard", hard.trim()).at(line.place));
}

pub(super) fn sysctl(build: &mut Build<'_>, line: &Line) {
    let name = line.key.trim_start_matches("lxc.sysctl.").to_owned();
    build
        .extension
        .push(Element::new("browndog:sysctl").with("name", name).with("value", &line.value).at(line.place));
}

/// Seconds, of an offset like `-90m` or `1500ms`; the second value is whether a part was cut off.
fn seconds(text: &str) -> Option<(i64, bool)> {
    let digits = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.trim().parse().ok()?;
    let whole = |factor: i64| number.checked_mul(factor).map(|seconds| (seconds, false));
    let part = |parts: i64| Some((number / parts, number % parts != 0));
    match unit {
        "h" => whole(3600),
        "m" => whole(60),
        "s" => whole(1),
        "ms" => part(1_000),
        "us" => part(1_000_000),
        "" | "ns" => part(1_000_000_000),
        _ => None,
    }
}

pub(super) fn time_offset(build: &mut Build<'_>, line: &Line) {
    let clock = match line.key.as_str() {
        "lxc.time.offset.boot" => "boottime",
        "lxc.time.offset.monotonic" => "monotonic",
        _ => return build.lost(line, "there is no such clock"),
    };
    let Some((seconds, cut)) = seconds(&line.value) else {
        let help = "write a number and one of h, m, s, ms, us, ns";
        return build.wrong(line, &format!("{} is not an amount of time", quoted(&line.value)), help);
    };
    if cut {
        build.otherwise(line, "the offset is in whole seconds");
    }
    let time = build.time.take().unwrap_or_else(|| Element::new("browndog:time").at(line.place));
    build.time = Some(time.with(clock, seconds));
}
