//! `explain`: what a diagnostic code means.

use browndog_xml::explain::{all, explain};
use clap::Args;

use crate::exit::Status;
use crate::out::{complain, note, printing};

/// Explain a diagnostic code: cause, an example of the fault, and of its repair.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog explain BD0005
  browndog explain --list                           all codes, a line each

Exit status: 0 explained, 2 no such code.")]
pub(crate) struct Explain {
    /// The code, such as BD0005; the list of all of them without.
    #[arg(conflicts_with = "list")]
    code: Option<String>,
    /// List all codes, a line each.
    #[arg(long)]
    list: bool,
}

impl Explain {
    pub(crate) fn perform(self) -> Status {
        let Some(code) = self.code else {
            let lines: String = all().iter().map(|one| format!("{}  {}\n", one.code, one.title)).collect();
            return printing(|out| out.write_all(lines.as_bytes()).map(|()| Status::DONE));
        };
        let Some(explanation) = explain(&code) else {
            complain(&format!("there is no code {code:?}"), None);
            note("  hint: `browndog explain --list` lists them");
            return Status::USAGE;
        };
        printing(|out| write!(out, "{explanation}").map(|()| Status::DONE))
    }
}
