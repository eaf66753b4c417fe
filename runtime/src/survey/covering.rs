//! In which file system of the document a path of the container is.

use std::collections::{HashMap, HashSet};

use browndog_xml::domain::Filesystem;

use super::is_root;

/// Paths, of which the first that another path is in is found in one pass over that path, however deep it is: only a
/// part of it whose hash is that of one of them is compared.
#[derive(Debug, Default)]
pub struct Prefixes(HashSet<u64>);

impl Prefixes {
    /// Adds a path without a slash at its end.
    pub fn add(&mut self, path: &str) {
        let _new = self.0.insert(path.bytes().fold(FNV.0, step));
    }

    /// The directories of `path`, and `path`, that may be among them.
    pub fn of<'p>(&self, path: &'p str) -> impl Iterator<Item = &'p str> + use<'p, '_> {
        let mut hash = FNV.0;
        let ends = path.bytes().map(Some).chain(std::iter::once(None)).enumerate();
        ends.filter_map(move |(at, byte)| {
            let found = matches!(byte, None | Some(b'/')) && self.0.contains(&hash);
            hash = byte.map_or(hash, |byte| step(hash, byte));
            found.then(|| &path[..at])
        })
    }
}

/// FNV-1a: where it begins, and what it multiplies by.
const FNV: (u64, u64) = (0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3);

const fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(FNV.1)
}

/// The targets of a document, each found by its own directories: nobody compares a path with all of them.
#[derive(Debug)]
pub struct Targets<'a> {
    /// The file systems at each target, none of which is the root, in the order of the document.
    at: HashMap<&'a str, Vec<usize>>,
    prefixes: Prefixes,
    /// The targets in the order of their bytes.
    sorted: Vec<&'a str>,
}

impl<'a> Targets<'a> {
    /// Of these file systems.
    pub fn new(filesystems: &'a [Filesystem]) -> Self {
        let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, filesystem) in
            filesystems.iter().enumerate().filter(|(_, filesystem)| !is_root(filesystem))
        {
            at.entry(filesystem.target.value.as_str().trim_end_matches('/')).or_default().push(index);
        }
        let mut sorted: Vec<&str> = at.keys().copied().collect();
        sorted.sort_unstable();
        let mut prefixes = Prefixes::default();
        sorted.iter().for_each(|target| prefixes.add(target));
        Self { at, prefixes, sorted }
    }

    /// The one that a path is in when all are mounted, by their names: a later one lies on an earlier one.
    pub fn covering(&self, path: &str) -> Option<usize> {
        self.covering_before(path, usize::MAX)
    }

    /// The same when only those before `end` are mounted.
    pub fn covering_before(&self, path: &str, end: usize) -> Option<usize> {
        let last = |dir: &str| {
            let there = self.at.get(dir)?;
            there.get(there.partition_point(|index| *index < end).checked_sub(1)?).copied()
        };
        self.prefixes.of(path).filter_map(last).max()
    }

    /// Whether something is mounted on a path or below it by those before `end`; where very much is mounted there, it is
    /// taken to be.
    pub fn reaches(&self, path: &str, end: usize) -> bool {
        /// So many are looked at.
        const MOST: usize = 64;
        let path = path.trim_end_matches('/');
        let mut all = std::iter::once(&path).chain(self.below(path)).take(MOST + 1).enumerate();
        all.any(|(count, target)| count == MOST || self.at.get(target).is_some_and(|there| there[0] < end))
    }

    /// Whether something is mounted strictly below a path.
    pub fn is_below(&self, path: &str) -> bool {
        self.below(path.trim_end_matches('/')).next().is_some()
    }

    /// The targets strictly below a path that has no slash at its end.
    fn below(&self, path: &str) -> impl Iterator<Item = &&'a str> {
        let dir = [path, "/"].concat();
        let next = self.sorted.partition_point(|target| *target < dir.as_str());
        self.sorted[next..].iter().take_while(move |target| target.starts_with(&dir))
    }
}

#[cfg(test)]
mod tests {
    use browndog_xml::source::Source;
    use rstest::rstest;

    use super::*;
    use crate::survey::is_below;

    /// What it was before: a look at each.
    fn one_by_one(filesystems: &[Filesystem], path: &str) -> Option<usize> {
        let holds = |filesystem: &Filesystem| {
            !is_root(filesystem) && is_below(path, filesystem.target.value.as_str())
        };
        filesystems.iter().rposition(holds)
    }

    #[rstest]
    #[case("/", None, true)]
    #[case("/a", Some(4), true)]
    #[case("/a/", Some(4), true)]
    #[case("/a/b/c", Some(4), false)]
    #[case("/a-b", None, false)]
    #[case("/a/b.c", Some(4), false)]
    #[case("/d/e", Some(3), true)]
    #[case("/d/e/f/g", Some(5), false)]
    #[case("/d", None, true)]
    fn it_is_the_last_that_holds_the_path(
        #[case] path: &str,
        #[case] is: Option<usize>,
        #[case] below: bool,
    ) {
        let mount = |target| {
            format!("<filesystem type='mount'><source dir='/usr'/><target dir='{target}'/></filesystem>")
        };
        let mounts: String = ["/", "/a", "/a/b", "/d/e", "/a/", "/d/e/f"].map(mount).concat();
        let text = format!(
            "<domain type='lxc'><name>a</name><memory>65536</memory><os><type>exe</type><init>/i</init></os>\
             <devices>{mounts}<console/></devices></domain>"
        );
        let domain = browndog_xml::read(&Source::new("test.xml", text)).domain.expect("it is valid");
        let targets = Targets::new(&domain.filesystems);
        assert_eq!((targets.covering(path), targets.is_below(path)), (is, below));
        assert_eq!(targets.covering(path), one_by_one(&domain.filesystems, path));
        for end in 0..=domain.filesystems.len() {
            let before = one_by_one(&domain.filesystems[..end], path);
            assert_eq!(targets.covering_before(path, end), before, "before {end}");
        }
    }
}
