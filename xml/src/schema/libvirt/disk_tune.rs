//! How fast a `<disk>` may be used: its own bounds, and groups that several share.

use super::reasons;
use super::shapes::inert;
use crate::schema::values::U64;
use crate::schema::{Content, Element, Version, many, maybe, required};
use crate::value::Value;

const fn bound(name: &'static str, doc: &'static str) -> Element {
    Element { content: Content::Text(U64), ..inert(name, reasons::NOTHING, doc) }
}

/// What `<iotune>` and a group hold.
const BOUNDS: Content = Content::Children(&[
    maybe(&TOTAL_BYTES_SEC),
    maybe(&TOTAL_IOPS_SEC),
    maybe(&TOTAL_BYTES_SEC_MAX),
    maybe(&TOTAL_IOPS_SEC_MAX),
    maybe(&SIZE_IOPS_SEC),
    maybe(&GROUP_NAME),
    maybe(&TOTAL_BYTES_SEC_MAX_LENGTH),
    maybe(&TOTAL_IOPS_SEC_MAX_LENGTH),
    maybe(&READ_IOPS_SEC_MAX_LENGTH),
    maybe(&WRITE_IOPS_SEC_MAX_LENGTH),
    maybe(&READ_BYTES_SEC_MAX_LENGTH),
    maybe(&WRITE_BYTES_SEC_MAX_LENGTH),
    maybe(&READ_IOPS_SEC_MAX),
    maybe(&WRITE_IOPS_SEC_MAX),
    maybe(&READ_BYTES_SEC_MAX),
    maybe(&WRITE_BYTES_SEC_MAX),
    maybe(&READ_IOPS_SEC),
    maybe(&WRITE_IOPS_SEC),
    maybe(&READ_BYTES_SEC),
    maybe(&WRITE_BYTES_SEC),
]);

pub(super) static IOTUNE: Element =
    Element { content: BOUNDS, ..inert("iotune", reasons::NOTHING, "how fast this disk may be used") };

static TOTAL_BYTES_SEC: Element = bound("total_bytes_sec", "bytes a second, read and written together");
static TOTAL_IOPS_SEC: Element = bound("total_iops_sec", "requests a second, of both directions together");
static TOTAL_BYTES_SEC_MAX: Element =
    bound("total_bytes_sec_max", "bytes a second of both directions in a burst");
static TOTAL_IOPS_SEC_MAX: Element =
    bound("total_iops_sec_max", "requests a second of both directions in a burst");
static SIZE_IOPS_SEC: Element = bound("size_iops_sec", "the size up to which a request counts as one");
static GROUP_NAME: Element = Element {
    content: Content::Text(Value::Text),
    ..inert("group_name", reasons::NOTHING, "the disks that use up one budget together")
};
static TOTAL_BYTES_SEC_MAX_LENGTH: Element =
    bound("total_bytes_sec_max_length", "how many seconds a burst of bytes of both directions may last");
static TOTAL_IOPS_SEC_MAX_LENGTH: Element =
    bound("total_iops_sec_max_length", "how many seconds a burst of requests of both directions may last");
static READ_IOPS_SEC_MAX_LENGTH: Element =
    bound("read_iops_sec_max_length", "how many seconds a burst of reading requests may last");
static WRITE_IOPS_SEC_MAX_LENGTH: Element =
    bound("write_iops_sec_max_length", "how many seconds a burst of writing requests may last");
static READ_BYTES_SEC_MAX_LENGTH: Element =
    bound("read_bytes_sec_max_length", "how many seconds a burst of bytes read may last");
static WRITE_BYTES_SEC_MAX_LENGTH: Element =
    bound("write_bytes_sec_max_length", "how many seconds a burst of bytes written may last");
static READ_IOPS_SEC_MAX: Element = bound("read_iops_sec_max", "reading requests a second in a burst");
static WRITE_IOPS_SEC_MAX: Element = bound("write_iops_sec_max", "writing requests a second in a burst");
static READ_BYTES_SEC_MAX: Element = bound("read_bytes_sec_max", "bytes read a second in a burst");
static WRITE_BYTES_SEC_MAX: Element = bound("write_bytes_sec_max", "bytes written a second in a burst");
static READ_IOPS_SEC: Element = bound("read_iops_sec", "reading requests a second");
static WRITE_IOPS_SEC: Element = bound("write_iops_sec", "writing requests a second");
static READ_BYTES_SEC: Element = bound("read_bytes_sec", "bytes read a second");
static WRITE_BYTES_SEC: Element = bound("write_bytes_sec", "bytes written a second");

/// The groups that a domain has.
pub(super) static THROTTLEGROUPS: Element = Element {
    content: Content::Children(&[many(&THROTTLEGROUP)]),
    since: Some(Version(11, 2)),
    ..inert("throttlegroups", reasons::MACHINE, "budgets that its disks can share")
};
static THROTTLEGROUP: Element =
    Element { content: BOUNDS, ..inert("throttlegroup", reasons::NOTHING, "one budget, by its name") };

pub(super) static THROTTLEFILTERS: Element = Element {
    content: Content::Children(&[many(&THROTTLEFILTER)]),
    since: Some(Version(11, 2)),
    ..inert("throttlefilters", reasons::NOTHING, "the shared budgets that this disk counts against")
};
static THROTTLEFILTER: Element = Element {
    attributes: &[required("group", Value::Text)],
    ..inert("throttlefilter", reasons::NOTHING, "one of them")
};
