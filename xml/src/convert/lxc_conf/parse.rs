//! Lines of a configuration file, and of the files it includes.

use crate::convert::{Findings, Place, Surroundings};
use crate::source::{Source, Span};
use crate::value::quoted;

/// Gives the files behind a path of `lxc.include` (a directory is its `*.conf` files) or of
/// `lxc.mount.fstab`; the error is a sentence.
///
/// Which files may be read is the caller's to judge: a configuration can name any.
pub type Include<'a> = &'a dyn Fn(&str) -> Result<Vec<Source>, String>;

/// What to do where a file cannot be read.
pub(super) const UNREAD: &str = "make it readable, or remove the line; of another machine's configuration, --lxc-root \
                                 says where its files are, and --without-includes leaves them out";

/// Most files that are read for one: an include that leads back to itself has to end.
pub(super) const FILES: usize = 64;

/// One setting.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The key as version 3 has it.
    pub(super) key: String,
    /// The key as it is written.
    pub(super) written: String,
    pub(super) value: String,
    pub(super) key_place: Place,
    pub(super) place: Place,
}

/// All settings in the order in which they hold, and the comments of the first file.
pub(super) fn read(
    findings: &mut Findings,
    surroundings: &Surroundings<'_>,
) -> (Vec<Line>, Vec<(Span, String)>) {
    let mut reader = Reader { findings, surroundings, lines: Vec::new(), comments: Vec::new(), networks: 0 };
    reader.file(0);
    (reader.lines, reader.comments)
}

struct Reader<'a> {
    findings: &'a mut Findings,
    surroundings: &'a Surroundings<'a>,
    lines: Vec<Line>,
    comments: Vec<(Span, String)>,
    /// How many networks version 2 has begun; it counts them by their types.
    networks: usize,
}

impl Reader<'_> {
    fn file(&mut self, index: usize) {
        let Some((source, _)) = self.findings.reports.get(index) else { return };
        if let Some((at, _)) = source.fault().filter(|_| index == 0) {
            let place = Place { source: index, span: Span { start: at, end: at } };
            return self.findings.wrong(place, "lxc.conf", "the file is not UTF-8 text", "write it in UTF-8");
        }
        let text = source.text().to_owned();
        let mut start = 0;
        for raw in text.split_inclusive('\n') {
            self.line(index, start, raw);
            start += raw.len();
        }
    }

    fn line(&mut self, index: usize, start: usize, raw: &str) {
        let text = raw.trim();
        if text.is_empty() {
            return;
        }
        let at = start + (raw.len() - raw.trim_start().len());
        let place = |from: usize, len: usize| Place { source: index, span: Span::new(from, from + len) };
        if let Some(comment) = text.strip_prefix('#') {
            if index == 0 && !comment.trim().is_empty() {
                self.comments.push((place(at, text.len()).span, harmless(comment)));
            }
            return;
        }
        let Some((key, value)) = text.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
            let message = format!("{} is not of the form KEY = VALUE", quoted(text));
            return self.findings.wrong(
                place(at, text.len()),
                "lxc.conf",
                message,
                "write a key, '=' and its value",
            );
        };
        let (written, bare) = (key.trim_end(), unquoted(value.trim()));
        let key = self.current(written);
        let line = Line {
            key,
            written: written.to_owned(),
            value: bare.to_owned(),
            key_place: place(at, written.len()),
            place: place(at, text.len()),
        };
        if line.key == "lxc.include" && !line.value.is_empty() {
            return self.include(&line);
        }
        self.lines.push(line);
    }

    fn include(&mut self, line: &Line) {
        if self.findings.reports.len() >= FILES {
            return self.findings.wrong(line.place, "lxc.include", too_many(), "does a file include itself?");
        }
        let files = match (self.surroundings.include)(&line.value) {
            Ok(files) => files,
            Err(why) if self.surroundings.without_includes => {
                let why = format!("lxc.include: {why}: what it says is left out");
                return self.findings.lost(line.place, "lxc.include", why);
            }
            Err(why) => {
                return self.findings.wrong(line.place, "lxc.include", why, UNREAD);
            }
        };
        for file in files {
            let index = self.findings.reports.len();
            if index >= FILES {
                return self.findings.wrong(
                    line.place,
                    "lxc.include",
                    too_many(),
                    "does a file include itself?",
                );
            }
            if let Some(span) = stranger(&file, is_setting) {
                refuse(self.findings, file, span, "lxc.include", "the line is no setting of lxc's");
                continue;
            }
            self.findings.reports.push((file, crate::report::Report::default()));
            self.file(index);
        }
    }

    /// The key of version 3 for one of version 2.
    fn current(&mut self, key: &str) -> String {
        if let Some(rest) = key.strip_prefix("lxc.network") {
            return self.network(rest);
        }
        if let Some(rest) = key.strip_prefix("lxc.limit.") {
            return format!("lxc.prlimit.{rest}");
        }
        super::keys::OLD.iter().find(|(old, _)| *old == key).map_or(key, |(_, new)| new).to_owned()
    }

    fn network(&mut self, rest: &str) -> String {
        let Some(rest) = rest.strip_prefix('.') else { return format!("lxc.net{rest}") };
        if rest.starts_with(|character: char| character.is_ascii_digit()) {
            return format!("lxc.net.{}", with_address(rest));
        }
        if rest == "type" {
            self.networks += 1;
        }
        format!("lxc.net.{}.{}", self.networks.saturating_sub(1), with_address(rest))
    }
}

/// Refuses an included file. Its lines are not shown: whoever writes a configuration may not read with the eyes
/// of who converts it.
pub(super) fn refuse(findings: &mut Findings, file: Source, span: Span, path: &str, what: &str) {
    let place = Place { source: findings.reports.len(), span };
    findings.reports.push((file.unquoted(), crate::report::Report::default()));
    let help = "correct it, or the line that includes the file; of such a file nothing is shown";
    findings.wrong(place, path, what, help);
}

fn too_many() -> String {
    format!("more than {FILES} files are included")
}

/// The first line of `file` that is not as `is_one` has it, nor empty, nor a comment.
pub(super) fn stranger(file: &Source, is_one: fn(&str) -> bool) -> Option<Span> {
    if let Some((at, _)) = file.fault() {
        return Some(Span { start: at, end: at });
    }
    let strange = |line: &str| !line.is_empty() && !line.starts_with('#') && !is_one(line);
    let mut start = 0;
    for line in file.text().split_inclusive('\n') {
        if strange(line.trim()) {
            return Some(Span::new(start, start + line.trim_end().len()));
        }
        start += line.len();
    }
    None
}

/// `lxc.KEY = VALUE`.
fn is_setting(line: &str) -> bool {
    line.split_once('=').is_some_and(|(key, _)| key.trim_end().starts_with("lxc."))
}

/// Version 2 wrote `ipv4` for what is `ipv4.address` now.
fn with_address(rest: &str) -> String {
    if rest.ends_with("ipv4") || rest.ends_with("ipv6") { format!("{rest}.address") } else { rest.to_owned() }
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// A comment that can stand in XML: no two dashes, no dash at its end, no control characters.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(' ');
    for character in text.trim().chars() {
        match character {
            '-' if out.ends_with('-') => out.push_str(" -"),
            character if character.is_control() || matches!(character, '\u{FFFE}' | '\u{FFFF}') => {
                out.push(' ')
            }
            character => out.push(character),
        }
    }
    out.push(' ');
    out
}
