//! `<graphics>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, YES_NO};
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, optional, required};
use crate::value::Value;

pub(super) static GRAPHICS_SDL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["sdl"])),
        optional("display", Value::Text),
        optional("xauth", Value::Text),
        optional("fullscreen", YES_NO),
    ],
    content: Content::Children(&[maybe(&GL)]),
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GRAPHICS_VNC: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["vnc"])),
        optional("port", Value::Integer(-1, 65_535)),
        optional("autoport", YES_NO),
        optional("websocket", Value::Integer(-1, 65_535)),
        optional("listen", Value::OneOf(&[Value::Ip, Value::Pattern(&patterns::DNS_NAME)])),
        optional("sharePolicy", Value::Choice(&["allow-exclusive", "force-shared", "ignore"])),
        optional("powerControl", YES_NO),
        optional("passwd", Value::Text),
        optional("keymap", Value::Text),
        optional("passwdValidTo", Value::Pattern(&patterns::DATE_TIME)),
        optional("connected", Value::Choice(&["keep"])),
        optional("socket", Value::AbsFilePath),
    ],
    content: Content::Children(&[maybe(&AUDIO), many(&LISTEN)]),
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GRAPHICS_SPICE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["spice"])),
        optional("port", Value::Integer(-1, 65_535)),
        optional("tlsPort", Value::Integer(-1, 65_535)),
        optional("autoport", YES_NO),
        optional("listen", Value::OneOf(&[Value::Ip, Value::Pattern(&patterns::DNS_NAME)])),
        optional("passwd", Value::Text),
        optional("keymap", Value::Text),
        optional("passwdValidTo", Value::Pattern(&patterns::DATE_TIME)),
        optional("connected", Value::Choice(&["fail", "disconnect", "keep"])),
        optional("defaultMode", Value::Choice(&["any", "secure", "insecure"])),
    ],
    content: Content::Children(&[
        many(&LISTEN),
        many(&CHANNEL),
        maybe(&IMAGE),
        maybe(&JPEG),
        maybe(&ZLIB),
        maybe(&PLAYBACK),
        maybe(&STREAMING),
        maybe(&super::common::CLIPBOARD),
        maybe(&super::common::MOUSE),
        maybe(&FILETRANSFER),
        maybe(&GRAPHICS_GL),
    ]),
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GRAPHICS_DBUS: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["dbus"])),
        optional("address", Value::NonEmpty),
        optional("p2p", YES_NO),
    ],
    content: Content::Children(&[maybe(&GRAPHICS_GL_2), maybe(&GRAPHICS_AUDIO)]),
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GRAPHICS_RDP: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["rdp"])),
        optional("port", Value::Integer(-1, 65_535)),
        optional("autoport", YES_NO),
        optional("replaceUser", YES_NO),
        optional("multiUser", YES_NO),
        optional("listen", Value::OneOf(&[Value::Ip, Value::Pattern(&patterns::DNS_NAME)])),
    ],
    content: Content::Children(&[many(&LISTEN)]),
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GRAPHICS_DESKTOP: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["desktop"])),
        optional("display", Value::Text),
        optional("fullscreen", YES_NO),
    ],
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GRAPHICS_EGL_HEADLESS: Element = Element {
    attributes: &[required("type", Value::Choice(&["egl-headless"]))],
    content: Content::Children(&[maybe(&GRAPHICS_GL_3)]),
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GRAPHICS: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["sdl"], &GRAPHICS_SDL),
            (&["vnc"], &GRAPHICS_VNC),
            (&["spice"], &GRAPHICS_SPICE),
            (&["dbus"], &GRAPHICS_DBUS),
            (&["rdp"], &GRAPHICS_RDP),
            (&["desktop"], &GRAPHICS_DESKTOP),
            (&["egl-headless"], &GRAPHICS_EGL_HEADLESS),
        ],
    }),
    support: Support::Ignored(reasons::SCREEN),
    ..element("graphics")
};

pub(super) static GL: Element = Element { attributes: &[required("enable", YES_NO)], ..element("gl") };

pub(super) static AUDIO: Element =
    Element { attributes: &[required("id", Value::Pattern(&patterns::UINT8))], ..element("audio") };

pub(super) static LISTEN_ADDRESS: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["address"])),
        optional("address", Value::OneOf(&[Value::Ip, Value::Pattern(&patterns::DNS_NAME)])),
    ],
    ..element("listen")
};

pub(super) static LISTEN_NETWORK: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["network"])),
        required("network", Value::Text),
        optional("address", Value::OneOf(&[Value::Ip, Value::Pattern(&patterns::DNS_NAME)])),
    ],
    ..element("listen")
};

pub(super) static LISTEN_SOCKET: Element = Element {
    attributes: &[required("type", Value::Choice(&["socket"])), optional("socket", Value::AbsFilePath)],
    ..element("listen")
};

pub(super) static LISTEN_NONE: Element =
    Element { attributes: &[required("type", Value::Choice(&["none"]))], ..element("listen") };

pub(super) static LISTEN: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["address"], &LISTEN_ADDRESS),
            (&["network"], &LISTEN_NETWORK),
            (&["socket"], &LISTEN_SOCKET),
            (&["none"], &LISTEN_NONE),
        ],
    }),
    ..element("listen")
};

pub(super) static CHANNEL: Element = Element {
    attributes: &[
        required(
            "name",
            Value::Choice(&[
                "main",
                "display",
                "inputs",
                "cursor",
                "playback",
                "record",
                "smartcard",
                "usbredir",
            ]),
        ),
        required("mode", Value::Choice(&["any", "secure", "insecure"])),
    ],
    ..element("channel")
};

pub(super) static IMAGE: Element = Element {
    attributes: &[required(
        "compression",
        Value::Choice(&["auto_glz", "auto_lz", "quic", "glz", "lz", "off"]),
    )],
    ..element("image")
};

pub(super) static JPEG: Element = Element {
    attributes: &[required("compression", Value::Choice(&["auto", "never", "always"]))],
    ..element("jpeg")
};

pub(super) static ZLIB: Element = Element {
    attributes: &[required("compression", Value::Choice(&["auto", "never", "always"]))],
    ..element("zlib")
};

pub(super) static PLAYBACK: Element =
    Element { attributes: &[required("compression", ON_OFF)], ..element("playback") };

pub(super) static STREAMING: Element = Element {
    attributes: &[required("mode", Value::Choice(&["filter", "all", "off"]))],
    ..element("streaming")
};

pub(super) static FILETRANSFER: Element =
    Element { attributes: &[required("enable", YES_NO)], ..element("filetransfer") };

pub(super) static GRAPHICS_GL: Element = Element {
    attributes: &[required("enable", YES_NO), optional("rendernode", Value::AbsFilePath)],
    ..element("gl")
};

pub(super) static GRAPHICS_GL_2: Element = Element {
    attributes: &[required("enable", YES_NO), optional("rendernode", Value::AbsFilePath)],
    ..element("gl")
};

pub(super) static GRAPHICS_AUDIO: Element =
    Element { attributes: &[required("id", Value::Pattern(&patterns::UINT8))], ..element("audio") };

pub(super) static GRAPHICS_GL_3: Element =
    Element { attributes: &[optional("rendernode", Value::AbsFilePath)], ..element("gl") };
