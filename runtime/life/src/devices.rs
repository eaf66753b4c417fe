//! Devices attached to a domain and detached from it: as it runs, in its definition, or both.
//!
//! As with limits, a change is a change of the document: what the plan of the new one has beyond the plan of
//! the old one is done in the container that runs. The document of a domain that runs gives each interface
//! its names, so that it is known again when others are gone.

use browndog_runtime::error::{StartError, Tried};
use browndog_runtime::exec::attach::{self, Attached, Container};
use browndog_runtime::exec::detach::{self, Detached};
use browndog_runtime::launch::{Prepared, prepare};
use browndog_runtime::net::{self, Link, LinkKind};
use browndog_runtime::plan::step::HostStep;
use browndog_runtime::plan::{Entry, Plan, Request as StartRequest};
use browndog_xml::domain::{Dialect, Domain, Filesystem, Interface, Origin};
use browndog_xml::value::MacAddr;

use crate::edit::{Document, splice};
use crate::error::{LifeError, Result};
use crate::exec::Held;
use crate::fragment::Fragment;
use crate::kept::Kept;
use crate::layout::Layout;
use crate::lock::Lock;
use crate::protocol::{self, Request};
use crate::record::{Made, Record};
use crate::tune::{self, Scope};
use crate::{definitions, domains, events, monitor, noted, stop};

/// Which of the document's lists a device is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Interface,
    Hostdev,
    Disk,
    Filesystem,
}

impl Kind {
    fn of(fragment: &Fragment) -> Result<Self> {
        match fragment.name() {
            "interface" => Ok(Self::Interface),
            "hostdev" => Ok(Self::Hostdev),
            "disk" => Ok(Self::Disk),
            "filesystem" => Ok(Self::Filesystem),
            other => Err(LifeError::refused(
                format!("a <{other}> is no device that can be attached or detached"),
                "interface, hostdev, disk and filesystem are; 'browndog edit' changes the rest for the next start",
            )),
        }
    }

    fn element(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Hostdev => "hostdev",
            Self::Disk => "disk",
            Self::Filesystem => "filesystem",
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The device's element.
    pub device: String,
    /// Where.
    pub scope: Scope,
    /// What of it has no effect, rendered.
    pub notes: String,
    /// What was not as it had been left, a sentence each.
    pub said: Vec<String>,
    /// Why the container may have the use of what was detached yet, and until when.
    pub stays: Option<String>,
}

/// Attaches the device of `fragment`: all that `scope` names, or nothing.
///
/// # Errors
/// The device is no valid part of the document, is there already, or cannot be had by a container that runs.
pub fn attach(layout: &Layout, name: &str, scope: Scope, fragment: &Fragment) -> Result<Changed> {
    let kind = Kind::of(fragment)?;
    let (lock, view, scope) = begin(layout, name, scope, "attach-device")?;
    let documents = tune::documents(layout, name, scope)?;
    let mut notes = String::new();
    for document in documents.live.iter().chain(&documents.config) {
        can_hold(document, kind, fragment)?;
        notes = fragment.within(document)?.notes;
    }
    let with = |config: Document| definitions::with_macs(config.adding(&["devices"], fragment.text())?);
    let config = documents.config.map(with).transpose()?;
    if let Some(old) = &documents.live {
        let record = view.record.as_ref().ok_or_else(|| stop::not_running(&view, "attach-device"))?;
        let live = Live::new(layout, record, old, kind)?;
        let (attached, new) = live.attach(fragment)?;
        let kept = live.note(&attached).and_then(|()| keep(layout, name, Some(&new), config.as_ref()));
        if let Err(error) = kept {
            drop(attached);
            live.disown_all();
            // It is as it was, but where the definition alone could not be put in its place.
            crate::disregard(keep(layout, name, Some(old), None));
            return Err(error);
        }
        attached.keep();
    } else {
        keep(layout, name, None, config.as_ref())?;
    }
    drop(lock);
    events::note(layout, name, "device", "attached", kind.element());
    Ok(Changed { device: kind.element().to_owned(), scope, notes, said: Vec::new(), stays: None })
}

/// Detaches the device that `fragment` describes.
///
/// # Errors
/// There is no such device, or more than one; or it is in use.
pub fn detach(layout: &Layout, name: &str, scope: Scope, fragment: &Fragment) -> Result<Changed> {
    let kind = Kind::of(fragment)?;
    let (lock, view, scope) = begin(layout, name, scope, "detach-device")?;
    let documents = tune::documents(layout, name, scope)?;
    let wanted = fragment.alone()?;
    // Found in both before it is gone from either.
    let config = documents.config.map(|config| without(&config, kind, &wanted)).transpose()?;
    let mut done = Detached::default();
    if let Some(old) = &documents.live {
        let record = view.record.as_ref().ok_or_else(|| stop::not_running(&view, "detach-device"))?;
        let live = Live::new(layout, record, old, kind)?;
        let new = without(&live.document, kind, &wanted)?;
        let kept = Kept::prepare(layout, name, Some(&new), config.as_ref())?;
        done = live.detach(&wanted, &new)?;
        kept.commit()?;
    } else {
        keep(layout, name, None, config.as_ref())?;
    }
    drop(lock);
    let what = if done.stays.is_some() { "unmounted" } else { "detached" };
    events::note(layout, name, "device", what, kind.element());
    let Detached { said, stays, .. } = done;
    Ok(Changed { device: kind.element().to_owned(), scope, notes: String::new(), said, stays })
}

fn begin(
    layout: &Layout,
    name: &str,
    scope: Scope,
    verb: &'static str,
) -> Result<(Lock, domains::View, Scope)> {
    let lock = Lock::take(layout, name, verb)?;
    let view = domains::view(layout, name)?;
    let scope = scope.settle(&view, verb)?;
    Ok((lock, view, scope))
}

fn keep(layout: &Layout, name: &str, live: Option<&Document>, config: Option<&Document>) -> Result<()> {
    Kept::prepare(layout, name, live, config)?.commit()
}

/// Whether the device can be one of the document's.
fn can_hold(document: &Document, kind: Kind, fragment: &Fragment) -> Result<()> {
    if document.domain.dialect == Dialect::LinuxContainer {
        return Err(LifeError::refused(
            "the domain is written in the dialect of 2008, which has no such devices",
            "'browndog convert --from rfc --to lxc' makes it one of today's",
        ));
    }
    let wanted = fragment.alone()?;
    if kind == Kind::Filesystem
        && let Some(new) = wanted.filesystems.first()
        && document.domain.filesystems.iter().any(|old| old.target == new.target)
    {
        return Err(LifeError::refused(
            format!("there is a file system at {} already", new.target.value.as_str()),
            "choose another target, or detach that first",
        ));
    }
    Ok(())
}

/// A domain that runs, and what it runs by.
struct Live<'a> {
    layout: &'a Layout,
    record: &'a Record,
    kind: Kind,
    /// The document, with the names that its interfaces have got.
    document: Document,
    request: StartRequest,
}

impl<'a> Live<'a> {
    fn new(layout: &'a Layout, record: &'a Record, document: &Document, kind: Kind) -> Result<Self> {
        let request = StartRequest { state: layout.state(), ..tune::request_of(record) };
        let mut live = Self { layout, record, kind, document: document.clone(), request };
        if kind == Kind::Interface {
            let plan = live.prepare(&live.document.domain).plan;
            live.document = named(&live.document, &plan)?;
        }
        Ok(live)
    }

    fn prepare(&self, domain: &Domain) -> Prepared {
        prepare(domain, &self.request)
    }

    fn container(&self) -> Result<Container> {
        let init = self.record.init.ok_or_else(|| {
            LifeError::refused(format!("'{}' has no init just now", self.record.name), "try again")
        })?;
        let held = Held::new(init);
        let unified = self.record.unified();
        let group = unified.or_else(|| self.record.groups.first().map(|group| group.path.as_path()));
        let processes = group.map(crate::groups::processes).unwrap_or_default();
        held.map(|held| held.into_container(processes))
            .map_err(|errno| LifeError::call(format!("look at the init of '{}'", self.record.name), errno))
    }

    fn own(&self, made: Made) -> Result<()> {
        let own = Request::Own { made, group: None };
        protocol::ask(self.layout, &self.record.name, &own).map(drop)
    }

    fn disown(&self, made: Made) {
        // What is gone already is nobody's, also where the monitor does not learn of it.
        crate::disregard(protocol::ask(self.layout, &self.record.name, &Request::Disown { made }));
    }

    /// What has been attached is gone again: everything that was not there at the beginning.
    fn disown_all(&self) {
        let Ok(crate::record::Found::Record(now)) = crate::record::read(self.layout, &self.record.name)
        else {
            return;
        };
        // A mount point stays until nobody stands on the root any more: then it is the domain's to remove.
        let new = now.made.into_iter().filter(|made| !self.record.made.contains(made));
        new.filter(|made| !is_there(made)).for_each(|made| self.disown(made));
    }

    /// By what it is known again.
    fn note(&self, attached: &Attached) -> Result<()> {
        let mut all = noted::read(self.layout, self.record)?;
        all.add(attached.noted());
        noted::write(self.layout, self.record, all)
    }

    fn attach(&self, fragment: &Fragment) -> Result<(Attached, Document)> {
        let name = &self.record.name;
        let composed = fragment.within(&self.document)?;
        let failed = |error: &StartError| composed.render("cannot attach a device to", name, error);
        let before = self.prepare(&self.document.domain);
        let after = self.prepare(&composed.domain);
        if after.host.rootless {
            return Err(LifeError::refused(
                "a plain user's container gets its devices when it starts, and only then",
                "use --config and start it again, or start it as root",
            ));
        }
        let new = attach::fresh(&before.plan.before, &after.plan.before);
        for made in monitor::made(new.filter(|entry| is_target(entry)), &after.survey) {
            self.own(made)?;
        }
        let attached =
            attach::attach(&before.plan, &after.plan, &after.host, after.survey, self.container()?);
        let attached = attached.map_err(|error| {
            self.disown_all();
            failed(&error)
        })?;
        match self.finish(fragment, &attached, &after.plan) {
            Ok(new) => Ok((attached, new)),
            Err(error) => {
                drop(attached);
                self.disown_all();
                Err(error)
            }
        }
    }

    /// The links are the domain's to remove, and the new document has their names.
    fn finish(&self, fragment: &Fragment, attached: &Attached, plan: &Plan) -> Result<Document> {
        for link in attached.links() {
            let number = net::number_of(&link)
                .map_err(|errno| LifeError::call(format!("look at the link {link}"), errno))?;
            self.own(Made::Link { name: link, number })?;
        }
        let new = self.document.adding(&["devices"], fragment.text())?;
        if self.kind == Kind::Interface { named(&new, plan) } else { Ok(new) }
    }

    /// Of the document that is `new` afterwards.
    fn detach(&self, wanted: &Domain, new: &Document) -> Result<Detached> {
        let name = &self.record.name;
        let before = self.prepare(&self.document.domain);
        let after = self.prepare(&new.domain);
        let links = links(&before.plan).filter(|link| !self::links(&after.plan).any(|other| other == *link));
        let links: Vec<Link> = links.cloned().collect();
        let mut noted = noted::read(self.layout, self.record)?;
        let (before_survey, container) = (&before.survey, self.container()?);
        let done = detach::detach(&before.plan, &after.plan, before_survey, &container, &noted);
        let mut done = done.map_err(|error| {
            let tried = Tried { cannot: "cannot detach a device from", ..Tried::START };
            let rendered = error.render_as(tried, name, &self.document.source);
            LifeError::Start { rendered, code: 1 }
        })?;
        noted.forget(&done.gone);
        // A note of what is gone is of no other mount or link: it does no harm.
        if let Err(error) = noted::write(self.layout, self.record, noted) {
            done.said.push(format!("what was noted of it stays: {error}"));
        }
        // What was made for it on the host goes with it.
        let known = self.record.made.iter().filter(|made| match made {
            Made::Link { name, .. } => links.iter().any(|link| host_end(link) == Some(name)),
            // With the directories above it that were made for it.
            Made::Target { path, .. } => {
                wanted.filesystems.iter().any(|gone| target_of(gone).starts_with(path))
            }
            Made::Group { .. } => false,
        });
        let known: Vec<Made> = known.cloned().collect();
        let (_, left) = crate::groups::remove(&known);
        if let Some(left) = left.first() {
            return Err(LifeError::refused(left.clone(), ""));
        }
        known.into_iter().filter(|made| !is_there(made)).for_each(|made| self.disown(made));
        Ok(done)
    }
}

fn is_target(entry: &Entry<HostStep>) -> bool {
    matches!(entry.step, HostStep::MakeTarget { .. })
}

/// Whether it is a mount point that is there yet.
fn is_there(made: &Made) -> bool {
    match made {
        Made::Target { root, path, .. } => root.join(path.strip_prefix("/").unwrap_or(path)).exists(),
        _ => false,
    }
}

fn target_of(filesystem: &Filesystem) -> std::path::PathBuf {
    filesystem.target.value.as_str().into()
}

/// The links that a plan makes, in the order of the document's interfaces.
fn links(plan: &Plan) -> impl Iterator<Item = &Link> {
    plan.attend.iter().filter_map(|entry| match &entry.step {
        HostStep::AddInterface(link) if !matches!(link.kind, LinkKind::Moved { .. }) => Some(&**link),
        _ => None,
    })
}

fn host_end(link: &Link) -> Option<&String> {
    match &link.kind {
        LinkKind::Veth(end) => Some(&end.name),
        _ => None,
    }
}

/// The document with the names that its interfaces have by `plan`.
fn named(document: &Document, plan: &Plan) -> Result<Document> {
    let links: Vec<&Link> = links(plan).collect();
    let elements = document.children(&["devices"], Kind::Interface.element());
    if links.len() != elements.len() || links.len() != document.domain.interfaces.len() {
        let why = plan.problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
        return Err(LifeError::refused(
            format!("the network that '{}' was started with is not there any more: {why}", document.name()),
            "start it again",
        ));
    }
    let mut text = document.source.text().to_owned();
    let all = elements.iter().zip(&links).zip(&document.domain.interfaces);
    for (((range, element), link), interface) in all.collect::<Vec<_>>().into_iter().rev() {
        let mut element = (*element).to_owned();
        if let Some(end) = host_end(link)
            && interface.host_name.as_ref().is_none_or(|name| name.value.as_str() != end)
        {
            element = splice(&element, &["target"], Some(&format!("<target dev='{end}'/>")));
        }
        if interface.guest_name.is_none() {
            element = splice(&element, &["guest"], Some(&format!("<guest dev='{}'/>", link.guest_name)));
        }
        if let (None, Some(mac)) = (&interface.mac, link.mac) {
            let mac = MacAddr::new(mac);
            element = splice(&element, &["mac"], Some(&format!("<mac address='{mac}'/>")));
        }
        text.replace_range(range.clone(), &element);
    }
    Document::check(&browndog_xml::source::Source::new(document.source.name(), text))
}

/// The document without the one device that `wanted` describes.
fn without(document: &Document, kind: Kind, wanted: &Domain) -> Result<Document> {
    let domain = &document.domain;
    let places: Vec<Origin> = match kind {
        Kind::Interface => matching(&domain.interfaces, &wanted.interfaces, is_interface, |it| it.origin),
        Kind::Hostdev => {
            matching(&domain.hostdevs, &wanted.hostdevs, |a, b| a.kind == b.kind, |it| it.origin)
        }
        Kind::Disk => matching(&domain.disks, &wanted.disks, |a, b| a.target == b.target, |it| it.origin),
        Kind::Filesystem => {
            matching(&domain.filesystems, &wanted.filesystems, |a, b| a.target == b.target, |it| it.origin)
        }
    };
    let element = kind.element();
    let span = match places.as_slice() {
        [Origin::Xml(span)] => *span,
        [] => {
            return Err(LifeError::refused(
                format!("'{}' has no such {element}", document.name()),
                format!("see 'browndog dumpxml {}'", document.name()),
            ));
        }
        _ => {
            return Err(LifeError::refused(
                format!("'{}' has {} such {element}s", document.name(), places.len()),
                "say which: by <mac>, or by the names that 'browndog dumpxml' shows",
            ));
        }
    };
    let elements = document.children(&["devices"], element);
    let range =
        elements.into_iter().map(|(range, _)| range).find(|range| range.contains(&(span.start as usize)));
    match range {
        Some(range) => document.replacing(range, ""),
        None => Err(LifeError::refused(
            format!("the {element} of '{}' is not where it was read", document.name()),
            "",
        )),
    }
}

fn matching<T>(
    have: &[T],
    wanted: &[T],
    same: impl Fn(&T, &T) -> bool,
    origin: impl Fn(&T) -> Origin,
) -> Vec<Origin> {
    let Some(wanted) = wanted.first() else { return Vec::new() };
    have.iter().filter(|it| same(it, wanted)).map(origin).collect()
}

/// Whether `have` is what `wanted` describes: what that leaves out may be anything.
fn is_interface(have: &Interface, wanted: &Interface) -> bool {
    fn said<T: PartialEq>(have: &Option<T>, wanted: &Option<T>) -> bool {
        wanted.is_none() || have == wanted
    }
    have.kind == wanted.kind
        && said(&have.mac, &wanted.mac)
        && said(&have.guest_name, &wanted.guest_name)
        && said(&have.host_name, &wanted.host_name)
        && (wanted.addresses.is_empty() || have.addresses == wanted.addresses)
}
