//! What the base holds ready for a start.

use browndog_xml::domain::Origin;

use super::{Found, Purpose, Survey};
use crate::base;

const BASE: Origin = Origin::Default("this host has a base mount namespace: see 'browndog host'");

impl Survey {
    /// The base is an offer: without it the launcher's mount table is copied, and without its device policy that
    /// is loaded. Whoever has no base is not asked for a policy, which would cost every start a call.
    pub(super) fn open_base(&mut self) {
        let Some(fd) = base::open() else { return };
        self.found.push(Found::new(Purpose::Base, base::PATH, BASE, Some(fd)));
        if let Some((fd, instructions)) = base::policy() {
            self.found.push(Found::new(Purpose::Policy, base::POLICY, BASE, Some(fd)));
            self.policy = instructions;
        }
    }
}
