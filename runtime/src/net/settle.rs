//! Waiting for a device that the last user of is still being taken down.
//!
//! What a killed container leaves in its network the kernel takes away later, one network after the other
//! (`cleanup_net`). Until then a macvlan has its device and its address.

use std::time::{Duration, Instant};

use netlink_packet_route::link::LinkAttribute;
use nix::errno::Errno;

use super::rtnetlink::Routing;

/// How long a start waits at most; then the device has another user.
const LONGEST: Duration = Duration::from_secs(3);

/// What shows that a wait is no accident, and is said.
const SAID_AFTER: Duration = Duration::from_millis(300);

const PAUSE: Duration = Duration::from_millis(10);

/// The wait for one device, over all requests of one link.
#[derive(Debug)]
pub(super) struct Wait<'a> {
    parent: &'a str,
    begun: Instant,
    is_said: bool,
}

impl<'a> Wait<'a> {
    pub fn new(parent: &'a str) -> Self {
        Self { parent, begun: Instant::now(), is_said: false }
    }

    /// Tries again, within the bound, where a macvlan that is about to go may be what is in the way: EADDRINUSE (its
    /// address), EINVAL (it is in passthrough mode), EBUSY (likewise; the port of a bridge is it for good).
    pub fn until_free(
        &mut self,
        host: &Routing,
        mut attempt: impl FnMut() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        loop {
            let errno = match attempt() {
                Err(errno @ (Errno::EADDRINUSE | Errno::EINVAL)) => errno,
                Err(Errno::EBUSY) if !is_port(host, self.parent) => Errno::EBUSY,
                done => return done,
            };
            let waited = self.begun.elapsed();
            if waited >= LONGEST {
                return Err(errno);
            }
            if waited >= SAID_AFTER && !self.is_said {
                self.is_said = true;
                eprintln!(
                    "browndog: waiting for the kernel to take down what has used {} last ({errno}), at most {} s",
                    self.parent,
                    LONGEST.as_secs()
                );
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Whether the device belongs to a bridge or the like.
fn is_port(host: &Routing, name: &str) -> bool {
    let link = host.link(name);
    link.is_ok_and(|link| {
        link.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::Controller(of) if *of != 0))
    })
}
