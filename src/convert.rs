//! `convert`: from one description of a container to another.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use browndog_runtime::foreign::{self, Unread};
use browndog_xml::convert::{Converted, Surroundings, from_lxc_conf_on, from_oci_on, from_xml, to_oci};
use browndog_xml::domain::Dialect;
use browndog_xml::limits;
use browndog_xml::source::Source;
use clap::{Args, ValueEnum};

use crate::document::open;
use crate::exit::Status;
use crate::here;
use crate::include::Places;
use crate::out::{coloured_errors, complain, note_drawn, printing_document};
use crate::replace;

/// Turn one description of a container into another; what cannot be carried over is named, each with its line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog convert --from rfc old.xml > new.xml                 the dialect of 2008 to the one of libvirt
  browndog convert --from lxc.conf /var/lib/lxc/web/config      lxc's own configuration, versions 2 and 3
  browndog convert --from lxc.conf --deny lost --output web.xml config
  browndog convert --from lxc.conf --lxc-root /mnt/old /mnt/old/var/lib/lxc/web   of another machine's disk
  browndog convert --from lxc --to oci --output b/config.json web.xml   a bundle for runc, crun, youki
  browndog convert --from oci b/config.json                     and back

What cannot be carried over is a warning on standard error; --deny lost makes it an error.

Exit status: 0 converted, 1 invalid, or (--deny lost) not all of it can be carried over, 2 it could not be
read or written, or usage.")]
pub(crate) struct Convert {
    /// What FILE is.
    #[arg(long, value_enum)]
    from: From,
    /// What it becomes.
    #[arg(long, value_enum, default_value_t = To::Lxc)]
    to: To,
    /// The container's name, where the source does not say one, or to give it another.
    #[arg(long)]
    name: Option<String>,
    /// Read what the file includes also from below this directory: without, only from below its own, and from
    /// /usr/share/lxc/config.
    #[arg(long, value_name = "DIR")]
    include_from: Vec<PathBuf>,
    /// The root directory of the machine that the configuration is from: what it includes by an absolute path is
    /// looked up below it.
    #[arg(long, value_name = "DIR")]
    lxc_root: Option<PathBuf>,
    /// Leave out, and say, what the file includes and cannot be read, instead of giving up.
    #[arg(long)]
    without_includes: bool,
    /// Take this kind of warning for an error.
    #[arg(long, value_enum)]
    deny: Vec<Deny>,
    /// Write into this file instead of standard output, all of it or nothing.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The file; `-` is standard input; of a container's or bundle's directory its file config or config.json.
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    /// A document of the dialect of 2008, linuxcontainer.
    Rfc,
    /// A document of libvirt's dialect.
    Lxc,
    /// lxc.container.conf(5); what it includes from below its own directory is read as well.
    #[value(name = "lxc.conf", alias = "lxc-conf")]
    LxcConf,
    /// The config.json of an OCI bundle; FILE may be the bundle.
    Oci,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// A document of libvirt's dialect.
    Lxc,
    /// The config.json of an OCI bundle.
    Oci,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// What cannot be carried over, or not as it was.
    Lost,
}

impl Convert {
    pub(crate) fn perform(mut self) -> Status {
        let source = match self.open() {
            Ok(source) => source,
            Err(message) => {
                complain(&message, None);
                return Status::USAGE;
            }
        };
        let converted = match self.convert(&source) {
            Ok(converted) => converted,
            Err(status) => return status,
        };
        for (source, report) in &converted.reports {
            let text = report.render_human(source, coloured_errors());
            if !text.is_empty() {
                note_drawn(text.trim_end());
            }
        }
        let Some(text) = &converted.text else { return Status::FAILED };
        if converted.is_lossy() && self.deny.contains(&Deny::Lost) {
            complain("not all of it can be carried over: nothing is written", None);
            return Status::FAILED;
        }
        match &self.output {
            Some(path) => write(path, text),
            None => printing_document(text.as_bytes(), Status::DONE),
        }
    }

    /// What is named is opened as it is; what is only found in it has to be a file.
    fn open(&mut self) -> Result<Source, String> {
        let name = match self.from {
            From::Oci => "config.json",
            From::LxcConf => "config",
            From::Rfc | From::Lxc => return open(&self.file),
        };
        if !self.file.is_dir() {
            return open(&self.file);
        }
        self.file.push(name);
        let name = self.file.to_string_lossy().into_owned();
        let found = foreign::look(&self.file).map_err(Unread::Errno);
        let read = found.and_then(|found| foreign::read(found.as_fd(), limits::DOCUMENT_BYTES as u64 + 1));
        read.map(|bytes| Source::from_bytes(&*name, bytes))
            .map_err(|why| format!("cannot read {name}: {why}"))
    }

    fn convert(&self, source: &Source) -> Result<Converted, Status> {
        match (self.from, self.to) {
            (From::LxcConf, To::Lxc) => {
                let name = self.name.clone().or_else(|| directory_name(&self.file));
                let places = Places::new(&self.file, &self.include_from, self.lxc_root.as_deref());
                let places = places.map_err(|why| usage(&why, None))?;
                let include = |path: &str| places.read(path);
                let surroundings = Surroundings {
                    include: &include,
                    without_includes: self.without_includes,
                    look: &here::look,
                    ..Surroundings::none()
                };
                Ok(from_lxc_conf_on(source, name.as_deref(), &surroundings))
            }
            (From::Oci, To::Lxc) => {
                let bundle = fs::canonicalize(&self.file).ok();
                let bundle = bundle.as_deref().and_then(Path::parent).map(Path::to_path_buf);
                let bundle = bundle.or_else(|| std::env::current_dir().ok()).unwrap_or_else(|| "/".into());
                let surroundings =
                    Surroundings { look: &here::look, program: &here::program, ..Surroundings::none() };
                Ok(from_oci_on(source, &bundle.to_string_lossy(), self.name.as_deref(), &surroundings))
            }
            _ if self.name.is_some() => Err(usage("--name: the document says its name", None)),
            (From::Lxc, To::Lxc) => {
                Err(usage("there is nothing to convert", Some("browndog fmt gives the canonical form")))
            }
            (From::LxcConf | From::Oci, To::Oci) => {
                Err(usage("this takes two steps", Some("convert it --to lxc first, and that --to oci")))
            }
            (From::Rfc, To::Lxc) => {
                self.of_dialect(source, Dialect::LinuxContainer).map(|()| from_xml(source))
            }
            (From::Rfc, To::Oci) => self.of_dialect(source, Dialect::LinuxContainer).map(|()| to_oci(source)),
            (From::Lxc, To::Oci) => self.of_dialect(source, Dialect::Lxc).map(|()| to_oci(source)),
        }
    }

    /// Refuses a document of another dialect than the one named. One of none is refused later, in full.
    fn of_dialect(&self, source: &Source, wanted: Dialect) -> Result<(), Status> {
        let found = browndog_xml::read(source).report.dialect;
        if found.is_none() || found == Some(wanted) {
            return Ok(());
        }
        let (name, option) = match wanted {
            Dialect::Lxc => ("linuxcontainer", "rfc"),
            Dialect::LinuxContainer => ("lxc", "lxc"),
        };
        let message = format!("{} is of the dialect {name}", source.name());
        complain(&message, Some(&format!("write --from {option}")));
        Err(Status::FAILED)
    }
}

fn usage(message: &str, hint: Option<&str>) -> Status {
    complain(message, hint);
    Status::USAGE
}

/// lxc names a container by the directory that its file `config` is in.
fn directory_name(file: &Path) -> Option<String> {
    if file.file_name()? != "config" {
        return None;
    }
    let absolute = fs::canonicalize(file).ok()?;
    Some(absolute.parent()?.file_name()?.to_str()?.to_owned())
}

fn write(path: &Path, text: &str) -> Status {
    match replace::write(path, text.as_bytes()) {
        Ok(()) => Status::DONE,
        Err(error) => {
            complain(&format!("cannot write {}: {error}", path.display()), Some("nothing was changed"));
            Status::USAGE
        }
    }
}
