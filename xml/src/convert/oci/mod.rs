//! The OCI runtime specification's `config.json` (version 1.0 and later of 1).

mod leftover;
mod linux;
mod names;
mod process;
mod read;
mod write;
mod write_linux;

pub use read::{from_oci, from_oci_on};
pub use write::to_oci;

/// Where programs are, where nobody says it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the domain's own words that the OCI has none for are annotated as.
pub(super) const ANNOTATION: &str = "org.libvirt.domain.";
