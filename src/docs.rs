//! `docs`: shell completions and manual pages, generated from the definitions the parser uses.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::cli;
use crate::completions;
use crate::exit::Status;
use crate::out::{complain, printing};

/// Shell completions and manual pages, made from the same definitions as --help.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog docs completions bash > /etc/bash_completion.d/browndog
  browndog docs man /usr/local/share/man/man1")]
pub(crate) struct Docs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write one manual page per verb into a directory, which is made if need be.
    Man {
        /// The directory.
        dir: PathBuf,
    },
}

impl Docs {
    pub(crate) fn perform(self) -> Status {
        match self.what {
            What::Completions { shell } => {
                printing(|out| out.write_all(&completions::script(shell)).map(|()| Status::DONE))
            }
            What::Man { dir } => {
                let written = std::fs::create_dir_all(&dir)
                    .and_then(|()| clap_mangen::generate_to(cli::definition(), &dir));
                match written {
                    Ok(()) => Status::DONE,
                    Err(error) => {
                        complain(&format!("cannot write manual pages to {}: {error}", dir.display()), None);
                        Status::FAILED
                    }
                }
            }
        }
    }
}
