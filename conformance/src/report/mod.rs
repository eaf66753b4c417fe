//! Reports: one renderer per file, all from the same [`RunReport`].

mod compare;
mod html;
mod junit;
mod merge;
mod table;
mod tap;

use std::os::fd::AsRawFd;

pub use compare::{Difference, compare};
pub use merge::merge;
use rustix::fs::{FileType, Mode, OFlags};

use crate::run::{RunError, RunReport, SCHEMA};

/// A form of report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people: what is not a pass in full, the rest as counts.
    #[default]
    Table,
    /// Every verdict on a line.
    Long,
    /// The report itself.
    Json,
    /// `JUnit` XML.
    Junit,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// One page with everything in it.
    Html,
}

/// Renders a report.
pub fn render(report: &RunReport, format: Format) -> String {
    match format {
        Format::Table => table::render(report, table::Detail::Exceptions),
        Format::Long => table::render(report, table::Detail::Everything),
        Format::Json => serde_json::to_string_pretty(report).map_or_else(|e| e.to_string(), |t| t + "\n"),
        Format::Junit => junit::render(report),
        Format::Tap => tap::render(report),
        Format::Html => html::render(report),
    }
}

/// The bytes of a file, or of the pipe that a shell hands over for `<(…)`. What it is, is known before it is opened:
/// opening a FIFO could wait for ever, and opening a device could do anything.
fn contents(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    /// statfs(2): pipes without a name of their own, which open without waiting.
    const PIPEFS_MAGIC: u64 = 0x5049_5045;
    /// procfs and sysfs, where reading can wait and have effects.
    const KERNELS_OWN: [u64; 2] = [0x9fa0, 0x6265_6572];
    let found = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let magic = rustix::fs::fstatfs(&found)?.f_type as u64;
    match FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) {
        FileType::RegularFile if KERNELS_OWN.contains(&magic) => {
            return Err(std::io::Error::other("it lies on a file system of the kernel's own"));
        }
        FileType::RegularFile => {}
        FileType::Fifo if magic == PIPEFS_MAGIC => {}
        FileType::Directory => return Err(rustix::io::Errno::ISDIR.into()),
        FileType::Fifo => {
            return Err(std::io::Error::other("it is a FIFO, and opening it could wait for ever"));
        }
        FileType::Socket => return Err(std::io::Error::other("it is a socket")),
        _ => return Err(std::io::Error::other("it is a device")),
    }
    // The inode that was judged, wherever its name leads by now.
    std::fs::read(format!("/proc/self/fd/{}", found.as_raw_fd()))
}

/// Reads a report that was written as JSON.
pub fn read(path: &std::path::Path) -> Result<RunReport, RunError> {
    let bad = |reason: String| RunError::BadReport { path: path.to_owned(), reason };
    let bytes = contents(path).map_err(|e| bad(e.to_string()))?;
    let report: RunReport = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
    if report.schema != SCHEMA {
        return Err(bad(format!("its form has version {}, this program reads {SCHEMA}", report.schema)));
    }
    Ok(report)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::judge::{Status, Verdict};
    use crate::run::{Cell, CheckResult};

    pub(crate) fn sample() -> RunReport {
        let result = |id: &str, status: Status, reason: &str| CheckResult {
            id: id.into(),
            severity: crate::requirement::Severity::Isolation,
            requirement: "A <sentence> & more.".into(),
            scene: "plain".into(),
            verdict: Verdict {
                status,
                reasons: if reason.is_empty() { Vec::new() } else { vec![reason.into()] },
                observed: std::collections::BTreeMap::from([("pid.self".into(), serde_json::json!(7))]),
            },
            milliseconds: 250,
            gap: None,
        };
        let cell = Cell {
            runtime: "runc".into(),
            runtime_version: "runc 1".into(),
            kernel: "6.12".into(),
            place: "vm/tcg".into(),
            cgroups: "v2".into(),
            milliseconds: 1500,
            results: vec![
                result("pid-01", Status::Pass, ""),
                result("pid-02", Status::Fail, "pid.self is 7, expected 1"),
                result("mount-18", Status::NotApplicable, "kernel 6.1 has no statmount"),
                result("net-01", Status::Error, "the container hangs"),
            ],
        };
        RunReport { schema: SCHEMA, shards: Vec::new(), cells: vec![cell] }
    }

    #[rstest::rstest]
    #[case("table", Format::Table)]
    #[case("long", Format::Long)]
    #[case("junit", Format::Junit)]
    #[case("tap", Format::Tap)]
    #[case("json", Format::Json)]
    fn every_status_is_told_in_every_form(#[case] name: &str, #[case] format: Format) {
        insta::assert_snapshot!(format!("report_as_{name}"), render(&sample(), format));
    }

    #[test]
    fn the_page_is_one_file_and_escapes_what_it_shows() {
        let page = render(&sample(), Format::Html);
        assert!(page.contains("A &lt;sentence&gt; &amp; more."));
        assert!(
            !page.contains("http://") && !page.contains("https://") && !page.contains("src="),
            "it loads nothing"
        );
    }
}
