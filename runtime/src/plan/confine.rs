//! What the container's processes may do: capabilities, no_new_privs, seccomp.

use browndog_xml::domain::{CapabilityPolicy, Origin};

use super::build::Builder;
use super::seccomp::{self, Lifted};
use super::step::ChildStep;
use crate::host::capabilities;
use crate::sys::CapSets;

/// The capabilities that stay.
pub(super) fn kept(b: &Builder<'_>) -> u64 {
    b.domain.capabilities_kept(capabilities(b.host.last_capability))
}

/// What of the filter is lifted.
fn lifted(b: &Builder<'_>) -> Lifted {
    let named = b.domain.capabilities_named(capabilities(b.host.last_capability));
    let families = b.domain.extension.families.iter().map(|family| family.value.number());
    Lifted::new(named, b.domain.whole_system().is_some()).with_families(families)
}

/// Says what a whole system may do beside an ordinary program.
pub(super) fn say_system(b: &mut Builder<'_>) {
    let by_policy = b.domain.capabilities.policy.value == CapabilityPolicy::Default;
    let Some(origin) = b.domain.whole_system().filter(|_| by_policy) else { return };
    let more = (kept(b) & !b.domain.capabilities_named(capabilities(b.host.last_capability))).count_ones();
    let named = b.domain.extension.system.is_some();
    let because = if named { "it is said to be one" } else { "its init has the name of one" };
    b.note(
        origin,
        format!(
            "this container is taken as a whole system, because {because}: it gets {more} capabilities more over its \
             own namespaces, and may mount, make namespaces, use raw and packet sockets, and reboot itself; bpf, perf, \
             userfaultfd, file handles and user namespaces in it stay closed unless named"
        ),
        "write <browndog:system state='off'/> where it is none, or state='on' to say so",
    );
}

/// Says what keeps the init of a whole system from its work where it may not mount: systemd ends at once, with a word
/// on its console only.
pub(super) fn say_no_system(b: &mut Builder<'_>) {
    if !super::process::is_system(b) || keeps_sys_admin(b) {
        return;
    }
    let origin = b.domain.init.commands[0].program.origin;
    b.note(
        origin,
        "this init has the name of a whole system's, and may not mount anything in this container: systemd ends at \
         once ('Failed to mount'), others come up in part",
        "add an <idmap>, with which it gets what it needs over the container alone; or name <sys_admin state='on'/> in \
         <capabilities policy='default'>, which is close to root of the host",
    );
}

/// Whether the container may mount, and so could undo what is only mounted read-only.
pub(super) fn keeps_sys_admin(b: &Builder<'_>) -> bool {
    kept(b) & b.host.bounding & (1 << 21) != 0
}

fn origin(b: &Builder<'_>) -> Origin {
    b.domain.capabilities.policy.origin
}

/// Removes what is not kept from the bounding set: no exec brings it back.
pub(super) fn drop_bounding(b: &mut Builder<'_>) {
    let keep = kept(b);
    let missing = keep & !b.host.bounding;
    for entry in &b.domain.capabilities.overrides {
        let (capability, on) = entry.value;
        if on && missing & (1 << capability.number()) != 0 && !b.user_namespace {
            b.problem(
                entry.origin,
                "this capability cannot be given: the caller does not have it itself",
                "start from a process that has it in its bounding set, or remove the element",
            );
        }
    }
    let step = ChildStep::DropBounding { keep, last: b.host.last_capability };
    let why = "needs CAP_SETPCAP, so before the sets themselves shrink";
    b.child("drop-bounding", step, origin(b), why);
}

/// Sets the permitted, effective, inheritable and ambient sets exactly.
pub(super) fn set_capabilities(b: &mut Builder<'_>) {
    let root = b.domain.init.user.is_none();
    let keep = if root { kept(b) } else { 0 };
    let keep = if b.user_namespace { keep } else { keep & b.host.bounding };
    let why = "a set inherited from the caller must not survive exec";
    b.child("clear-ambient", ChildStep::ClearAmbient, origin(b), why);
    let sets = CapSets { effective: keep, permitted: keep, inheritable: 0 };
    let why = "after the ids: changing them clears and restores sets";
    b.child("set-capabilities", ChildStep::SetCapabilities { sets }, origin(b), why);
}

const NO_NEW_PRIVS: Origin = Origin::Default("no program in a container gains privilege by being executed");

/// Who asks that programs may gain privilege by being executed.
pub(super) fn new_privs(b: &Builder<'_>) -> Option<Origin> {
    b.domain.extension.no_new_privs.as_ref().filter(|privs| !privs.value).map(|privs| privs.origin)
}

/// The filter of a container without no_new_privs: the kernel then takes it from CAP_SYS_ADMIN alone, so it is loaded
/// while the process still has that.
pub(super) fn filter_first(b: &mut Builder<'_>) {
    let Some(origin) = new_privs(b) else { return };
    b.note(
        origin,
        "set-user-ID programs and file capabilities of the root file system act in this container",
        "what is in the image, or comes into it, can become root of the container: its capabilities are the bound",
    );
    let why =
        "before CAP_SYS_ADMIN goes, without which the kernel takes no filter unless no_new_privs is set";
    load(b, "filter:privileged", why);
}

/// no_new_privs, then the filter.
pub(super) fn filter(b: &mut Builder<'_>) {
    if new_privs(b).is_some() {
        return;
    }
    let said = b.domain.extension.no_new_privs.as_ref().map(|privs| privs.origin);
    let origin = said.unwrap_or(NO_NEW_PRIVS);
    b.child(
        "no-new-privs",
        ChildStep::NoNewPrivs,
        origin,
        "set-user-ID programs and file capabilities give nothing",
    );
    if said.is_none() && super::process::is_system(b) {
        b.note(
            origin,
            "set-user-ID programs and file capabilities give nothing in this container: su, sudo, passwd, crontab and \
             a user's ping do not work",
            "write <browndog:no_new_privs state='off'/> where they are to",
        );
    }
    load(b, "seccomp", "last before exec: the steps above need calls that it forbids");
}

fn load(b: &mut Builder<'_>, id: &'static str, why: &'static str) {
    if b.domain.extension.seccomp.as_ref().is_some_and(|seccomp| !seccomp.value) {
        return;
    }
    let origin = b.domain.extension.seccomp.as_ref().map_or(seccomp::ORIGIN, |seccomp| seccomp.origin);
    let lifted = lifted(b);
    let program = seccomp::program(lifted, &b.host.machine);
    let Some(program) = program else {
        let message = format!("there is no system call filter for {} yet", b.host.machine);
        b.note(origin, message, "the container runs without one");
        return;
    };
    b.child(id, ChildStep::Seccomp { program, profile: "default", lifted }, origin, why);
}

#[cfg(test)]
mod tests {
    use crate::host::Host;
    use crate::plan::{Request, plan};
    use crate::survey::Survey;

    /// Who can read every file at exec looks at the program then, anybody else before as well.
    #[rstest::rstest]
    #[case::root("", "", false)]
    #[case::user("<inituser>1000</inituser><initgroup>1000</initgroup>", "", true)]
    #[case::less("", "<capabilities policy='default'><dac_override state='off'/></capabilities>", true)]
    fn who_may_not_read_everything_has_the_program_looked_at_before(
        #[case] user: &str,
        #[case] features: &str,
        #[case] expected: bool,
    ) {
        let text = format!(
            "<domain type='lxc'><name>c</name><memory>65536</memory><os><type>exe</type><init>/bin/sh</init>{user}</os>\
             <features>{features}</features></domain>"
        );
        let source = browndog_xml::source::Source::from_bytes("c.xml", text.into_bytes());
        let domain = browndog_xml::read(&source).domain.expect("it is valid");
        let survey = Survey::assume(&domain, false);
        let plan = plan(&domain, &Host::fixture_v2(), &survey, &Request::default());
        let ids: Vec<&str> = plan.child.iter().map(|entry| entry.id.as_ref()).collect();
        let place = |id| ids.iter().position(|have| *have == id);
        assert_eq!(place("look-at-program").is_some(), expected, "{ids:?}");
        if expected {
            let order = ["close-fds", "change-dir", "look-at-program", "drop-bounding"].map(place);
            assert!(order.is_sorted(), "{ids:?}");
            assert!(plan.to_string().contains("openat2(\"/bin/sh\", O_RDONLY"), "{plan}");
        }
    }

    /// A plan is the same without what it does not ask for: whatever the caller lacks, one who is nice.
    #[rstest::rstest]
    #[case::default("", "")]
    #[case::allow("<capabilities policy='allow'><sys_time state='off'/></capabilities>", "")]
    #[case::deny("<capabilities policy='deny'><net_raw state='on'/></capabilities>", "")]
    #[case::more(
        "<capabilities policy='default'><sys_admin state='on'/><chown state='off'/></capabilities>",
        ""
    )]
    #[case::idmap(
        "",
        "<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' count='65536'/></idmap>"
    )]
    fn the_plan_asks_for_all_of_the_bounding_set_that_it_looks_at(
        #[case] features: &str,
        #[case] idmap: &str,
    ) {
        let text = format!(
            "<domain type='lxc'><name>c</name><memory>65536</memory><os><type>exe</type><init>/bin/sh</init></os>\
             <features>{features}</features>{idmap}</domain>"
        );
        let source = browndog_xml::source::Source::from_bytes("c.xml", text.into_bytes());
        let reading = browndog_xml::read(&source);
        let domain = reading.domain.unwrap_or_else(|| panic!("{:?}", reading.report));
        let survey = Survey::assume(&domain, false);
        let mut host = Host::fixture_v2();
        host.context.nice = 5;
        let all = host.bounding;
        let shown = |bounding: u64| {
            let host = Host { bounding, ..host.clone() };
            let plan = plan(&domain, &host, &survey, &Request::default());
            format!("{plan}{:?}{:?}", plan.problems, plan.notes)
        };
        let asked = crate::host::asked(&domain, host.last_capability);
        for lacking in [0, u64::MAX].into_iter().chain((0..=40).map(|number| 1 << number)) {
            let have = all & !lacking;
            assert_eq!(shown(have & asked), shown(have), "without {lacking:x}");
        }
    }
}
