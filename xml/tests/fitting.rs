//! Conversions give what starts, or say why not: values without a place, device nodes, lists that are cleared, files of
//! neighbours, names that are nearly right.

use browndog_xml::convert::{
    Converted, Node, Seen, Surroundings, from_lxc_conf_on, from_oci_on, from_xml, to_oci,
};
use browndog_xml::domain::Domain;
use browndog_xml::report::Code;
use browndog_xml::source::Source;
use proptest::prelude::*;
use rstest::rstest;

fn node(path: &str) -> Node {
    Node { path: path.to_owned(), block: path.starts_with("/dev/sd") }
}

/// A machine with some nodes, and a root in which there is a shell.
fn look(path: &str) -> Seen {
    match path {
        "/dev/fuse" | "/dev/zero" | "/dev/null" | "/dev/sda" => Seen::Node(node(path)),
        "/dev/dri" => Seen::Directory(vec![node("/dev/dri/card0"), node("/dev/dri/renderD128")]),
        "/dev/shm" | "/srv/data" => Seen::Directory(Vec::new()),
        "/dev/log" => Seen::Other,
        _ => Seen::Missing,
    }
}

fn program(root: &str, name: &str, path: &str) -> Option<String> {
    (root == "/bundle/rootfs" && name == "sh" && path.split(':').any(|dir| dir == "/bin"))
        .then(|| "/bin/sh".to_owned())
}

fn machine() -> Surroundings<'static> {
    Surroundings { look: &look, program: &program, ..Surroundings::none() }
}

fn conf(text: &str) -> Converted {
    from_lxc_conf_on(&Source::new("config", text), Some("demo"), &machine())
}

fn oci(more_process: &str, more: &str, linux: &str) -> Converted {
    let text = format!(
        "{{\"ociVersion\": \"1.0.2\", \"root\": {{\"path\": \"rootfs\"}}, \"hostname\": \"demo\",\n\
         \"process\": {{\"args\": [\"sh\"], \"env\": [\"PATH=/sbin:/bin\"], \"noNewPrivileges\": true{more_process}}},\n\
         \"linux\": {{\"resources\": {{\"memory\": {{\"limit\": 67108864}}}}{linux}}}{more}}}"
    );
    from_oci_on(&Source::new("config.json", text), "/bundle", None, &machine())
}

fn said(converted: &Converted) -> Vec<(Code, u32, String)> {
    let all = converted.reports.iter().flat_map(|(source, report)| {
        report.diagnostics.iter().map(|it| {
            let help = it.help.as_deref().unwrap_or_default();
            (it.code, source.position(it.span.start).line, format!("{} {help}", it.message))
        })
    });
    all.collect()
}

fn domain(converted: &Converted) -> &Domain {
    converted.domain.as_ref().unwrap_or_else(|| panic!("it is converted: {:?}", said(converted)))
}

/// Legal there, without a place here: the rest is converted, and the loss is named with its line.
#[rstest]
#[case("lxc.uts.name = my_box", "hostname")]
#[case("lxc.cgroup2.cpu.max = 500 1000", "quota")]
#[case("lxc.cgroup.blkio.weight = 5", "weight")]
#[case("lxc.environment = FOO.BAR=1", "initenv")]
#[case("lxc.prlimit.nofile = 9:3", "nofile")]
#[case("lxc.prlimit.foo = 9", "foo")]
#[case("lxc.cgroup2.pids.max = 99999999999", "pids")]
#[case("lxc.init.groups = 4294967295", "group")]
fn a_value_without_a_place_is_a_loss_at_its_line(#[case] text: &str, #[case] about: &str) {
    let converted = conf(&format!("lxc.rootfs.path = /srv/root\n{text}\nlxc.tty.max = 2\n"));
    assert_eq!(domain(&converted).consoles.len(), 2);
    let last = 1 + text.lines().count() as u32;
    let lost = said(&converted);
    let lost = lost.iter().find(|(code, line, _)| *code == Code::NotCarried && *line == last);
    assert!(lost.is_some_and(|(_, _, message)| message.contains(about)), "{:?}", said(&converted));
}

#[rstest]
#[case(", \"cpu\": {\"shares\": 0, \"quota\": 0, \"period\": 0, \"cpus\": \"\", \"mems\": \"\"}")]
#[case(", \"blockIO\": {\"weight\": 0}, \"pids\": {\"limit\": 0}")]
fn what_engines_write_where_nothing_is_set_says_nothing(#[case] resources: &str) {
    let linux = format!(
        ", \"resources\": {{\"memory\": {{\"limit\": 0, \"swap\": 0, \"reservation\": 0}}{resources}}}"
    );
    let converted = oci("", "", &linux);
    let read = domain(&converted);
    assert!(read.cpu.shares.is_none() && read.cpu.cpuset.is_none() && read.blkio.weight.is_none());
    assert!(!said(&converted).iter().any(|(code, ..)| *code == Code::NotCarried), "{:?}", said(&converted));
}

/// What confines is not left out because a value of it is wrong.
#[rstest]
#[case("lxc.idmap = u 0 0 65536\nlxc.idmap = g 0 0 65536")]
#[case("lxc.idmap = u 0 100000 x")]
#[case("lxc.cap.drop = sys_admn")]
#[case("lxc.init.uid = x")]
fn what_confines_is_no_loss_but_an_error(#[case] text: &str) {
    let converted = conf(&format!("lxc.rootfs.path = /srv/root\n{text}\n"));
    assert!(converted.text.is_none() && converted.has_errors(), "{:?}", converted.text);
}

fn hostdevs(converted: &Converted) -> String {
    let written = converted.text.as_deref().unwrap_or_else(|| panic!("{:?}", said(converted)));
    let given = |line: &&str| line.contains("<char>") || line.contains("<block>");
    written.lines().filter(given).map(|line| line.trim().to_owned()).collect::<Vec<_>>().join(" ")
}

/// Binds of what is in /dev: nodes become devices, also those of a directory, and nothing is mounted that opens nothing.
#[rstest]
#[case::fuse("/dev/fuse dev/fuse none bind,create=file", "<char>/dev/fuse</char>", 0)]
#[case::block("/dev/sda dev/sda none bind,create=file", "<block>/dev/sda</block>", 0)]
#[case::directory(
    "/dev/dri dev/dri none bind,optional,create=dir",
    "<char>/dev/dri/card0</char> <char>/dev/dri/renderD128</char>",
    0
)]
#[case::everybodys("/dev/zero dev/zero none bind,optional,create=file", "", 0)]
#[case::not_here("/dev/kvm dev/kvm none bind,optional,create=file", "", 0)]
#[case::not_here_and_needed("/dev/kvm dev/kvm none bind,create=file", "<char>/dev/kvm</char>", 0)]
#[case::memory("/dev/shm dev/shm none bind", "", 1)]
#[case::socket("/dev/log dev/log none bind,create=file", "", 1)]
#[case::elsewhere("/srv/data data none bind", "", 1)]
fn a_bind_of_a_node_is_a_device(#[case] entry: &str, #[case] given: &str, #[case] mounts: usize) {
    let converted = conf(&format!("lxc.rootfs.path = /srv/root\nlxc.mount.entry = {entry} 0 0\n"));
    assert_eq!(hostdevs(&converted), given);
    assert_eq!(domain(&converted).filesystems.len(), 1 + mounts);
    let mut fields = entry.split(' ');
    let (source, target) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let bundle = oci(
        "",
        &format!(
            ", \"mounts\": [{{\"destination\": \"/{target}\", \"type\": \"bind\", \"source\": \"{source}\", \"options\": [\"rbind\"]}}]"
        ),
        "",
    );
    if !entry.contains("optional") {
        assert_eq!(hostdevs(&bundle), given);
    }
}

#[test]
fn the_null_device_over_a_file_hides_it() {
    let converted =
        conf("lxc.rootfs.path = /srv/root\nlxc.mount.entry = /dev/null etc/secret none bind 0 0\n");
    assert_eq!(domain(&converted).extension.masks[0].value.as_str(), "/etc/secret");
}

#[test]
fn optional_mounts_stay_optional_and_unconfined_is_no_label() {
    let text = "lxc.rootfs.path = /srv/root\nlxc.apparmor.profile = unconfined\n\
                lxc.mount.entry = /srv/not-there opt none bind,optional,create=dir 0 0\n";
    let converted = conf(text);
    let read = domain(&converted);
    assert!(read.seclabels.is_empty() && read.filesystems[1].optional.is_some());
    let again = from_xml(&Source::new("again.xml", converted.text.clone().unwrap_or_default()));
    assert!(domain(&again).filesystems[1].optional.is_some());
}

/// Memory: a mode, a size, none of them; and what holds of every such mount is no loss.
#[rstest]
#[case("size=64k,mode=0750,nosuid,nodev", Some(0o750), 65536, false)]
#[case("mode=1777,size=1m", None, 1 << 20, false)]
#[case("rw,nodev", None, 1 << 30, true)]
#[case("size=50%", None, 1 << 30, true)]
fn a_file_system_in_memory_keeps_its_mode_and_its_want_of_a_size(
    #[case] options: &str,
    #[case] mode: Option<u32>,
    #[case] bytes: u64,
    #[case] half: bool,
) {
    use browndog_xml::domain::FilesystemSource::Ram;
    let words: Vec<String> = options.split(',').map(|word| format!("\"{word}\"")).collect();
    let mounts = format!(
        ", \"mounts\": [{{\"destination\": \"/t\", \"type\": \"tmpfs\", \"source\": \"t\", \"options\": [{}]}}]",
        words.join(",")
    );
    for converted in [
        conf(&format!("lxc.rootfs.path = /srv/root\nlxc.mount.entry = t t tmpfs {options} 0 0\n")),
        oci("", &mounts, ""),
    ] {
        let Ram { bytes: size, options: own } = &domain(&converted).filesystems[1].source else {
            panic!("{:?}", converted.text)
        };
        let own = own.as_deref().cloned().unwrap_or_default();
        let found = (own.mode.map(|mode| mode.value), size.value, own.half.is_some());
        assert_eq!(found, (mode, bytes, half));
        assert!(
            !said(&converted).iter().any(|(code, ..)| *code == Code::NotCarried),
            "{:?}",
            said(&converted)
        );
    }
}

/// A group of keys that is taken back, as lxc has it.
#[rstest]
#[case("lxc.prlimit.nofile = 7\nlxc.prlimit =")]
#[case("lxc.sysctl.net.ipv4.ip_forward = 1\nlxc.sysctl =")]
#[case("lxc.cgroup2.pids.max = 7\nlxc.cgroup2 =")]
#[case("lxc.hook.start = /x\nlxc.hook =")]
#[case("lxc.cap.drop = mknod\nlxc.cap.drop =")]
fn an_empty_value_takes_a_list_or_a_group_back(#[case] text: &str) {
    let converted = conf(&format!("lxc.rootfs.path = /srv/root\n{text}\n"));
    let read = domain(&converted);
    assert!(read.extension.rlimits.is_empty() && read.extension.sysctls.is_empty());
    assert!(read.capabilities.overrides.is_empty());
    assert_ne!(read.pids.value, 7);
    assert!(!said(&converted).iter().any(|(code, ..)| matches!(code, Code::UnknownKey | Code::NotCarried)));
}

#[test]
fn proxmoxs_own_file_is_recognised() {
    let text = "arch: amd64\ncores: 2\nhostname: box\nmemory: 512\nnet0: name=eth0,bridge=vmbr0\nlxc.cap.drop: mknod\n";
    let converted = conf(text);
    let said = said(&converted);
    assert!(converted.text.is_none());
    let [(Code::BadSource, 1, message)] = &said[..] else { panic!("{said:?}") };
    assert!(message.contains("Proxmox") && message.contains("/var/lib/lxc/N/config"), "{message}");
}

/// The nearest name, wherever the slip is.
#[rstest]
#[case("lxc.rootsf.path = /x", "lxc.rootfs.path")]
#[case("lxc.group.devices.allow = c 1:3 rwm", "lxc.cgroup.devices.allow")]
#[case("lxc.cap.dorp = mknod", "lxc.cap.drop")]
#[case("lxc.net.0.type = veth\nlxc.net.0.hwadr = 00:16:3e:00:00:01", "hwaddr")]
#[case("lxc.cgroup2.memory.mx = 1", "memory.max")]
fn a_slip_gets_the_nearest_name(#[case] text: &str, #[case] near: &str) {
    let said = said(&conf(&format!("lxc.rootfs.path = /srv/root\n{text}\n")));
    let wanted = format!("did you mean '{near}'?");
    assert!(said.iter().any(|(_, _, message)| message.contains(&wanted)), "{said:?}");
}

#[test]
fn a_property_that_is_nearly_one_gets_the_nearest_name() {
    let converted = oci(", \"enviroment\": [\"A=1\"]", ", \"hostName\": \"x\", \"foo\": 1", "");
    let said = said(&converted);
    let help = |name: &str| said.iter().any(|(code, _, it)| *code == Code::UnknownKey && it.contains(name));
    assert!(
        help("/hostName") && said.iter().any(|(_, _, it)| it.contains("did you mean 'hostname'?")),
        "{said:?}"
    );
    assert!(said.iter().any(|(code, _, it)| *code == Code::NotCarried && it.contains("/foo")), "{said:?}");
}

/// What is said of a bundle's devices is so, and one that this host has not is a loss and not a container that cannot start.
#[test]
fn a_device_of_a_bundle_is_the_hosts_or_a_loss() {
    let device = |path: &str| {
        format!("{{\"path\": \"{path}\", \"type\": \"c\", \"major\": 1, \"minor\": 3, \"fileMode\": 438}}")
    };
    let converted =
        oci("", "", &format!(", \"devices\": [{}, {}]", device("/dev/fuse"), device("/dev/own-null")));
    assert_eq!(hostdevs(&converted), "<char>/dev/fuse</char>");
    let said = said(&converted);
    let about = |code: Code, words: &str| said.iter().any(|it| it.0 == code && it.2.contains(words));
    assert!(about(Code::CarriedOtherwise, "root's, of mode 0660"), "{said:?}");
    assert!(about(Code::NotCarried, "this host has no '/dev/own-null'"), "{said:?}");
}

#[test]
fn a_program_is_looked_up_in_the_root_that_is_named() {
    let converted = oci("", "", "");
    assert_eq!(domain(&converted).init.commands[0].program.value, "/bin/sh");
    assert!(!said(&converted).iter().any(|(_, _, message)| message.contains("env looks")));
}

#[test]
fn a_file_that_cannot_be_included_is_left_out_where_that_is_asked_for() {
    let text = "lxc.include = /usr/share/x\nlxc.rootfs.path = /srv/root\nlxc.mount.fstab = /x\n";
    let source = Source::new("config", text);
    assert!(from_lxc_conf_on(&source, Some("demo"), &machine()).text.is_none());
    let without = Surroundings { without_includes: true, ..machine() };
    let converted = from_lxc_conf_on(&source, Some("demo"), &without);
    let lines: Vec<u32> =
        said(&converted).into_iter().filter(|it| it.0 == Code::NotCarried).map(|it| it.1).collect();
    assert_eq!((converted.text.is_some(), lines), (true, vec![1, 3]));
}

/// The default that differs is said, though nobody has written it.
#[test]
fn that_nothing_gains_privilege_is_said_where_lxc_has_it_otherwise() {
    let about = |text: &str| {
        let found = said(&conf(&format!("lxc.rootfs.path = /srv/root\n{text}")));
        found.iter().any(|(code, _, it)| *code == Code::CarriedOtherwise && it.contains("no_new_privs"))
    };
    assert!(about(""));
    assert!(!about("lxc.no_new_privs = 1\n") && !about("lxc.no_new_privs = 0\n"));
}

#[test]
fn umask_and_groups_are_carried_both_ways() {
    let converted =
        oci(", \"user\": {\"uid\": 5, \"gid\": 6, \"umask\": 63, \"additionalGids\": [10, 20]}", "", "");
    let own = &domain(&converted).extension;
    assert_eq!(own.umask.as_ref().map(|it| it.value), Some(0o77));
    assert_eq!(own.groups.iter().map(|it| it.value).collect::<Vec<_>>(), [10, 20]);
    let bundle =
        to_oci(&Source::new("d.xml", converted.text.clone().unwrap_or_default())).text.unwrap_or_default();
    let bundle: serde_json::Value = serde_json::from_str(&bundle).expect("it is JSON");
    assert_eq!(
        bundle["process"]["user"],
        serde_json::json!({"uid": 5, "gid": 6, "umask": 63, "additionalGids": [10, 20]})
    );
}

proptest! {
    /// What both sides can say comes back.
    #[test]
    fn a_bundles_round_trip_loses_nothing_that_both_can_say(
        uid in 0_u32..70_000,
        gid in 1_u32..70_000,
        umask in 0_u32..0o1000,
        groups in prop::collection::btree_set(0_u32..70_000, 0..4),
        shares in 2_u64..262_144,
        size in prop::option::of(1_u64..1 << 20),
        mode in 0_u32..0o10000,
        nnp in any::<bool>(),
        limit in 1_u64..1 << 40,
    ) {
        let groups: Vec<u32> = groups.into_iter().collect();
        let options = size.map_or(String::new(), |size| format!(", \"size={}\"", size * 1024));
        let text = format!(
            "{{\"ociVersion\": \"1.0.2\", \"root\": {{\"path\": \"/r\", \"readonly\": false}}, \"hostname\": \"demo\",\
             \"process\": {{\"args\": [\"/bin/sh\"], \"cwd\": \"/\", \"noNewPrivileges\": {nnp}, \"user\": {{\"uid\": {uid}, \
             \"gid\": {gid}, \"umask\": {umask}, \"additionalGids\": {groups:?}}}}},\
             \"mounts\": [{{\"destination\": \"/t\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [\"nosuid\", \
             \"nodev\", \"mode={mode:04o}\"{options}, \"rw\"]}}],\
             \"linux\": {{\"resources\": {{\"cpu\": {{\"shares\": {shares}}}, \"memory\": {{\"limit\": {}}}}}}}}}",
            limit * 1024
        );
        let source = Source::new("config.json", text.clone());
        let document = from_oci_on(&source, "/b", None, &Surroundings::none());
        prop_assert!(document.text.is_some(), "{:?}", said(&document));
        let again = to_oci(&Source::new("d.xml", document.text.clone().unwrap_or_default()));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
        let (before, after) = (value(&text), value(&again.text.unwrap_or_default()));
        let mut user = before["process"]["user"].clone();
        if groups.is_empty() && let Some(user) = user.as_object_mut() {
            drop(user.remove("additionalGids"));
        }
        prop_assert_eq!(&user, &after["process"]["user"]);
        prop_assert_eq!(&before["process"]["noNewPrivileges"], &after["process"]["noNewPrivileges"]);
        prop_assert_eq!(&before["linux"]["resources"]["cpu"], &after["linux"]["resources"]["cpu"]);
        prop_assert_eq!(
            &before["linux"]["resources"]["memory"]["limit"],
            &after["linux"]["resources"]["memory"]["limit"]
        );
        let mounts = after["mounts"].as_array().cloned().unwrap_or_default();
        let found = mounts.iter().find(|mount| mount["destination"] == "/t");
        prop_assert_eq!(found.map(|mount| &mount["options"]), Some(&before["mounts"][0]["options"]));
    }

    /// And of a document, what was not named as lost.
    #[test]
    fn a_documents_round_trip_gives_the_same_parts(
        umask in 0_u32..0o1000,
        groups in prop::collection::btree_set(0_u32..70_000, 0..4),
        kib in 1_u64..1 << 20,
        half in any::<bool>(),
        mode in prop::option::of(0_u32..0o1000),
    ) {
        let groups: String = groups.iter().map(|id| format!("<browndog:group id='{id}'/>")).collect();
        let size = if half { " size='half'" } else { "" };
        let mode = mode.map_or(String::new(), |mode| format!(" mode='{mode:04o}'"));
        let kib = if half { 1 << 20 } else { kib };
        let ram = if half || !mode.is_empty() { format!("<browndog:ram target='/t'{mode}{size}/>") } else { String::new() };
        let text = format!(
            "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'><name>demo</name><memory>65536</memory>\
             <os><type>exe</type><init>/bin/sh</init></os><devices>\
             <filesystem type='mount'><source dir='/r'/><target dir='/'/></filesystem>\
             <filesystem type='ram'><source usage='{kib}'/><target dir='/t'/></filesystem></devices>\
             {ram}<browndog:umask mask='{umask:03o}'/>{groups}</domain>"
        );
        let before = browndog_xml::read(&Source::new("d.xml", text.clone()));
        prop_assert!(before.domain.is_some(), "{:?}", before.report.diagnostics);
        let bundle = to_oci(&Source::new("d.xml", text)).text.unwrap_or_default();
        let again = from_oci_on(&Source::new("config.json", bundle), "/b", None, &Surroundings::none());
        let (Some(before), Some(after)) = (&before.domain, &again.domain) else { panic!("{:?}", said(&again)) };
        prop_assert_eq!(&before.filesystems, &after.filesystems);
        prop_assert_eq!(&before.extension.umask, &after.extension.umask);
        prop_assert_eq!(&before.extension.groups, &after.extension.groups);
    }
}
