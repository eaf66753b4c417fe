//! `<graphics>`.

use super::shapes::inert;
use super::{common, patterns, reasons};
use crate::schema::values::{ON_OFF, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Variants, Version, element, many, maybe, optional, required, since,
};
use crate::value::Value;

const PORT_NUMBER: Value = Value::Integer(-1, 65_535);
const PORT: Attribute = optional("port", PORT_NUMBER);
const AUTOPORT: Attribute = optional("autoport", YES_NO);
const ADDRESS_OR_NAME: Value = Value::OneOf(&[Value::Ip, Value::Pattern(&patterns::DNS_NAME)]);
const LISTEN_ATTRIBUTE: Attribute = optional("listen", ADDRESS_OR_NAME);
const PASSWD: Attribute = optional("passwd", Value::Text);
const KEYMAP: Attribute = optional("keymap", Value::Text);
const VALID_TO: Attribute = optional("passwdValidTo", Value::Pattern(&patterns::DATE_TIME));
const DISPLAY: Attribute = optional("display", Value::Text);
const FULLSCREEN: Attribute = optional("fullscreen", YES_NO);
const SECURITY: Value = Value::Choice(&["any", "secure", "insecure"]);
const RENDERNODE: Attribute = optional("rendernode", Value::AbsFilePath);

static SDL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["sdl"])),
        DISPLAY,
        optional("xauth", Value::Text),
        FULLSCREEN,
    ],
    content: Content::Children(&[maybe(&SDL_GL)]),
    ..inert("graphics", reasons::SCREEN, "a window on the host's screen")
};
static VNC: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["vnc"])),
        PORT,
        AUTOPORT,
        optional("websocket", PORT_NUMBER),
        LISTEN_ATTRIBUTE,
        optional("sharePolicy", Value::Choice(&["allow-exclusive", "force-shared", "ignore"])),
        optional("powerControl", YES_NO),
        since(Version(11, 10), optional("wait", YES_NO)),
        PASSWD,
        KEYMAP,
        VALID_TO,
        optional("connected", Value::Choice(&["keep"])),
        optional("socket", Value::AbsFilePath),
    ],
    content: Content::Children(&[maybe(&AUDIO), many(&LISTEN)]),
    ..inert("graphics", reasons::SCREEN, "a screen for VNC viewers")
};
static SPICE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["spice"])),
        PORT,
        optional("tlsPort", PORT_NUMBER),
        AUTOPORT,
        LISTEN_ATTRIBUTE,
        PASSWD,
        KEYMAP,
        VALID_TO,
        optional("connected", Value::Choice(&["fail", "disconnect", "keep"])),
        optional("defaultMode", SECURITY),
    ],
    content: Content::Children(&[
        many(&LISTEN),
        many(&CHANNEL),
        maybe(&IMAGE),
        maybe(&JPEG),
        maybe(&ZLIB),
        maybe(&PLAYBACK),
        maybe(&STREAMING),
        maybe(&common::CLIPBOARD),
        maybe(&common::MOUSE),
        maybe(&FILETRANSFER),
        maybe(&GL),
    ]),
    ..inert("graphics", reasons::SCREEN, "a screen for SPICE viewers")
};
static DBUS: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["dbus"])),
        optional("address", Value::NonEmpty),
        optional("p2p", YES_NO),
    ],
    content: Content::Children(&[maybe(&GL), maybe(&AUDIO)]),
    ..inert("graphics", reasons::SCREEN, "a screen for viewers on D-Bus")
};
static RDP: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["rdp"])),
        PORT,
        AUTOPORT,
        optional("replaceUser", YES_NO),
        optional("multiUser", YES_NO),
        LISTEN_ATTRIBUTE,
        since(Version(11, 1), optional("username", Value::Text)),
        since(Version(11, 1), optional("passwd", Value::Text)),
    ],
    content: Content::Children(&[many(&LISTEN)]),
    ..inert("graphics", reasons::SCREEN, "a screen for RDP viewers")
};
static DESKTOP: Element = Element {
    attributes: &[required("type", Value::Choice(&["desktop"])), DISPLAY, FULLSCREEN],
    ..inert("graphics", reasons::SCREEN, "a window of VirtualBox's")
};
static EGL_HEADLESS: Element = Element {
    attributes: &[required("type", Value::Choice(&["egl-headless"]))],
    content: Content::Children(&[maybe(&HEADLESS_GL)]),
    ..inert("graphics", reasons::SCREEN, "drawing on the host's card, without a screen")
};
/// `<graphics>`.
pub(super) static GRAPHICS: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["sdl"], &SDL),
            (&["vnc"], &VNC),
            (&["spice"], &SPICE),
            (&["dbus"], &DBUS),
            (&["rdp"], &RDP),
            (&["desktop"], &DESKTOP),
            (&["egl-headless"], &EGL_HEADLESS),
        ],
    }),
    ..inert("graphics", reasons::SCREEN, "where a machine's screen is seen")
};

static SDL_GL: Element = Element {
    attributes: &[required("enable", YES_NO)],
    doc: "whether the window draws with OpenGL",
    ..element("gl")
};
static GL: Element = Element {
    attributes: &[required("enable", YES_NO), RENDERNODE],
    doc: "whether it draws with OpenGL, and on which card",
    ..element("gl")
};
static HEADLESS_GL: Element =
    Element { attributes: &[RENDERNODE], doc: "the card that draws", ..element("gl") };
static AUDIO: Element = Element {
    attributes: &[required("id", Value::Pattern(&patterns::UINT8))],
    doc: "the number of the audio backend whose sound the viewer hears",
    ..element("audio")
};

static LISTEN_ADDRESS: Element = Element {
    attributes: &[required("type", Value::Choice(&["address"])), optional("address", ADDRESS_OR_NAME)],
    doc: "an address of the host",
    ..element("listen")
};
static LISTEN_NETWORK: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["network"])),
        required("network", Value::Text),
        optional("address", ADDRESS_OR_NAME),
    ],
    doc: "the host's address in a network of libvirt's",
    ..element("listen")
};
static LISTEN_SOCKET: Element = Element {
    attributes: &[required("type", Value::Choice(&["socket"])), optional("socket", Value::AbsFilePath)],
    doc: "a socket of the host",
    ..element("listen")
};
static LISTEN_NONE: Element = Element {
    attributes: &[required("type", Value::Choice(&["none"]))],
    doc: "nothing is listened on",
    ..element("listen")
};
static LISTEN: Element = Element {
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
    doc: "where viewers connect to",
    ..element("listen")
};

static CHANNEL: Element = Element {
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
        required("mode", SECURITY),
    ],
    doc: "whether this part of the connection is encrypted",
    ..element("channel")
};
static IMAGE: Element = Element {
    attributes: &[required(
        "compression",
        Value::Choice(&["auto_glz", "auto_lz", "quic", "glz", "lz", "off"]),
    )],
    doc: "how pictures are compressed",
    ..element("image")
};
const WHEN: &[Attribute] = &[required("compression", Value::Choice(&["auto", "never", "always"]))];
static JPEG: Element =
    Element { attributes: WHEN, doc: "whether pictures become JPEG on slow lines", ..element("jpeg") };
static ZLIB: Element = Element {
    attributes: WHEN,
    doc: "whether pictures are compressed again on slow lines",
    ..element("zlib")
};
static PLAYBACK: Element = Element {
    attributes: &[required("compression", ON_OFF)],
    doc: "whether sound is compressed",
    ..element("playback")
};
static STREAMING: Element = Element {
    attributes: &[required("mode", Value::Choice(&["filter", "all", "off"]))],
    doc: "what is sent as video",
    ..element("streaming")
};
static FILETRANSFER: Element = Element {
    attributes: &[required("enable", YES_NO)],
    doc: "whether files can be dropped onto the screen",
    ..element("filetransfer")
};
