//! Documents that nobody writes by accident, of any size: what a reader takes for one has to grow with
//! it, not with its square.

/// A name, and a document of `n` parts.
pub type Case = (&'static str, fn(usize) -> String);

const HEAD: &str =
    "<domain type='lxc'><name>a</name><memory>65536</memory><os><type>exe</type><init>/init</init></os>";

fn domain(rest: &str) -> String {
    format!("{HEAD}{rest}</domain>")
}

/// `n` parts, each with its number.
fn each(n: usize, part: impl Fn(usize) -> String) -> String {
    (0..n).map(part).collect()
}

/// What a definition refuses or does not know, in every way that has once taken time in the square.
pub const CASES: &[Case] = &[
    ("elements in elements", |n| domain(&format!("<metadata>{}", "<x>".repeat(n)))),
    ("unknown elements", |n| domain(&"<x/>".repeat(n))),
    ("misplaced elements", |n| domain(&"<target/>".repeat(n))),
    ("attributes", |n| domain(&format!("<metadata><x{}/></metadata>", each(n, |it| format!(" a{it}='1'"))))),
    ("unknown attributes", |n| domain(&format!("<vcpu{}>1</vcpu>", each(n, |it| format!(" a{it}='1'"))))),
    ("the same attribute", |n| domain(&format!("<vcpu{}>1</vcpu>", " a='1'".repeat(n)))),
    ("namespaces", |n| domain(&format!("<metadata{}/>", each(n, |it| format!(" xmlns:p{it}='u'"))))),
    ("a long value", |n| domain(&format!("<vcpu cpuset='{}'>1</vcpu>", "x".repeat(20 * n)))),
    ("a long name", |n| domain(&format!("<{}/>", "x".repeat(20 * n)))),
    ("brackets in a value", |n| domain(&format!("<vcpu cpuset='{}'>1</vcpu>", "<".repeat(20 * n)))),
    ("quotes that are missing", |n| domain(&"<vcpu cpuset='1 placement='static'/>".repeat(n))),
    ("ampersands", |n| domain(&format!("<title>{}</title>", "&".repeat(20 * n)))),
    ("references", |n| domain(&format!("<description>{}</description>", "&lt;".repeat(20 * n)))),
    ("carriage returns", |n| domain(&format!("<description>{}</description>", "\r".repeat(20 * n)))),
    ("tags without an end", |n| domain(&format!("<devices>{}", "<emulator ".repeat(n)))),
    ("tags without an end, and ends", |n| {
        domain(&format!("<devices>{}{}</devices>", "<hub ".repeat(n), "</x>".repeat(n)))
    }),
    ("ends without a start", |n| domain(&"</x>".repeat(n))),
    ("starts without an end", |n| domain(&"<title>a".repeat(n))),
    ("comments", |n| domain(&format!("<title>{}</title>", "a<!-- b -->".repeat(n)))),
    ("comments with dashes", |n| domain(&"<!-- a -- b -->".repeat(n))),
    ("sections", |n| domain(&format!("<description>{}</description>", "<![CDATA[a]]>b".repeat(n)))),
    ("sections beside elements", |n| domain(&"<![CDATA[a]]><x/>".repeat(n))),
    ("instructions", |n| domain(&"<?p i?>".repeat(n))),
    ("control characters", |n| domain(&format!("<title>{}</title>", "\u{1}".repeat(n)))),
    ("texts between elements", |n| domain(&format!("<devices>{}</devices>", "a<hub type='usb'/>".repeat(n)))),
    ("wrong values", |n| domain(&format!("<devices>{}</devices>", "<hub type='x'/>\n".repeat(n)))),
    ("wrong values on one line", |n| domain(&format!("<devices>{}</devices>", "<hub type='x'/>".repeat(n)))),
    ("devices without effect", |n| domain(&format!("<devices>{}</devices>", "<hub type='usb'/>".repeat(n)))),
    ("file systems", |n| {
        let mount = |it| format!("<filesystem><source dir='/a/{it}'/><target dir='/b/{it}'/></filesystem>");
        domain(&format!("<devices>{}</devices>", each(n, mount)))
    }),
    ("file systems at one place", |n| {
        let mount = "<filesystem><source dir='/a'/><target dir='/b'/></filesystem>";
        domain(&format!("<devices>{}</devices>", mount.repeat(n)))
    }),
    ("devices of another kind than they say", |n| {
        let device = "<interface type='vdpa'><source bridge='br0'/></interface>";
        domain(&format!("<devices>{}</devices>", device.repeat(n)))
    }),
    ("the same device", |n| {
        let device =
            "<hostdev mode='capabilities' type='misc'><source><char>/dev/a</char></source></hostdev>";
        domain(&format!("<devices>{}</devices>", device.repeat(n)))
    }),
    ("addresses", |n| {
        let address = |it| format!("<ip address='10.{}.{}.1' prefix='24'/>", it / 256 % 256, it % 256);
        domain(&format!("<devices><interface type='ethernet'>{}</interface></devices>", each(n, address)))
    }),
    ("the same address", |n| {
        let address = "<ip address='10.0.0.1' prefix='24'/>".repeat(n);
        domain(&format!("<devices><interface type='ethernet'>{address}</interface></devices>"))
    }),
    ("ids", |n| {
        let map = |it| {
            format!("<uid start='{it}' target='{it}' count='1'/><gid start='{it}' target='0' count='2'/>")
        };
        domain(&format!("<idmap>{}</idmap>", each(n, map)))
    }),
    ("pinned CPUs", |n| {
        domain(&format!("<cputune>{}</cputune>", "<vcpupin vcpu='0' cpuset='0'/>".repeat(n)))
    }),
    ("scheduled CPUs", |n| {
        let scheduled = "<vcpusched vcpus='0-16383' scheduler='batch'/>".repeat(n);
        domain(&format!("<vcpu>4</vcpu><cputune>{scheduled}</cputune>"))
    }),
    ("I/O threads", |n| {
        let ids = each(n, |it| format!("<iothread id='{}'/>", it + 1));
        let used = "<iothreadsched iothreads='1-16383' scheduler='batch'/>".repeat(n);
        domain(&format!("<iothreadids>{ids}</iothreadids><cputune>{used}</cputune>"))
    }),
    ("tuned caches", |n| {
        let cache = |it| {
            format!(
                "<cachetune vcpus='{}'><cache id='0' level='3' type='both' size='1'/></cachetune>",
                it % 16_000
            )
        };
        domain(&format!("<cputune>{}</cputune>", each(n, cache)))
    }),
    ("caches of one element", |n| {
        let cache = |it| format!("<cache id='{it}' level='3' type='both' size='1'/>");
        domain(&format!("<cputune><cachetune vcpus='0'>{}</cachetune></cputune>", each(n, cache)))
    }),
    ("cells", |n| {
        let cell = |it| format!("<cell id='{it}' cpus='{}' memory='1'/>", 2 * it % 16_000);
        domain(&format!("<cpu><numa>{}</numa></cpu>", each(n, cell)))
    }),
    ("wide sets", |n| domain(&format!("<vcpu cpuset='{}0'>1</vcpu>", "0-16383,".repeat(n)))),
    ("arguments", |n| domain("").replace("</init>", &format!("</init>{}", "<initarg>a</initarg>".repeat(n)))),
    ("variables", |n| {
        let variables = each(n, |it| format!("<initenv name='a{it}'>b</initenv>"));
        domain("").replace("</init>", &format!("</init>{variables}"))
    }),
    ("the same variable", |n| {
        domain("").replace("</init>", &format!("</init>{}", "<initenv name='a'>b</initenv>".repeat(n)))
    }),
    ("features", |n| {
        let features = each(n, |it| format!("<feature policy='require' name='f{it}'/>"));
        domain(&format!("<cpu><model>a</model>{features}</cpu>"))
    }),
    ("labels", |n| domain(&"<seclabel type='static' model='dac'><label>a</label></seclabel>".repeat(n))),
];
