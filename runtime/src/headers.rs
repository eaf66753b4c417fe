//! What the kernel runs besides a program: the interpreter of its first line, or the loader that its ELF headers name.
//!
//! Read as the kernel reads it (fs/binfmt_script.c, fs/binfmt_elf.c), of the bytes of a file that anybody may have
//! written. For the child, between clone and exec: nothing here allocates, and nothing panics.

use nix::errno::Errno;
use nix::libc;

/// As much of a file's beginning as the kernel looks at (BINPRM_BUF_SIZE); what a shorter file lacks is zero.
pub(crate) const LINE: usize = 256;

/// The path behind `#!`, where the kernel takes the file for a script. It may be empty.
pub(crate) fn interpreter(start: &[u8; LINE]) -> Option<&[u8]> {
    let line = start.strip_prefix(b"#!")?;
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let name = line.get(line.iter().position(|byte| !blank(byte))?..)?;
    // A name that goes on behind what the kernel has read is none; bytes behind a NUL count for nothing.
    let length = name.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0))?;
    if name.starts_with(b"\n") { None } else { name.get(..length) }
}

/// The path of the interpreter or loader that a file of these first bytes names; for who only looks.
pub(crate) fn needed(bytes: &[u8]) -> Option<String> {
    let mut start = [0_u8; LINE];
    let length = bytes.len().min(LINE);
    start[..length].copy_from_slice(&bytes[..length]);
    let text = |path: &[u8]| std::str::from_utf8(path).ok().map(str::to_owned);
    if let Some(path) = interpreter(&start) {
        return text(path);
    }
    let at = |offset: u64, length: usize| {
        let offset = usize::try_from(offset).ok()?;
        bytes.get(offset..offset.checked_add(length)?)
    };
    // This machine's layout alone: another one's programs are not asked for here.
    let layout = if cfg!(target_pointer_width = "64") { Layout::Wide } else { Layout::Narrow };
    let table = Table::of(layout, &start)?;
    let loader = table.headers().find_map(|place| table.loader(at(place, table.size())?).ok().flatten());
    let (offset, length) = loader?;
    text(at(offset, length)?.strip_suffix(b"\0")?)
}

/// How the structures of an ELF file lie in it. The kernel goes by `e_machine` and by the sizes, and does not look at what
/// EI_CLASS and EI_DATA say (elf(5)): a file is read in both layouts, in this machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Wide,
    Narrow,
}

/// Size of the program headers that the kernel takes altogether, in bytes.
const TABLE_MAX: usize = 65536;

/// Size of the larger of both program headers, in bytes.
pub(crate) const HEADER: usize = 56;

/// Where the program headers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    layout: Layout,
    offset: u64,
    count: usize,
}

impl Table {
    /// `None` where the kernel takes no file of this beginning in this layout.
    pub(crate) fn of(layout: Layout, start: &[u8; LINE]) -> Option<Self> {
        if !start.starts_with(b"\x7fELF") {
            return None;
        }
        let (offset, size) = match layout {
            Layout::Wide => (number(start, 32, 8)?, 54),
            Layout::Narrow => (number(start, 28, 4)?, 42),
        };
        let count = number(start, size + 2, 2)? as usize;
        let table = Self { layout, offset, count };
        let fits = number(start, size, 2)? as usize == table.size() && count * table.size() <= TABLE_MAX;
        (fits && count > 0).then_some(table)
    }

    /// Of one program header.
    pub(crate) fn size(&self) -> usize {
        match self.layout {
            Layout::Wide => HEADER,
            Layout::Narrow => 32,
        }
    }

    /// Where each of them is in the file.
    pub(crate) fn headers(&self) -> impl Iterator<Item = u64> {
        let (offset, size) = (self.offset, self.size() as u64);
        (0..self.count as u64).map(move |at| offset.saturating_add(at * size))
    }

    /// Place and length of the loader's path, where `header` is about one (PT_INTERP). The kernel takes the first.
    ///
    /// # Errors
    /// ENOEXEC where the length is none that the kernel takes.
    pub(crate) fn loader(&self, header: &[u8]) -> Result<Option<(u64, usize)>, Errno> {
        const PT_INTERP: u64 = 3;
        if number(header, 0, 4) != Some(PT_INTERP) {
            return Ok(None);
        }
        let (offset, length) = match self.layout {
            Layout::Wide => (number(header, 8, 8), number(header, 32, 8)),
            Layout::Narrow => (number(header, 4, 4), number(header, 16, 4)),
        };
        match (offset, length) {
            (Some(offset), Some(length)) if (2..=libc::PATH_MAX as u64).contains(&length) => {
                Ok(Some((offset, length as usize)))
            }
            _ => Err(Errno::ENOEXEC),
        }
    }
}

/// A number of 2, 4 or 8 bytes in this machine's order.
fn number(from: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let digits = from.get(at..at.checked_add(bytes)?)?;
    Some(match bytes {
        2 => u64::from(u16::from_ne_bytes(digits.try_into().ok()?)),
        4 => u64::from(u32::from_ne_bytes(digits.try_into().ok()?)),
        _ => u64::from_ne_bytes(digits.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn start(bytes: &[u8]) -> [u8; LINE] {
        let mut start = [0; LINE];
        start[..bytes.len()].copy_from_slice(bytes);
        start
    }

    fn long(length: usize, end: &str) -> String {
        format!("#!{}{end}", "x".repeat(length))
    }

    #[rstest]
    #[case::usual("#!/bin/sh\n", Some("/bin/sh"))]
    #[case::blanks("#! \t/bin/sh -e\n", Some("/bin/sh"))]
    #[case::blanks_after("#!/bin/sh \t \n", Some("/bin/sh"))]
    #[case::tab("#!/bin/sh\t-e\n", Some("/bin/sh"))]
    #[case::carriage_return("#!/bin/sh\r\n", Some("/bin/sh\r"))]
    #[case::no_end("#!/x", Some("/x"))]
    #[case::nul("#!/x\0y\n", Some("/x"))]
    #[case::relative("#!x/y\n", Some("x/y"))]
    #[case::nothing("#!\n", None)]
    #[case::only_blanks("#! \t \n/bin/sh\n", None)]
    #[case::empty_name("#!", Some(""))]
    #[case::no_script(" #!/bin/sh\n", None)]
    #[case::program("\x7fELF", None)]
    #[case::empty("", None)]
    fn an_interpreter_is_what_the_first_line_names(#[case] line: &str, #[case] name: Option<&str>) {
        assert_eq!(interpreter(&start(line.as_bytes())), name.map(str::as_bytes));
    }

    #[rstest]
    #[case::longest(253, "\n", true)]
    #[case::blank(253, " ", true)]
    #[case::cut(254, "", false)]
    fn a_name_ends_within_what_the_kernel_reads(#[case] length: usize, #[case] end: &str, #[case] is: bool) {
        let line = long(length, end);
        let name = is.then(|| &line.as_bytes()[2..][..length]);
        assert_eq!(interpreter(&start(line.as_bytes())), name);
    }

    fn elf(layout: Layout, size: u16, count: u16) -> [u8; LINE] {
        let mut start = start(b"\x7fELF");
        let (table, at) = if layout == Layout::Wide { (32, 54) } else { (28, 42) };
        start[table..table + 4].copy_from_slice(&64_u32.to_ne_bytes());
        start[at..at + 2].copy_from_slice(&size.to_ne_bytes());
        start[at + 2..at + 4].copy_from_slice(&count.to_ne_bytes());
        start
    }

    #[rstest]
    #[case::wide(Layout::Wide, 56, 1170)]
    #[case::narrow(Layout::Narrow, 32, 2048)]
    fn a_layout_goes_by_the_sizes_whatever_the_class(
        #[case] layout: Layout,
        #[case] size: u16,
        #[case] most: u16,
        #[values(0, 1, 2, 255)] class: u8,
    ) {
        let made = |size, count| {
            let mut start = elf(layout, size, count);
            start[4] = class;
            start[5] = class;
            Table::of(layout, &start)
        };
        let table = made(size, most).expect("the kernel takes it");
        assert_eq!(table.headers().nth(2), Some(64 + 2 * u64::from(size)));
        assert_eq!([made(size, 0), made(size, most + 1), made(size + 1, 1)], [None; 3]);
        let other = if layout == Layout::Wide { Layout::Narrow } else { Layout::Wide };
        assert_eq!(Table::of(other, &elf(layout, size, 1)), None);
    }

    #[rstest]
    #[case::none(1, 20, Ok(None))]
    #[case::one(3, 20, Ok(Some((7, 20))))]
    #[case::longest(3, 4096, Ok(Some((7, 4096))))]
    #[case::too_long(3, 4097, Err(Errno::ENOEXEC))]
    #[case::too_short(3, 1, Err(Errno::ENOEXEC))]
    fn a_loader_is_named_within_bounds(
        #[case] kind: u32,
        #[case] length: u64,
        #[case] expected: Result<Option<(u64, usize)>, Errno>,
        #[values(Layout::Wide, Layout::Narrow)] layout: Layout,
    ) {
        let mut header = [0_u8; HEADER];
        header[..4].copy_from_slice(&kind.to_ne_bytes());
        if layout == Layout::Wide {
            header[8..16].copy_from_slice(&7_u64.to_ne_bytes());
            header[32..40].copy_from_slice(&length.to_ne_bytes());
        } else {
            header[4..8].copy_from_slice(&7_u32.to_ne_bytes());
            header[16..20].copy_from_slice(&(length as u32).to_ne_bytes());
        }
        assert_eq!(Table { layout, offset: 0, count: 1 }.loader(&header), expected);
    }

    proptest! {
        #[test]
        fn whatever_a_file_holds_is_read_without_a_panic(
            magic in prop_oneof![Just(&b"\x7fELF"[..]), Just(&b"#!"[..]), Just(&b""[..])],
            bytes in proptest::collection::vec(any::<u8>(), LINE - 4),
            header in proptest::collection::vec(any::<u8>(), 0..=HEADER),
        ) {
            let start = start(&[magic, &bytes].concat());
            if let Some(name) = interpreter(&start) {
                prop_assert!(name.len() <= LINE - 3);
                prop_assert!(!name.iter().any(|byte| matches!(byte, 0 | b'\n' | b' ' | b'\t')));
            }
            for layout in [Layout::Wide, Layout::Narrow] {
                if let Some(table) = Table::of(layout, &start) {
                    prop_assert!(table.headers().count() * table.size() <= TABLE_MAX);
                }
                let length = Table { layout, offset: u64::MAX, count: 1 }.loader(&header);
                prop_assert!(length.ok().flatten().is_none_or(|(_, length)| length <= 4096));
            }
        }
    }
}
