//! Debian's archive as a source of kernels, through a private apt state: nothing on the machine changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::LabError;

/// Suites that carry kernels, oldest first. A suite the mirror no longer has is skipped by apt.
const SUITES: [&str; 5] = ["bookworm", "trixie", "bookworm-backports", "trixie-backports", "sid"];
/// The same for the security archive.
const SECURITY_SUITES: [&str; 3] = ["bullseye-security", "bookworm-security", "trixie-security"];
/// Lists older than this are fetched again.
const LISTS_MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// Where this machine gets Debian from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrors {
    /// The main archive.
    pub main: String,
    /// The security archive.
    pub security: String,
}

/// Reads the mirrors out of apt's own configuration: `sources.list`, `*.list` and `*.sources` below `etc`.
pub fn mirrors(etc: &Path) -> Result<Mirrors, LabError> {
    let mut files = vec![etc.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc.join("sources.list.d")) {
        let mut parts: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        parts.sort();
        files.extend(
            parts.into_iter().filter(|p| matches!(p.extension(), Some(e) if e == "list" || e == "sources")),
        );
    }
    let text: String = files.iter().filter_map(|f| fs::read_to_string(f).ok()).collect::<Vec<_>>().join("\n");
    let uris = || {
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(str::split_whitespace)
            .filter(|word| word.contains("://"))
            .map(|word| word.trim_end_matches('/').to_owned())
    };
    let main = uris().find(|u| u.ends_with("/debian"));
    let security = uris().find(|u| u.ends_with("/debian-security"));
    match main {
        Some(main) => {
            let security = security.unwrap_or_else(|| format!("{main}-security"));
            Ok(Mirrors { main, security })
        }
        None => Err(LabError::NoArchive),
    }
}

/// apt with everything it writes below one directory.
#[derive(Debug)]
pub struct Apt {
    root: PathBuf,
}

impl Apt {
    /// A private state below `root`, its lists not older than a day.
    pub fn open(root: &Path) -> Result<Self, LabError> {
        let apt = Self { root: root.to_owned() };
        for part in ["state/lists/partial", "cache/archives/partial"] {
            super::make_directory(&root.join(part))?;
        }
        let stamp = root.join("fetched");
        let fresh = fs::metadata(&stamp)
            .and_then(|m| m.modified())
            .ok()
            .and_then(|at| SystemTime::now().duration_since(at).ok())
            .is_some_and(|age| age < LISTS_MAX_AGE);
        if !fresh {
            let found = mirrors(Path::new("/etc/apt"))?;
            let lines = SUITES.iter().map(|suite| format!("deb {} {suite} main\n", found.main));
            let secure = SECURITY_SUITES.iter().map(|suite| format!("deb {} {suite} main\n", found.security));
            super::write_file(
                &root.join("sources.list"),
                lines.chain(secure).collect::<String>().as_bytes(),
            )?;
            // One suite that is gone makes apt end with an error and still fetches the others: what
            // counts is whether the kernel asked for is found afterwards.
            let outcome = apt.run("apt-get", &["update"], root)?;
            // Without any kernel the lists did not arrive, of which a full disk is one cause: that is
            // not said of the archive, nor remembered for a day.
            if outcome.lists_nothing() || apt.names("linux-image-")?.is_empty() {
                let what = format!("apt-get update into {}", root.display());
                return Err(LabError::Tool { what, output: outcome.stderr });
            }
            super::write_file(&stamp, b"")?;
        }
        Ok(apt)
    }

    /// All package names that begin with `prefix`.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>, LabError> {
        let listed = self.run("apt-cache", &["pkgnames", prefix], &self.root)?;
        Ok(listed.stdout.lines().map(str::to_owned).collect())
    }

    /// Downloads a package (apt verifies its checksum and the archive's signature) and names the file.
    pub fn download(&self, package: &str, directory: &Path) -> Result<PathBuf, LabError> {
        let outcome = self.run("apt-get", &["download", package], directory)?;
        let prefix = format!("{package}_");
        let found = fs::read_dir(directory).ok().and_then(|entries| {
            entries.flatten().map(|e| e.path()).find(|p| {
                p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&prefix))
                    && p.extension().is_some_and(|e| e == "deb")
            })
        });
        found
            .filter(|_| outcome.success)
            .ok_or(LabError::Tool { what: format!("apt-get download {package}"), output: outcome.stderr })
    }

    fn run(&self, tool: &str, arguments: &[&str], directory: &Path) -> Result<Outcome, LabError> {
        let root = self.root.display();
        let output = Command::new(tool)
            .arg(format!("-oDir::Etc::sourcelist={root}/sources.list"))
            .arg("-oDir::Etc::sourceparts=-")
            .arg(format!("-oDir::State={root}/state"))
            .arg(format!("-oDir::Cache={root}/cache"))
            .args(["-oAPT::Sandbox::User=root", "-oAcquire::Languages=none"])
            .args(["-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"])
            .args(arguments)
            .env("LC_ALL", "C")
            .current_dir(directory)
            .output()
            .map_err(|source| LabError::MissingTool { tool: tool.to_owned(), package: "apt", source })?;
        Ok(Outcome {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

struct Outcome {
    success: bool,
    stdout: String,
    stderr: String,
}

impl Outcome {
    fn lists_nothing(&self) -> bool {
        !self.success && !self.stdout.contains("Get:") && !self.stdout.contains("Hit:")
    }
}

/// The newest of `names` for a series such as `6.12`: Debian's cloud flavour, signed where there is a choice.
pub fn newest<'a>(names: &'a [String], series: &str, flavour: &str) -> Option<&'a str> {
    let version = |name: &'a String| -> Option<(&'a str, &'a str)> {
        let rest = name.strip_prefix("linux-image-").or_else(|| name.strip_prefix("linux-binary-"))?;
        let version = rest.strip_suffix(flavour)?.strip_suffix('-')?;
        let tail = version.strip_prefix(series)?;
        (tail.starts_with('.') && !tail.contains("rc")).then_some((name.as_str(), version))
    };
    // Where an archive has both, the image package is an empty one that wants the other.
    let binary = |name: &str| name.starts_with("linux-binary-");
    let order = |a: &(&str, &str), b: &(&str, &str)| natural(a.1, b.1).then(binary(a.0).cmp(&binary(b.0)));
    names.iter().filter_map(version).max_by(order).map(|(name, _)| name)
}

/// Compares runs of digits as numbers, and everything else by its bytes.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let runs = |text: &str| -> Vec<(u64, String)> {
        let mut out = vec![(0_u64, String::new())];
        for c in text.chars() {
            let last = out.last_mut().expect("never empty");
            match c.to_digit(10) {
                Some(digit) if last.1.is_empty() => last.0 = last.0.saturating_mul(10) + u64::from(digit),
                Some(digit) => out.push((u64::from(digit), String::new())),
                None => last.1.push(c),
            }
        }
        out
    };
    runs(a).cmp(&runs(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_come_from_one_line_and_deb822_files() {
        let etc = tempfile::tempdir().expect("temp");
        fs::create_dir(etc.path().join("sources.list.d")).expect("mkdir");
        fs::write(etc.path().join("sources.list"), "deb http://mirror.test/debian stable main\n")
            .expect("write");
        fs::write(
            etc.path().join("sources.list.d/s.sources"),
            "Types: deb\n# http://old.test/debian-security\nURIs: http://sec.test/debian-security/\n",
        )
        .expect("write");
        let found = mirrors(etc.path()).expect("both are there");
        assert_eq!(found.main, "http://mirror.test/debian");
        assert_eq!(found.security, "http://sec.test/debian-security");
    }

    #[test]
    fn without_a_debian_mirror_there_is_no_archive() {
        let etc = tempfile::tempdir().expect("temp");
        assert!(matches!(mirrors(etc.path()), Err(LabError::NoArchive)));
    }

    #[rstest::rstest]
    #[case("6.1", Some("linux-image-6.1.0-56-cloud-amd64"))]
    #[case("6.12", Some("linux-image-6.12.117+deb13-cloud-amd64"))]
    #[case("7.3", Some("linux-binary-7.3.4+deb13-cloud-amd64"))]
    #[case("4.19", None)]
    fn newest_takes_the_highest_version_of_a_series(#[case] series: &str, #[case] expected: Option<&str>) {
        let names: Vec<String> = [
            "linux-image-6.1-cloud-amd64",
            "linux-image-6.1.0-0.deb11.52-cloud-amd64",
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.12.117+deb13-cloud-amd64",
            "linux-image-6.12.99+deb13-cloud-amd64",
            "linux-image-6.12.120+deb13-cloud-amd64-unsigned",
            "linux-image-6.12.120+deb13-amd64",
            "linux-binary-7.3.4+deb13-cloud-amd64",
            "linux-image-7.3.4+deb13-cloud-amd64",
            "linux-binary-unsigned-7.3.5+deb13-cloud-amd64",
        ]
        .map(str::to_owned)
        .to_vec();
        assert_eq!(newest(&names, series, "cloud-amd64"), expected);
    }
}
