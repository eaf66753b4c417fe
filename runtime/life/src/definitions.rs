//! Domains as defined: one document each, in canonical form, with a uuid.

use browndog_xml::domain::{Dialect, Origin};
use browndog_xml::source::Source;
use uuid::Uuid;

use crate::atomic::{self, Keep, is_beside};
use crate::edit::{Document, escape, splice};
use crate::error::{LifeError, Result};
use crate::files;
use crate::layout::{Layout, make_dir};

/// Names of all defined domains, sorted.
///
/// # Errors
/// A directory that cannot be read.
pub fn names(layout: &Layout) -> Result<Vec<String>> {
    let mut names: Vec<String> = crate::domains::entries(&layout.definitions)?
        .into_iter()
        .filter_map(|file| file.strip_suffix(".xml").map(str::to_owned))
        .filter(|name| !is_beside(name))
        .collect();
    names.sort();
    Ok(names)
}

/// Refuses a name that a file of ours which is being written may have.
///
/// # Errors
/// Says which.
pub fn demand_name(name: &str) -> Result<()> {
    if is_beside(name) {
        return Err(LifeError::refused(
            format!(
                "'{name}' cannot be a domain's name here: files that are being written begin with {}",
                atomic::BESIDE
            ),
            "give it another name",
        ));
    }
    Ok(())
}

/// Whether a domain is defined.
pub fn exists(layout: &Layout, name: &str) -> bool {
    // A link is no definition: it is refused when it is read.
    layout.definition(name).symlink_metadata().is_ok_and(|found| found.is_file())
}

/// The definition of a domain.
///
/// # Errors
/// It cannot be read, or somebody has made it invalid.
pub fn read(layout: &Layout, name: &str) -> Result<Document> {
    let path = layout.definition(name);
    let bytes = files::read(&path).map_err(|error| LifeError::file("read", &path, error))?;
    let document = Document::read(&Source::from_bytes(path.to_string_lossy(), bytes))?;
    if document.name() != name {
        return Err(LifeError::refused(
            format!("{} defines '{}'", path.display(), document.name()),
            "a definition's file has its domain's name: rename one of them",
        ));
    }
    Ok(document)
}

/// Gives `document` a uuid where it has none: `known`, or a new one.
///
/// # Errors
/// The kernel gives no randomness: getrandom(2) is refused and there is no /proc.
pub fn with_uuid(document: Document, known: Option<String>) -> Result<Document> {
    if document.domain.uuid.is_some() {
        return Ok(document);
    }
    let uuid = match known {
        Some(known) => known,
        None => browndog_runtime::fresh::uuid()
            .map_err(|error| LifeError::call("getrandom", browndog_runtime::errno_of(error)))?
            .to_string(),
    };
    document.with(&["uuid"], Some(&format!("<uuid>{uuid}</uuid>")))
}

/// Gives every interface of `document` an Ethernet address where it has none, as libvirt does: the one that a start
/// would give it, from the document's uuid.
///
/// # Errors
/// The result is no valid document.
pub fn with_macs(document: Document) -> Result<Document> {
    let uuid = document.uuid().unwrap_or_default();
    let macs = browndog_runtime::net::mac::of_interfaces(&document.domain, &uuid);
    let interfaces = &document.domain.interfaces;
    if document.domain.dialect == Dialect::LinuxContainer || interfaces.iter().all(|it| it.mac.is_some()) {
        return Ok(document);
    }
    let mut text = document.source.text().to_owned();
    let elements = document.children(&["devices"], "interface");
    let missing = interfaces.iter().zip(macs).filter(|(interface, _)| interface.mac.is_none());
    for (interface, mac) in missing.collect::<Vec<_>>().into_iter().rev() {
        let (Origin::Xml(span), Some(mac)) = (interface.origin, mac) else { continue };
        let here = elements.iter().find(|(range, _)| range.contains(&(span.start as usize)));
        let Some((range, element)) = here else { continue };
        let with = splice(element, &["mac"], Some(&format!("<mac address='{mac}'/>")));
        text.replace_range(range.clone(), &with);
    }
    Document::check(&Source::new(document.source.name(), text))
}

/// Whether a definition is new or takes the place of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defined {
    /// It is new.
    Added,
    /// There was one of this name and uuid.
    Updated,
}

/// Keeps `document`; the caller holds the domain's lock.
///
/// # Errors
/// The name belongs to another uuid, or the uuid to another name; a file that cannot be written.
pub fn define(layout: &Layout, document: Document) -> Result<(Document, Defined)> {
    let name = document.name().to_owned();
    demand_name(&name)?;
    let old = if exists(layout, &name) { read(layout, &name).ok() } else { None };
    let old_uuid = old.as_ref().and_then(Document::uuid);
    // One that is made here is nobody else's, and one that was there was: the others need not be asked.
    let is_strange = document.domain.uuid.is_some() && old_uuid.is_none();
    let document = with_macs(with_uuid(document, old_uuid.clone())?)?;
    let uuid = document.uuid().unwrap_or_default();
    if let Some(old) = old_uuid.filter(|old| *old != uuid) {
        return Err(LifeError::refused(
            format!("domain '{name}' already exists with uuid {old}"),
            "undefine it first, or give the document that uuid, or another name",
        ));
    }
    if is_strange && let Some(other) = owner(layout, &uuid)?.filter(|other| *other != name) {
        return Err(LifeError::refused(
            format!("uuid {uuid} belongs to domain '{other}'"),
            "remove <uuid> from the document to get a new one",
        ));
    }
    make_dir(&layout.definitions)?;
    let defined = if exists(layout, &name) { Defined::Updated } else { Defined::Added };
    if defined == Defined::Added && !layout.domain(&name).exists() {
        crate::logs::forget(layout, &name)?;
    }
    atomic::write(&layout.definition(&name), document.source.text().as_bytes(), Keep::Disk)?;
    Ok((document, defined))
}

/// Which defined domain has this uuid.
fn owner(layout: &Layout, uuid: &str) -> Result<Option<String>> {
    let has = |name: &String| mentions(layout, name, uuid) && uuid_of(layout, name).as_deref() == Some(uuid);
    Ok(names(layout)?.into_iter().find(has))
}

/// Whether a definition has the first digits of the uuid in it, as every way to write it has: a look at its
/// bytes, where reading a thousand documents would take longer than everything else.
fn mentions(layout: &Layout, name: &str, uuid: &str) -> bool {
    let digits = uuid.as_bytes().get(..8).unwrap_or_default();
    let text = files::read(&layout.definition(name)).unwrap_or_default();
    text.windows(digits.len().max(1)).any(|window| window.eq_ignore_ascii_case(digits))
}

/// uuid and name of every defined domain that can be read.
///
/// # Errors
/// A directory that cannot be read.
pub fn uuids(layout: &Layout) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for name in names(layout)? {
        if let Some(uuid) = uuid_of(layout, &name) {
            all.push((uuid, name));
        }
    }
    Ok(all)
}

/// The uuid of a definition. Looked for where the canonical form has it, else read in full.
pub fn uuid_of(layout: &Layout, name: &str) -> Option<String> {
    let text = files::read_to_string(&layout.definition(name)).ok()?;
    canonical_uuid(&text, name).or_else(|| read(layout, name).ok()?.uuid())
}

fn canonical_uuid(text: &str, name: &str) -> Option<String> {
    // The first three lines of a canonical document without comments.
    let mut lines = text.lines();
    let root = lines.next().is_some_and(|line| line.starts_with("<domain "));
    let named = lines.next() == Some(&format!("  <name>{}</name>", escape(name)));
    let uuid = lines.next()?.strip_prefix("  <uuid>")?.strip_suffix("</uuid>")?;
    (root && named && Uuid::parse_str(uuid).is_ok()).then(|| uuid.to_owned())
}

/// Forgets a definition and that it was to be started with the host.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn undefine(layout: &Layout, name: &str) -> Result<()> {
    atomic::remove(&layout.definition(name))?;
    atomic::remove(&layout.autostart(name))
}

/// Gives a definition another name; the caller holds the locks of both.
///
/// # Errors
/// The name is taken or is none; a file that cannot be written.
pub fn rename(layout: &Layout, name: &str, new: &str) -> Result<()> {
    demand_name(new)?;
    if exists(layout, new) {
        return Err(LifeError::refused(format!("there is a domain '{new}' already"), "choose another name"));
    }
    let document = read(layout, name)?.with(&["name"], Some(&format!("<name>{}</name>", escape(new))))?;
    // Checked again as written: white space around it would have been cut.
    if document.name() != new {
        return Err(LifeError::refused(format!("'{new}' is no domain name"), ""));
    }
    let autostart = is_autostart(layout, name);
    atomic::write(&layout.definition(new), document.source.text().as_bytes(), Keep::Disk)?;
    if autostart {
        set_autostart(layout, new, true)?;
    }
    undefine(layout, name)
}

/// Whether a domain is started with the host.
pub fn is_autostart(layout: &Layout, name: &str) -> bool {
    layout.autostart(name).exists()
}

/// Sets whether a domain is started with the host.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn set_autostart(layout: &Layout, name: &str, on: bool) -> Result<()> {
    let path = layout.autostart(name);
    if !on {
        return atomic::remove(&path);
    }
    make_dir(&layout.definitions.join("autostart"))?;
    atomic::write(&path, b"", Keep::Disk)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_of_files_that_are_being_written_is_refused() {
        let (_dir, layout) = layout();
        let said = define(&layout, document(".writing-1-0")).unwrap_err().to_string();
        assert!(said.contains("cannot be a domain's name"), "{said}");
        let _web = define(&layout, document("web")).unwrap();
        assert!(rename(&layout, "web", ".writing-1-0").is_err());
        assert_eq!(names(&layout).unwrap(), ["web"]);
    }

    fn document(name: &str) -> Document {
        let text = format!(
            "<domain type='lxc'><name>{name}</name><memory>65536</memory><os><type>exe</type><init>/bin/sh</init></os></domain>"
        );
        Document::check(&Source::new("test", text)).unwrap()
    }

    fn layout() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        (dir, layout)
    }

    #[test]
    fn a_definition_gets_a_uuid_and_keeps_it_when_defined_again() {
        let (_dir, layout) = layout();
        let (first, added) = define(&layout, document("web")).unwrap();
        let (second, updated) = define(&layout, document("web")).unwrap();
        assert_eq!((added, updated), (Defined::Added, Defined::Updated));
        assert_eq!(first.uuid(), second.uuid());
        assert_eq!(uuid_of(&layout, "web"), first.uuid());
        assert_eq!(names(&layout).unwrap(), ["web"]);
    }

    #[test]
    fn a_definition_keeps_the_addresses_that_its_interfaces_get() {
        let (_dir, layout) = layout();
        let two = "<interface type='bridge'><source bridge='br0'/></interface>\
                   <interface type='direct'><source dev='eth9'/><mac address='52:54:00:00:00:07'/></interface>\
                   <interface type='ethernet'/>";
        let web = document("web").adding(&["devices"], two).unwrap();
        let macs = |document: &Document| -> Vec<String> {
            document.domain.interfaces.iter().map(|it| it.mac.as_ref().unwrap().value.to_string()).collect()
        };
        let (first, _) = define(&layout, web.clone()).unwrap();
        let made = macs(&first);
        assert_eq!(made[1], "52:54:00:00:00:07");
        assert!(made.iter().all(|mac| mac.starts_with("52:54:00:")) && made[0] != made[2], "{made:?}");
        assert_eq!(macs(&read(&layout, "web").unwrap()), made);
        // Defined again from the same file, and renamed, it has the same.
        assert_eq!(macs(&define(&layout, web).unwrap().0), made);
        rename(&layout, "web", "site").unwrap();
        assert_eq!(macs(&read(&layout, "site").unwrap()), made);
    }

    #[test]
    fn the_uuid_is_found_without_reading_the_whole_document() {
        let (_dir, layout) = layout();
        let (document, _) = define(&layout, document("web")).unwrap();
        assert_eq!(canonical_uuid(document.source.text(), "web"), document.uuid());
        assert_eq!(canonical_uuid(document.source.text(), "other"), None);
    }

    #[test]
    fn a_name_or_uuid_of_another_domain_is_refused() {
        let (_dir, layout) = layout();
        let (web, _) = define(&layout, document("web")).unwrap();
        let uuid = web.uuid().unwrap();
        let other = with_uuid(document("other"), Some(uuid.clone())).unwrap();
        assert!(define(&layout, other).unwrap_err().to_string().contains("belongs to domain 'web'"));
        // However it is written, and whatever stands before it.
        let path = layout.definition("web");
        let text = fs::read_to_string(&path).unwrap();
        let odd = text.replace(&uuid, &uuid.replace('-', "").to_uppercase());
        fs::write(&path, format!("<!-- by hand -->\n{odd}")).unwrap();
        let other = with_uuid(document("other"), Some(uuid.clone())).unwrap();
        assert!(define(&layout, other).unwrap_err().to_string().contains("belongs to domain 'web'"));
        let again = with_uuid(document("web"), None).unwrap();
        let said = define(&layout, again).unwrap_err().to_string();
        assert_eq!(said, format!("domain 'web' already exists with uuid {uuid}"));
    }

    #[test]
    fn a_renamed_domain_keeps_its_uuid_and_autostart() {
        let (_dir, layout) = layout();
        let (web, _) = define(&layout, document("web")).unwrap();
        set_autostart(&layout, "web", true).unwrap();
        rename(&layout, "web", "site").unwrap();
        assert_eq!(names(&layout).unwrap(), ["site"]);
        assert_eq!(read(&layout, "site").unwrap().uuid(), web.uuid());
        assert!(is_autostart(&layout, "site") && !is_autostart(&layout, "web"));
        assert!(rename(&layout, "site", "a/b").is_err());
        assert_eq!(names(&layout).unwrap(), ["site"]);
    }
}
