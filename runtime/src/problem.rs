//! What cannot be done, and the way out.

use browndog_xml::domain::Origin;

/// Something that the document asks for and this host, or browndog, cannot do.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Who asked.
    pub origin: Origin,
    /// What cannot be done, and why.
    pub message: String,
    /// What to do about it.
    pub help: String,
}
