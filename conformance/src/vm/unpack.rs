//! Decompression by content: what Debian packs its modules and kernels with.

use std::io::Read;

/// Why bytes could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The stream is damaged or uses an option the decoder lacks.
    #[error("the {format} stream cannot be decompressed: {reason}")]
    Damaged {
        /// Name of the compression.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// Not a kernel image.
    #[error("not an x86 kernel image: {0}")]
    NotAKernel(&'static str),
}

/// Undoes gzip, xz or zstd, told apart by their first bytes; anything else is handed back as it is.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4));
    let damaged = |format: &'static str, error: &dyn std::fmt::Display| UnpackError::Damaged {
        format,
        reason: error.to_string(),
    };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let done = flate2::read::GzDecoder::new(bytes).read_to_end(&mut out);
        done.map(drop).map_err(|e| damaged("gzip", &e))?;
    } else if bytes.starts_with(&[0xfd, b'7', b'z', b'X', b'Z']) {
        let done = lzma_rust2::XzReader::new(bytes, false).read_to_end(&mut out);
        done.map(drop).map_err(|e| damaged("xz", &e))?;
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|e| damaged("zstd", &e))?;
        decoder.read_to_end(&mut out).map(drop).map_err(|e| damaged("zstd", &e))?;
    } else {
        out.extend_from_slice(bytes);
    }
    Ok(out)
}

/// The ELF image inside a `bzImage`: it boots without the decompressor's part of the start
/// (Documentation/arch/x86/boot.rst: `setup_sects` at 0x1f1, `payload_offset` at 0x248).
pub fn vmlinux(image: &[u8]) -> Result<Vec<u8>, UnpackError> {
    if image.starts_with(b"\x7fELF") {
        return Ok(image.to_vec());
    }
    let word = |at: usize| -> Option<usize> {
        let bytes: [u8; 4] = image.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Err(UnpackError::NotAKernel("no boot header"));
    }
    let sectors = match image[0x1f1] {
        0 => 4,
        n => usize::from(n),
    };
    let (Some(offset), Some(length)) = (word(0x248), word(0x24c)) else {
        return Err(UnpackError::NotAKernel("cut short"));
    };
    let start = (sectors + 1) * 512 + offset;
    let payload = image.get(start..start + length).ok_or(UnpackError::NotAKernel("payload out of bounds"))?;
    let elf = decompress(payload)?;
    if elf.starts_with(b"\x7fELF") {
        Ok(elf)
    } else {
        Err(UnpackError::NotAKernel("payload is not an ELF image"))
    }
}

/// The modules a module needs first: `depends=` of its `.modinfo` section.
pub fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|w| w == KEY) else { return Vec::new() };
    let rest = &module[at + KEY.len()..];
    let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
    let names = String::from_utf8_lossy(&rest[..end]).into_owned();
    names.split(',').filter(|n| !n.is_empty()).map(|n| n.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_without_a_known_magic_come_back_unchanged() {
        assert_eq!(decompress(b"plain").expect("plain"), b"plain");
    }

    #[test]
    fn gzip_is_undone() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, b"hello").expect("in memory");
        assert_eq!(decompress(&gz.finish().expect("in memory")).expect("gzip"), b"hello");
    }

    #[test]
    fn damaged_xz_names_the_format() {
        let error = decompress(&[0xfd, b'7', b'z', b'X', b'Z', 0, 1, 2]).expect_err("damaged");
        assert!(error.to_string().contains("xz"), "{error}");
    }

    #[test]
    fn something_else_is_not_a_kernel() {
        assert!(matches!(vmlinux(&[0; 0x300]), Err(UnpackError::NotAKernel("no boot header"))));
    }

    #[test]
    fn depends_are_read_from_modinfo() {
        assert_eq!(depends(b"x\0depends=stp,llc\0name=bridge"), ["stp", "llc"]);
        assert!(depends(b"x\0depends=\0").is_empty());
    }
}
