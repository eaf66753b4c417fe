//! What a scene wants started: a recipe that each adapter writes down in its runtime's own words.
//!
//! It is written here and not taken from the XML crate, so that a defect in reading domains cannot
//! hide itself: the document, the OCI bundle and the command lines are independent renderings.

use std::path::PathBuf;

/// A container to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Name; unique on the machine.
    pub name: String,
    /// The root file system on the host; `None` is the host's own tree with private mounts on top.
    pub root: Option<PathBuf>,
    /// Root read-only.
    pub readonly_root: bool,
    /// Host name inside.
    pub hostname: Option<String>,
    /// Directories of the host inside.
    pub volumes: Vec<Volume>,
    /// Memory file systems: target and size in bytes.
    pub ram: Vec<(String, u64)>,
    /// A file system in a file of the host, and where it goes.
    pub image: Option<(PathBuf, String)>,
    /// First host id that root inside is mapped to, with 65536 ids.
    pub idmap: Option<u32>,
    /// Started by this user of the host, who is no other: root inside is mapped to it.
    pub rootless: Option<u32>,
    /// A network namespace of its own.
    pub private_network: bool,
    /// Capabilities beyond or instead of the default set.
    pub capabilities: Capabilities,
    /// Limit in bytes.
    pub memory: Option<u64>,
    /// Limit of processes.
    pub pids: Option<u64>,
    /// CPU shares in cgroup v1 units.
    pub shares: Option<u64>,
    /// CPU quota and period in microseconds.
    pub quota: Option<(i64, u64)>,
    /// CPUs, as in `0-1`.
    pub cpuset: Option<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub directory: Option<String>,
    /// User and group.
    pub user: Option<(u32, u32)>,
    /// A console of its own (a pty).
    pub console: bool,
    /// Default system call filter.
    pub filter: bool,
    /// sysctls, dotted.
    pub sysctls: Vec<(String, String)>,
    /// Resource limits: name as in getrlimit(2) without the prefix in lower case, soft, hard.
    pub rlimits: Vec<(String, u64, u64)>,
    /// Monotonic and boot time offsets in seconds.
    pub time: Option<(i64, i64)>,
    /// Program and arguments.
    pub argv: Vec<String>,
}

/// A directory of the host inside the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// On the host.
    pub source: PathBuf,
    /// Inside.
    pub target: String,
    /// Read-only.
    pub readonly: bool,
}

/// Which capabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capabilities {
    /// The runtime's restricted set.
    Default,
    /// Everything.
    All,
    /// Nothing but these (names without `CAP_`, lower case).
    Only(Vec<&'static str>),
    /// The default set and these.
    With(Vec<&'static str>),
}

impl Spec {
    /// The plain profile: private network, default capabilities and filter, this root, this program.
    pub fn plain(name: &str, root: PathBuf, argv: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            root: Some(root),
            readonly_root: false,
            hostname: None,
            volumes: Vec::new(),
            ram: Vec::new(),
            image: None,
            idmap: None,
            rootless: None,
            private_network: true,
            capabilities: Capabilities::Default,
            // Kernels are built without version 1 of it by now.
            memory: crate::host::has_controller("memory").then_some(256 << 20),
            pids: None,
            shares: None,
            quota: None,
            cpuset: None,
            env: Vec::new(),
            directory: None,
            user: None,
            console: false,
            filter: true,
            sysctls: Vec::new(),
            rlimits: Vec::new(),
            time: None,
            argv,
        }
    }

    /// The domain document, in the `lxc` dialect.
    pub fn xml(&self) -> String {
        let mut out = String::from("<domain type='lxc'>\n");
        let mut line = |text: String| {
            out.push_str("  ");
            out.push_str(&text);
            out.push('\n');
        };
        line(format!("<name>{}</name>", escape(&self.name)));
        if let Some(bytes) = self.memory {
            line(format!("<memory unit='b'>{bytes}</memory>"));
        }
        match &self.cpuset {
            Some(set) => line(format!("<vcpu cpuset='{}'>1</vcpu>", escape(set))),
            None => line("<vcpu>1</vcpu>".into()),
        }
        if self.shares.is_some() || self.quota.is_some() {
            let shares = self.shares.map(|s| format!("<shares>{s}</shares>")).unwrap_or_default();
            let quota = self.quota.map(|(q, p)| format!("<period>{p}</period><quota>{q}</quota>"));
            line(format!("<cputune>{shares}{}</cputune>", quota.unwrap_or_default()));
        }
        if let Some(base) = self.idmap {
            let range = format!("start='0' target='{base}' count='65536'");
            line(format!("<idmap><uid {range}/><gid {range}/></idmap>"));
        }
        line(self.os());
        line(self.features());
        line("<devices>".into());
        for device in self.devices() {
            line(format!("  {device}"));
        }
        line("</devices>".into());
        for element in self.extension() {
            line(element);
        }
        out.push_str("</domain>\n");
        out
    }

    fn os(&self) -> String {
        let mut out = String::from("<os><type>exe</type>");
        let mut words = self.argv.iter();
        // Writing into a String cannot fail.
        let mut put =
            |element: &str, text: &str| out.push_str(&format!("<{element}>{}</{element}>", escape(text)));
        if let Some(program) = words.next() {
            put("init", program);
        }
        for word in words {
            put("initarg", word);
        }
        for (name, value) in &self.env {
            out.push_str(&format!("<initenv name='{}'>{}</initenv>", escape(name), escape(value)));
        }
        if let Some(directory) = &self.directory {
            out.push_str(&format!("<initdir>{}</initdir>", escape(directory)));
        }
        if let Some((user, group)) = self.user {
            out.push_str(&format!("<inituser>+{user}</inituser><initgroup>+{group}</initgroup>"));
        }
        out.push_str("</os>");
        out
    }

    fn features(&self) -> String {
        let network = if self.private_network { "<privnet/>" } else { "" };
        let on = |names: &[&str]| -> String { names.iter().map(|n| format!("<{n} state='on'/>")).collect() };
        let capabilities = match &self.capabilities {
            Capabilities::Default => String::new(),
            Capabilities::All => "<capabilities policy='allow'/>".into(),
            Capabilities::Only(names) => format!("<capabilities policy='deny'>{}</capabilities>", on(names)),
            Capabilities::With(names) => {
                format!("<capabilities policy='default'>{}</capabilities>", on(names))
            }
        };
        format!("<features>{network}{capabilities}</features>")
    }

    fn devices(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut bind = |source: &str, target: &str, readonly: bool| {
            let end = if readonly { "<readonly/>" } else { "" };
            out.push(format!(
                "<filesystem type='mount'><source dir='{}'/><target dir='{}'/>{end}</filesystem>",
                escape(source),
                escape(target)
            ));
        };
        if let Some(root) = &self.root {
            bind(&root.to_string_lossy(), "/", self.readonly_root);
        }
        for volume in &self.volumes {
            bind(&volume.source.to_string_lossy(), &volume.target, volume.readonly);
        }
        for (target, bytes) in &self.ram {
            out.push(format!(
                "<filesystem type='ram'><source usage='{bytes}' units='b'/><target dir='{}'/></filesystem>",
                escape(target)
            ));
        }
        if let Some((source, target)) = &self.image {
            out.push(format!(
                "<filesystem type='file'><driver type='loop' format='raw'/><source file='{}'/><target dir='{}'/></filesystem>",
                escape(&source.to_string_lossy()),
                escape(target)
            ));
        }
        if self.console {
            out.push("<console type='pty'/>".into());
        }
        out
    }

    /// What libvirt has no words for.
    fn extension(&self) -> Vec<String> {
        let own = |name: &str, rest: &str| format!("<{name} xmlns='{EXTENSION_NS}'{rest}");
        let mut parts = Vec::new();
        if let Some(name) = &self.hostname {
            parts.push(own("hostname", &format!(">{}</hostname>", escape(name))));
        }
        if let Some(most) = self.pids {
            parts.push(own("pids", &format!(" limit='{most}'/>")));
        }
        if !self.filter {
            parts.push(own("seccomp", " profile='none'/>"));
        }
        for (name, soft, hard) in &self.rlimits {
            parts.push(own("rlimit", &format!(" name='{name}' soft='{soft}' hard='{hard}'/>")));
        }
        for (name, value) in &self.sysctls {
            parts.push(own("sysctl", &format!(" name='{}' value='{}'/>", escape(name), escape(value))));
        }
        if let Some((monotonic, boottime)) = self.time {
            parts.push(own("time", &format!(" monotonic='{monotonic}' boottime='{boottime}'/>")));
        }
        parts
    }
}

/// Names the extension vocabulary.
const EXTENSION_NS: &str = "urn:browndog:domain:1";

/// Text for an element or an attribute in single quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_profile_as_a_document() {
        let argv = ["/browndog-probe", "--facts", "pid & <more>"].map(str::to_owned).to_vec();
        let mut spec = Spec::plain("t", "/srv/root".into(), argv);
        spec.memory = Some(256 << 20);
        spec.idmap = Some(100_000);
        spec.volumes.push(Volume { source: "/srv/v".into(), target: "/v".into(), readonly: true });
        insta::assert_snapshot!(spec.xml());
    }
}
