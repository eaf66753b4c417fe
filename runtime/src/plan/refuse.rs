//! What a document rightly asks for and cannot have: said before anything is done, never dropped.

use std::collections::HashSet;

use browndog_xml::refusals;

use super::build::Builder;

/// Everything that no step can be planned for.
pub(super) fn refuse(b: &mut Builder<'_>) {
    for refusal in refusals::always(b.domain) {
        b.problem(refusal.origin, refusal.message, refusal.help);
    }
    architecture(b);
    duplicates(b);
}

/// Architectures whose programs the kernel of another one runs as its own, and says so with a personality.
const SIBLINGS: [(&str, &str); 1] = [("x86_64", "i686")];

/// A program of another architecture would not be executed, and one of this machine's would be told that it is another.
fn architecture(b: &mut Builder<'_>) {
    let Some(arch) = &b.domain.arch else { return };
    let (machine, wanted) = (b.host.machine.as_str(), arch.value.as_str());
    if machine == wanted || SIBLINGS.contains(&(machine, wanted)) {
        return;
    }
    let message = format!("this machine is {machine}, and runs no container of {wanted}");
    b.problem(arch.origin, message, "start it on such a machine, or correct or remove the attribute");
}

/// The later mount would hide the earlier one: nobody means that.
fn duplicates(b: &mut Builder<'_>) {
    if b.domain.filesystems.len() < 2 {
        return;
    }
    let mut seen = HashSet::new();
    for filesystem in &b.domain.filesystems {
        let target = filesystem.target.value.as_str();
        let key = target.trim_end_matches('/');
        if !seen.insert(key) {
            let message =
                format!("{target} is the target of two file systems: the later would hide the earlier");
            b.problem(filesystem.target.origin, message, "remove one of them");
        }
    }
}
