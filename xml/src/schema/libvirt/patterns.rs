//! Forms of text that rows share, as regular expressions.

use crate::value::Pattern;

pub(super) static ADJUSTMENT: Pattern = Pattern::new(r"(-|\+)?[0-9]+", "of the form (-|\\+)?[0-9]+");
pub(super) static ALIAS_NAME: Pattern = Pattern::new(r"[a-zA-Z0-9_\-.]+", "of the form [a-zA-Z0-9_\\-.]+");
pub(super) static BRIDGE: Pattern =
    Pattern::new(r"[a-zA-Z0-9_\.\-\\:/ ]*", "of the form [a-zA-Z0-9_\\.\\-\\\\:/ ]*");
pub(super) static COOKIE: Pattern = Pattern::new(
    r#""?[!#$%&'()*+\-./0-9:>=<?@A-Z\^_`\[\]a-z|~]+"?"#,
    "of the form \"?[!#$%&'()*+\\-./0-9:>=<?@A-Z\\^_`\\[\\]a-z|~]+\"?",
);
pub(super) static COOKIE_NAME: Pattern =
    Pattern::new(r"[!#$%&'*+\-.0-9A-Z\^_`a-z|~]+", "of the form [!#$%&'*+\\-.0-9A-Z\\^_`a-z|~]+");
pub(super) static CSSID: Pattern =
    Pattern::new("0x[0-9a-eA-E][0-9a-fA-F]?", "of the form 0x[0-9a-eA-E][0-9a-fA-F]?");
pub(super) static CSSID_2: Pattern = Pattern::new("0x[fF][0-9a-eA-E]?", "of the form 0x[fF][0-9a-eA-E]?");
pub(super) static DATE_TIME: Pattern = Pattern::new(
    r"-?[0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?",
    "a date and time",
);
pub(super) static DEV: Pattern = Pattern::new(
    "(ioemu:)?(fd|hd|sd|vd|xvd|ubd)[a-zA-Z0-9_]+",
    "of the form (ioemu:)?(fd|hd|sd|vd|xvd|ubd)[a-zA-Z0-9_]+",
);
pub(super) static DEVICE_NAME: Pattern = Pattern::new(r"[a-zA-Z0-9_\.\-\\:/]+", "a device's name");
pub(super) static DEVNO: Pattern = Pattern::new("0x[0-9a-fA-F]{1,4}", "of the form 0x[0-9a-fA-F]{1,4}");
pub(super) static DNS_NAME: Pattern = Pattern::new(r"[a-zA-Z0-9\.\-]+", "a DNS name");
pub(super) static FEATURE_NAME: Pattern =
    Pattern::new(r"[a-zA-Z0-9\-_\.]+", "of the form [a-zA-Z0-9\\-_\\.]+");
pub(super) static FILE: Pattern = Pattern::new(r"\[[^\]]+\] .+", "of the form \\[[^\\]]+\\] .+");
pub(super) static FILE_MODE: Pattern = Pattern::new("0[0-7]{3}|[0-7]{1,3}", "a file mode in octal");
pub(super) static FIVE_DIGITS: Pattern = Pattern::new("[0-9]{1,5}", "up to five digits");
pub(super) static GENERIC_NAME: Pattern =
    Pattern::new(r"[a-zA-Z0-9_\+\-]+", "a word of letters, digits, '_', '+' and '-'");
pub(super) static HEX: Pattern = Pattern::new("(0x)?[0-9a-f]+", "a hexadecimal number");
pub(super) static HEX2: Pattern = Pattern::new("(0x)?[0-9a-fA-F]{1,2}", "up to two hexadecimal digits");
pub(super) static HEX3: Pattern = Pattern::new("(0x)?[0-9a-fA-F]{1,3}", "up to three hexadecimal digits");
pub(super) static HEX4: Pattern = Pattern::new("(0x)?[0-9a-fA-F]{1,4}", "up to four hexadecimal digits");
pub(super) static HEX8: Pattern = Pattern::new("(0x)?[0-9a-fA-F]{1,8}", "up to eight hexadecimal digits");
pub(super) static IOBASE: Pattern = Pattern::new("0x[a-fA-F0-9]{1,4}", "of the form 0x[a-fA-F0-9]{1,4}");
pub(super) static IRQ: Pattern = Pattern::new("0x[a-fA-F0-9]", "of the form 0x[a-fA-F0-9]");
pub(super) static LINE: Pattern = Pattern::new(r"[^\n]+", "a single line");
pub(super) static LOADPARM: Pattern =
    Pattern::new(r"[a-zA-Z0-9.\s]{1,8}", "of the form [a-zA-Z0-9.\\s]{1,8}");
pub(super) static MINUS_ONE: Pattern = Pattern::new("-1", "-1");
pub(super) static MODEL_TYPE: Pattern = Pattern::new(r"[a-zA-Z0-9\-_]+", "of the form [a-zA-Z0-9\\-_]+");
pub(super) static NC_NAME: Pattern = Pattern::new(r"[A-Za-z_][A-Za-z0-9_.\-]*", "a name");
pub(super) static NVME_DEV: Pattern =
    Pattern::new("nvme[0-9]+n[0-9]+(p[0-9]+)?", "an NVMe drive, as nvme0n1");
pub(super) static OBJECT_NAME: Pattern = Pattern::new(r"[^/\n]+", "a name without '/'");
pub(super) static PARAMETER_NAME: Pattern = Pattern::new("[a-zA-Z0-9_]+", "of the form [a-zA-Z0-9_]+");
pub(super) static PCI_FUNCTION: Pattern = Pattern::new("(0x)?[0-7]", "a PCI function, 0 to 7");
pub(super) static PCI_SLOT: Pattern =
    Pattern::new("(0x)?[0-1]?[0-9a-fA-F]|2[0-9]|3[01]", "a PCI slot, 0 to 31");
pub(super) static PORT: Pattern = Pattern::new(
    r"((0x)?[0-9a-fA-F]{1,3}\.){0,3}(0x)?[0-9a-fA-F]{1,3}",
    "of the form ((0x)?[0-9a-fA-F]{1,3}\\.){0,3}(0x)?[0-9a-fA-F]{1,3}",
);
pub(super) static PRODUCT: Pattern = Pattern::new("[ -~]{0,40}", "at most 40 printable characters");
pub(super) static PROFILE_NAME: Pattern =
    Pattern::new(r"[A-Za-z0-9.\-:]+", "letters, digits, '.', '-' and ':'");
pub(super) static SERIAL: Pattern =
    Pattern::new(r"[A-Za-z0-9_\.\+\- ]+", "of the form [A-Za-z0-9_\\.\\+\\- ]+");
pub(super) static SHMEM_NAME: Pattern = Pattern::new("[^/]*", "of the form [^/]*");
pub(super) static SSID: Pattern = Pattern::new("(0x)?[0-3]", "of the form (0x)?[0-3]");
pub(super) static TEN_DIGITS: Pattern = Pattern::new("[0-9]{1,10}", "up to ten digits");
pub(super) static TIMEZONE: Pattern =
    Pattern::new(r"[a-zA-Z0-9_\.\+\-/]+", "of the form [a-zA-Z0-9_\\.\\+\\-/]+");
pub(super) static TWENTY_DIGITS: Pattern = Pattern::new("[0-9]{1,20}", "up to twenty digits");
pub(super) static TWO_DIGITS: Pattern = Pattern::new("[0-9]{1,2}", "one or two digits");
pub(super) static UINT16: Pattern = Pattern::new(
    "(0x)?[0-9a-fA-F]{1,4}|[0-5]?[0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]",
    "a number of 16 bits, hexadecimal or decimal",
);
pub(super) static UINT24: Pattern = Pattern::new(
    "0x[0-9a-fA-F]{1,6}|[0-9]{1,7}|1[0-5][0-9]{6}|16[0-7][0-9]{5}",
    "a number of 24 bits, decimal or with 0x",
);
pub(super) static UINT32: Pattern =
    Pattern::new("(0x)?[0-9a-fA-F]{1,8}|[0-9]{1,10}", "a number of 32 bits, hexadecimal or decimal");
pub(super) static UINT8: Pattern = Pattern::new(
    "0x[0-9a-fA-F]{1,2}|[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5]",
    "a number of 8 bits, decimal or with 0x",
);
pub(super) static UP_TO_39: Pattern = Pattern::new("(?s:.{0,39})", "at most 39 characters");
pub(super) static VALUE: Pattern = Pattern::new("[^,]{0,12}", "of the form [^,]{0,12}");
pub(super) static VALUE_2: Pattern = Pattern::new(r"[a-zA-Z0-9_\.:]+", "of the form [a-zA-Z0-9_\\.:]+");
pub(super) static VENDOR: Pattern = Pattern::new("[ -~]{0,8}", "of the form [ -~]{0,8}");
pub(super) static VENDOR_ID: Pattern = Pattern::new("[^,]{12}", "of the form [^,]{12}");
pub(super) static VERSION: Pattern =
    Pattern::new("[0-9]{1,2}.[0-9]{1,2}", "of the form [0-9]{1,2}.[0-9]{1,2}");
pub(super) static VOLUME_NAME: Pattern = Pattern::new("[^/]+", "a storage volume's name");
pub(super) static WWN: Pattern =
    Pattern::new("(0x)?[0-9a-fA-F]{16}", "a world wide name: 16 hexadecimal digits");
pub(super) static WWPN: Pattern =
    Pattern::new(r"(naa\.)[0-9a-fA-F]{16}", "of the form (naa\\.)[0-9a-fA-F]{16}");
