//! What each code means, with an example of the fault and of its repair.

pub use crate::codes::Code;
use crate::report::Report;
use crate::source::Source;

/// An explanation of a code.
#[derive(Debug)]
pub struct Explanation {
    /// The code.
    pub code: Code,
    /// One line.
    pub title: &'static str,
    /// Why it is a fault.
    pub cause: &'static str,
    /// A document, or part of one, with the fault.
    pub bad: &'static str,
    /// The same without it.
    pub good: &'static str,
}

/// The explanation of the code written `BD0007` or `7`.
pub fn explain(code: &str) -> Option<&'static Explanation> {
    let code = Code::parse(code)?;
    ALL.iter().find(|explanation| explanation.code == code)
}

/// Every explanation, by code.
pub fn all() -> &'static [Explanation] {
    ALL
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, title, cause, bad, good } = self;
        writeln!(f, "{code}: {title}\n\n{cause}\n\nFor example:\n")?;
        for line in bad.lines() {
            writeln!(f, "    {line}")?;
        }
        writeln!(f, "\nwants to be:\n")?;
        for line in good.lines() {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

/// An example as a whole document: parts are put into the smallest domain that may hold them.
pub fn document(example: &str) -> String {
    let name = if example.contains("<name") { "" } else { "<name>demo</name>" };
    let memory = if example.contains("<memory") { "" } else { "<memory>65536</memory>" };
    let os = if example.contains("<os") { "" } else { "<os><type>exe</type><init>/sbin/init</init></os>" };
    let domain = "<domain type='lxc' xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0' xmlns:browndog='urn:browndog:domain:1'>";
    let devices = ["<filesystem", "<interface", "<console", "<disk", "<hostdev"];
    match example {
        _ if example.contains("<domain") || !example.trim_start().starts_with('<') || example.is_empty() => {
            example.to_owned()
        }
        _ if example.starts_with("<!DOCTYPE")
            || example.starts_with("<?xml")
            || example.starts_with("<network") =>
        {
            example.to_owned()
        }
        _ if devices.iter().any(|device| example.starts_with(device)) => {
            format!("{domain}{name}{memory}{os}<devices>\n{example}\n</devices></domain>")
        }
        _ => format!("{domain}{name}{memory}{os}\n{example}\n</domain>"),
    }
}

/// What is found in an example: as a document, or (codes of conversions) as an lxc.container.conf.
pub fn findings(code: Code, example: &str) -> (Source, Report) {
    if !(600..700).contains(&code.number()) {
        let source = Source::new("example.xml", document(example));
        let report = crate::read_for(&source, (code == Code::TooNew).then_some(crate::schema::OLDEST)).report;
        return (source, report);
    }
    let source = Source::new("config", example);
    let nothing = |path: &str| Err(format!("there is no {path} in an example"));
    let converted = crate::convert::from_lxc_conf(&source, Some("demo"), &nothing);
    converted.reports.into_iter().next().unwrap_or((source, Report::default()))
}

macro_rules! explanations {
    ($($code:ident: $title:literal, $cause:literal, $bad:literal => $good:literal;)*) => {
        static ALL: &[Explanation] = &[
            $(Explanation { code: Code::$code, title: $title, cause: $cause, bad: $bad, good: $good },)*
        ];
    };
}

explanations! {
    NotUtf8: "the document is not UTF-8",
        "Documents are UTF-8. Other encodings are refused instead of guessed: the same bytes would be other paths and names.",
        "<?xml version='1.0' encoding='ISO-8859-1'?>\n<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>"
        => "<?xml version='1.0' encoding='UTF-8'?>\n<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>";
    IllegalCharacter: "a character that XML does not allow",
        "Control characters other than tab and line ends cannot stand in XML, not even by reference.",
        "<title>demo\u{1}</title>" => "<title>demo</title>";
    NoRoot: "the document holds no element",
        "A document is one element, <domain>. What stands here is empty or another kind of file.",
        "name: demo" => "<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>";
    BadTag: "a tag that is not one",
        "A tag begins with '<' directly before its name and ends with '>'.",
        "<description>a < b</description>" => "<description>a &lt; b</description>";
    Unclosed: "an element that is never closed",
        "Every element needs its end tag, or '/>' where it is empty. The label shows where another element's end was found instead.",
        "<features>\n  <capabilities policy='default'>\n</features>" => "<features>\n  <capabilities policy='default'/>\n</features>";
    StrayEndTag: "an end tag that closes nothing",
        "An end tag carries the name of the element that was opened last.",
        "<title>demo</titel>" => "<title>demo</title>";
    BadAttribute: "an attribute that is not NAME='VALUE'",
        "An attribute has a value, in quotes, and white space before it; '<' in it is written '&lt;'.",
        "<vcpu placement=static>1</vcpu>" => "<vcpu placement='static'>1</vcpu>";
    DuplicateAttribute: "the same attribute twice",
        "An attribute may stand on an element once, even with the same value.",
        "<vcpu placement='static' placement='static'>1</vcpu>" => "<vcpu placement='static'>1</vcpu>";
    BadReference: "'&' that begins no reference",
        "There are five entities (amp, lt, gt, quot, apos) and characters by number (&#233;). Others would need a DTD, which is refused.",
        "<description>bread & butter</description>" => "<description>bread &amp; butter</description>";
    BadComment: "a comment that is not one",
        "A comment runs from '<!--' to '-->' and does not hold '--'.",
        "<!-- two -- dashes -->" => "<!-- two - dashes -->";
    BadCdata: "']]>' without CDATA, or CDATA without ']]>'",
        "The three characters ']]>' end a CDATA section and stand nowhere else.",
        "<description>a[b[0]]>1</description>" => "<description>a[b[0]]&gt;1</description>";
    BadInstruction: "a processing instruction or XML declaration out of place",
        "'<?xml …?>' stands at the very start, with a version first. Other instructions have a name and end with '?>'.",
        "<description>demo</description><?xml version='1.0'?>" => "<description>demo</description>";
    Doctype: "a document type declaration",
        "A DTD could add text, attributes and whole files to a document; what is read would not be what is seen.",
        "<!DOCTYPE domain>\n<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>"
        => "<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>";
    OutsideRoot: "something beside the document's element",
        "A document is one element. Only comments and processing instructions may stand before and behind it.",
        "<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>\nthe end"
        => "<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>";
    BadNamespace: "a namespace prefix that is not declared",
        "A prefix is declared with xmlns:PREFIX='URI' on the element or one around it.",
        "<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os>\n<lxc:namespace><lxc:shareipc type='pid' value='1'/></lxc:namespace></domain>"
        => "<domain type='lxc' xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os>\n<lxc:namespace><lxc:shareipc type='pid' value='1'/></lxc:namespace></domain>";
    NotADomain: "the root is not <domain>",
        "The document is XML, but of another kind, or its root stands in a namespace.",
        "<network><name>default</name></network>" => "<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>";
    OtherDriver: "a domain of another driver",
        "libvirt describes virtual machines and other kinds of containers with the same root. They need other software.",
        "<domain type='kvm'><name>demo</name></domain>" => "<domain type='lxc'><name>demo</name><memory>65536</memory><os><type>exe</type><init>/sbin/init</init></os></domain>";
    UnknownElement: "an element that nothing is known of",
        "The schema is closed: what is not known is not skipped, because a misspelt limit would then be no limit.",
        "<memtune><hard_limt>65536</hard_limt></memtune>" => "<memtune><hard_limit>65536</hard_limit></memtune>";
    MisplacedElement: "an element that belongs elsewhere",
        "The element is known, but not here; here it would have no meaning.",
        "<privnet/>" => "<features><privnet/></features>";
    UnknownAttribute: "an attribute that nothing is known of",
        "The schema is closed for attributes as well.",
        "<vcpu cpu_set='0-1'>2</vcpu>" => "<vcpu cpuset='0-1'>2</vcpu>";
    DuplicateElement: "an element once too often",
        "Two values for one thing: which of them holds is not defined.",
        "<memory>65536</memory>\n<memory>131072</memory>" => "<memory>131072</memory>";
    MissingElement: "an element that has to be there",
        "The message points at the place where the element is expected.",
        "<filesystem type='mount'>\n  <target dir='/srv'/>\n</filesystem>" => "<filesystem type='mount'>\n  <source dir='/srv/data'/>\n  <target dir='/srv'/>\n</filesystem>";
    MissingAttribute: "an attribute that has to be there",
        "The element means nothing without it.",
        "<features><capabilities/></features>" => "<features><capabilities policy='default'/></features>";
    StrayText: "text where only elements may be",
        "Between these tags only elements and comments have a meaning.",
        "<features>\n  privnet\n</features>" => "<features>\n  <privnet/>\n</features>";
    ElementInText: "an element where only text may be",
        "This element holds a value, not other elements.",
        "<title><b>demo</b></title>" => "<title>demo</title>";
    EmptyValue: "no value where one is needed",
        "An empty value is not the same as none: leave the element or attribute out, or give it a value.",
        "<uuid></uuid>" => "<uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>";
    NotAChoice: "not one of the words allowed here",
        "The words are listed in the help; case and blanks count.",
        "<on_crash>Destroy</on_crash>" => "<on_crash>destroy</on_crash>";
    NotANumber: "not a number",
        "Numbers are decimal digits without sign (a minus where negative values make sense), blanks or separators.",
        "<vcpu>two</vcpu>" => "<vcpu>2</vcpu>";
    OutOfRange: "a number out of its range",
        "The range is what the kernel takes, or what fits.",
        "<cputune><period>999</period></cputune>" => "<cputune><period>100000</period></cputune>";
    BadPath: "not a path that can be used",
        "Paths are absolute: a domain has no directory that others could start from.",
        "<filesystem type='mount'>\n  <source dir='rootfs'/>\n  <target dir='/'/>\n</filesystem>" => "<filesystem type='mount'>\n  <source dir='/srv/rootfs'/>\n  <target dir='/'/>\n</filesystem>";
    BadName: "not a domain's name",
        "The name becomes file names, a control group and part of messages.",
        "<name>web/1</name>" => "<name>web-1</name>";
    BadUuid: "not a UUID",
        "32 hexadecimal digits, as they are or in groups of 8-4-4-4-12. Without <uuid> one is made.",
        "<uuid>demo</uuid>" => "<uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>";
    BadUnit: "not a unit of memory",
        "KiB, MiB, GiB and so on are powers of 1024, KB, MB, GB powers of 1000; without unit, KiB.",
        "<memory unit='bits'>65536</memory>" => "<memory unit='KiB'>65536</memory>";
    BadIdSet: "not a set of numbers",
        "Numbers and ranges, separated by commas; '^' takes one out.",
        "<vcpu cpuset='0..3'>4</vcpu>" => "<vcpu cpuset='0-3'>4</vcpu>";
    BadIp: "not an IP address",
        "Four decimal numbers for IPv4, RFC 4291 for IPv6; no prefix length and no zone.",
        "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<network><ip address='192.168.1' netmask='255.255.255.0'/></network></domain>"
        => "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<network><ip address='192.168.1.110' netmask='255.255.255.0'/></network></domain>";
    BadNetmask: "not a netmask",
        "A netmask in dotted form begins with ones and ends with zeroes.",
        "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<network><ip address='192.168.1.110' netmask='255.0.255.0'/></network></domain>"
        => "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<network><ip address='192.168.1.110' netmask='255.255.255.0'/></network></domain>";
    BadHostname: "not a host name",
        "RFC 1123: labels of letters, digits and inner dashes, separated by dots.",
        "<browndog:hostname>my_host</browndog:hostname>" => "<browndog:hostname>my-host</browndog:hostname>";
    BadMountPair: "not TARGET = SOURCE",
        "The RFC of 2007 writes a mount as text: the path in the container, ' = ', the path on the host.",
        "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<mount>/etc:/srv/etc</mount></domain>"
        => "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<mount>/etc = /srv/etc</mount></domain>";
    BadForm: "not of the form that is needed",
        "The message says what is needed.",
        "<os><type>exe</type><init>/sbin/init</init><initenv name='1st'>x</initenv></os>" => "<os><type>exe</type><init>/sbin/init</init><initenv name='FIRST'>x</initenv></os>";
    UnusableIp: "an IP address that no link can have",
        "The unspecified address, addresses of groups and of all (multicast, broadcast, also that of the link's own network) and those of the loopback device are no address of a link's end: the kernel refuses them, or takes them without effect.",
        "<interface type='bridge'>\n  <source bridge='br0'/>\n  <ip address='192.0.2.255' prefix='24'/>\n</interface>" => "<interface type='bridge'>\n  <source bridge='br0'/>\n  <ip address='192.0.2.1' prefix='24'/>\n</interface>";
    NothingToRun: "nothing to run",
        "A container is the processes in it: one has to be named.",
        "<os><type>exe</type></os>" => "<os><type>exe</type><init>/sbin/init</init></os>";
    NoHostname: "no host name can be made of the name",
        "Without a host name of its own the container gets its name, of which only letters, digits and dashes can be kept.",
        "<name>_._</name>" => "<name>_._</name>\n<browndog:hostname>demo</browndog:hostname>";
    TargetTwice: "two file systems on one target",
        "The later mount hides the earlier one. The 2007 dialect refuses that, libvirt's takes it.",
        "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<mount>/etc = /srv/a</mount>\n<mount>/etc = /srv/b</mount></domain>"
        => "<domain type='linuxcontainer'><name>demo</name><application>/bin/true</application>\n<mount>/etc = /srv/b</mount></domain>";
    BadIdMap: "an id map that the kernel refuses",
        "Users and groups are mapped both, from 0 on, in ranges that do not overlap and stay within 32 bits.",
        "<idmap>\n  <uid start='0' target='100000' count='65536'/>\n</idmap>" => "<idmap>\n  <uid start='0' target='100000' count='65536'/>\n  <gid start='0' target='100000' count='65536'/>\n</idmap>";
    Contradiction: "values that contradict each other",
        "Each value is legal, both together are not.",
        "<vcpu current='4'>2</vcpu>" => "<vcpu current='2'>2</vcpu>";
    Incomplete: "what this kind of thing needs is not there",
        "The element is legal, but of this type it means nothing without another part.",
        "<hostdev mode='subsystem' type='usb'>\n  <source>\n    <vendor id='0x1234'/>\n  </source>\n</hostdev>" => "<hostdev mode='subsystem' type='usb'>\n  <source>\n    <vendor id='0x1234'/>\n    <product id='0xbeef'/>\n  </source>\n</hostdev>";
    MapsHostRoot: "an id map onto root of the host",
        "An id of the container that is the host's 0 is the host's root wherever the kernel asks for the id: its files, its kernel parameters, its other processes. An id map is there to prevent that.",
        "<idmap>\n  <uid start='0' target='0' count='65536'/>\n  <gid start='0' target='0' count='65536'/>\n</idmap>" => "<idmap>\n  <uid start='0' target='100000' count='65536'/>\n  <gid start='0' target='100000' count='65536'/>\n</idmap>";
    Ignored: "legal, and without effect",
        "libvirt's schema allows it, but nothing in a container depends on it. With --deny ignored this is an error.",
        "<filesystem type='mount' accessmode='mapped'>\n  <source dir='/srv'/>\n  <target dir='/srv'/>\n</filesystem>" => "<filesystem type='mount'>\n  <source dir='/srv'/>\n  <target dir='/srv'/>\n</filesystem>";
    Suspicious: "probably not what was meant",
        "The document is legal, but says something that rarely makes sense.",
        "<memory>1</memory>" => "<memory unit='GiB'>1</memory>";
    CannotStart: "legal, but browndog cannot start it",
        "libvirt's schema allows it, and its driver may even be able to start it. The document is valid; plan, run and validate --run refuse it.",
        "<interface type='user'/>" => "<interface type='bridge'>\n  <source bridge='br0'/>\n</interface>";
    BadMac: "not an Ethernet address",
        "Six pairs of hexadecimal digits; the first byte even, because odd ones are addresses of groups; not all zero.",
        "<interface type='bridge'>\n  <source bridge='br0'/>\n  <mac address='01:00:5e:00:00:01'/>\n</interface>" => "<interface type='bridge'>\n  <source bridge='br0'/>\n  <mac address='52:54:00:12:34:56'/>\n</interface>";
    BadInterfaceName: "not an interface name",
        "The kernel's rule: 1 to 15 bytes without '/', ':' and white space.",
        "<hostdev mode='capabilities' type='net'>\n  <source><interface>a-card-with-a-long-name</interface></source>\n</hostdev>" => "<hostdev mode='capabilities' type='net'>\n  <source><interface>eth1</interface></source>\n</hostdev>";
    BadAccount: "not a user or group",
        "A name that the container's own passwd or group file knows, or '+' and a number below 4294967295.",
        "<os><type>exe</type><init>/sbin/init</init><inituser>+4294967295</inituser><initgroup>+0</initgroup></os>" => "<os><type>exe</type><init>/sbin/init</init><inituser>+1000</inituser><initgroup>+1000</initgroup></os>";
    Refused: "a known element or attribute that cannot be had here",
        "The message says why: mostly because it is for virtual machines.",
        "<maxMemory slots='2' unit='GiB'>4</maxMemory><os><type>exe</type><init>/sbin/init</init></os>" => "<os><type>exe</type><init>/sbin/init</init></os>";
    TooNew: "newer than the libvirt that was asked for",
        "`validate --libvirt 9.0` takes everything for an error that a later libvirt brought. For today's libvirt it is right.",
        "<hwuuid>d9a1b2c3-0000-4000-8000-000000000001</hwuuid><os><type>exe</type><init>/sbin/init</init></os>" => "<os><type>exe</type><init>/sbin/init</init></os>";
    Limit: "a bound of the reader",
        "Documents are bounded in size, depth, attributes and names, far above what a container needs, so that reading any file ends soon.",
        "<metadata>… 300 elements, each in the one before …</metadata>" => "<description>not deep</description>";
    NotCarried: "a conversion: what the target has no words for",
        "The setting is left out, and this says so. With --deny lost it is an error and nothing is written.",
        "lxc.cgroup2.memory.max = 1G\nlxc.hook.start = /usr/local/bin/ready" => "lxc.cgroup2.memory.max = 1G";
    CarriedOtherwise: "a conversion: what the target says otherwise",
        "The setting is carried over, but its words do not mean quite the same there; the message says what differs.",
        "lxc.no_new_privs = 1\nlxc.cgroup2.memory.max = 1G\nlxc.cgroup2.cpu.weight = 100" => "lxc.no_new_privs = 1\nlxc.cgroup2.memory.max = 1G\nlxc.cgroup.cpu.shares = 2597";
    UnknownKey: "a conversion: a setting that does not exist",
        "A misspelt key would be a limit that does not hold, so it is an error; the nearest key is suggested. Of a bundle, whose runtimes pass over what they do not know, it is a warning.",
        "lxc.cgroup2.memory.max = 1G\nlxc.rootfs.pth = dir:/srv/demo" => "lxc.cgroup2.memory.max = 1G\nlxc.rootfs.path = dir:/srv/demo";
    BadSource: "a conversion: the source is not what it claims to be",
        "A line, a value or a whole file cannot be read as what it stands for. Nothing is guessed, and nothing is written.",
        "lxc.cgroup2.memory.max = 1G\nlxc.idmap = u 0 100000" => "lxc.cgroup2.memory.max = 1G\nlxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536";
}
