//! `schema`: what is derived from the tables of the dialects.

use browndog_xml::schema::export;
use clap::{Args, ValueEnum};

use crate::exit::Status;
use crate::out::printing;

/// Print what the documents may contain: for editors, for readers, for programs, for fuzzers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog schema --format rng > domain.rng && xmllint --noout --relaxng domain.rng guest.xml
  browndog schema --format json | jq '.elements | keys'
  browndog schema > REFERENCE.md

Exit status: 0 printed, 2 usage.")]
pub(crate) struct Schema {
    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A RELAX NG grammar, for editors and other validators.
    Rng,
    /// The reference in Markdown.
    Md,
    /// The tables as they are, in JSON.
    Json,
    /// A dictionary for libFuzzer and AFL.
    Dict,
}

impl Schema {
    pub(crate) fn perform(self) -> Status {
        let text = match self.format {
            Format::Rng => export::relaxng(),
            Format::Md => export::markdown(),
            Format::Json => format!("{:#}\n", export::json()),
            Format::Dict => export::dictionary(),
        };
        printing(|out| out.write_all(text.as_bytes()).map(|()| Status::DONE))
    }
}
