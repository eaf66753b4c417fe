//! What a container may do by default, and what the init of a whole system gets beside it.

use crate::domain::{CapabilityPolicy, Domain, Origin};
use crate::value::Capability;

/// Programs that are the init of a whole system, by their name.
pub const INITS: [&str; 4] = ["init", "systemd", "openrc-init", "runit"];

impl Domain {
    /// Who says that this container is a whole system, which mounts and manages for itself: the document by
    /// name, or an init of that name. Only with an id map: without one its rights would be over the host.
    pub fn whole_system(&self) -> Option<Origin> {
        let _mapped = self.idmap.as_ref()?;
        if let Some(system) = &self.extension.system {
            return system.value.then_some(system.origin);
        }
        let [command] = self.init.commands.as_slice() else { return None };
        let name = command.program.value.rsplit('/').next().unwrap_or_default();
        INITS.contains(&name).then_some(command.program.origin)
    }

    /// The capabilities that stay, one bit each; `all` are those that there are.
    pub fn capabilities_kept(&self, all: u64) -> u64 {
        let policy = match self.capabilities.policy.value {
            CapabilityPolicy::Allow => all,
            CapabilityPolicy::Deny => 0,
            CapabilityPolicy::Default if self.whole_system().is_some() => {
                all & !Capability::mask(&Capability::NEVER_NAMESPACED)
            }
            CapabilityPolicy::Default => Capability::mask(&Capability::DEFAULT),
        };
        let one_more = |kept: u64, (capability, on): (Capability, bool)| {
            let bit = 1 << capability.number();
            if on { kept | bit } else { kept & !bit }
        };
        self.capabilities.overrides.iter().map(|entry| entry.value).fold(policy, one_more) & all
    }

    /// Of [`Domain::capabilities_kept`], those that the document itself asks for, by name or by its policy: what it
    /// has because it is a whole system is not among them.
    pub fn capabilities_named(&self, all: u64) -> u64 {
        let kept = self.capabilities_kept(all);
        if self.capabilities.policy.value == CapabilityPolicy::Allow || self.whole_system().is_none() {
            return kept;
        }
        let named = self.capabilities.overrides.iter().filter(|entry| entry.value.1);
        let named = named.fold(0, |mask, entry| mask | 1 << entry.value.0.number());
        kept & (named | Capability::mask(&Capability::DEFAULT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    const ALL: u64 = Capability::mask(&Capability::ALL);
    const SMALL: u64 = Capability::mask(&Capability::DEFAULT);
    const SYS_ADMIN: u64 = 1 << 21;

    fn domain(init: &str, rest: &str) -> Domain {
        let text = format!(
            "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'><name>a</name><memory>65536</memory>\
             <os><type>exe</type><init>{init}</init></os>{rest}</domain>"
        );
        crate::read(&Source::new("test.xml", text)).domain.expect("a document without errors")
    }

    const MAP: &str = "<idmap><uid start='0' target='100000' count='65536'/>\
        <gid start='0' target='100000' count='65536'/></idmap>";

    #[rstest::rstest]
    #[case::plain("/bin/sh", "", false)]
    #[case::mapped("/bin/sh", "MAP", false)]
    #[case::by_its_name("/lib/systemd/systemd", "MAP", true)]
    #[case::by_its_name_without_a_map("/sbin/init", "", false)]
    #[case::by_name("/bin/sh", "MAP<browndog:system/>", true)]
    #[case::by_name_on("/bin/sh", "MAP<browndog:system state='on'/>", true)]
    #[case::not_by_name("/sbin/init", "MAP<browndog:system state='off'/>", false)]
    fn an_id_map_gives_no_capability_but_to_a_whole_system(
        #[case] init: &str,
        #[case] rest: &str,
        #[case] system: bool,
    ) {
        let domain = domain(init, &rest.replace("MAP", MAP));
        assert_eq!(domain.whole_system().is_some(), system);
        let kept = domain.capabilities_kept(ALL);
        assert_eq!(kept == SMALL, !system, "{kept:#x}");
        assert_eq!(kept & SYS_ADMIN != 0, system);
        assert_eq!(domain.capabilities_named(ALL), SMALL);
    }

    #[test]
    fn what_is_named_is_named_also_in_a_whole_system() {
        let named = |features: &str| {
            let features = format!("{MAP}<features><capabilities {features}</capabilities></features>");
            domain("/sbin/init", &features).capabilities_named(ALL)
        };
        assert_eq!(named("policy='default'><sys_admin state='on'/>"), SMALL | SYS_ADMIN);
        assert_eq!(named("policy='default'><chown state='off'/>"), SMALL & !1);
        assert_eq!(named("policy='allow'>"), ALL);
        assert_eq!(named("policy='deny'>"), 0);
    }
}
