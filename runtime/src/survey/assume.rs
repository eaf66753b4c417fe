//! A survey without a look: everything a domain names is there.

use browndog_xml::domain::{Domain, FilesystemSource, Origin};

use super::{
    Contents, Found, Kind, NO_ROOT, NODE, NODES, Purpose, Survey, blkio, devices, host_path, is_root,
};

impl Survey {
    /// Everything `domain` names, assumed to be there and what it has to be: for plans that are printed,
    /// compared and explained, and never started.
    pub fn assume(domain: &Domain, bind_nodes: bool) -> Self {
        let mut survey = Self::default();
        let mut assume = |purpose, path: &str, origin: Origin, kind| {
            let found = Found {
                purpose,
                path: path.to_owned(),
                origin,
                kind: Ok(kind),
                owner: None,
                below: Vec::new(),
                contents: Some(Contents::Filesystem("ext4")),
                fd: None,
            };
            survey.found.push(found);
        };
        let kind_of = |source: &FilesystemSource| match source {
            FilesystemSource::Block(_) => Kind::Block(0),
            FilesystemSource::Image { .. } => Kind::File,
            _ => Kind::Directory,
        };
        match domain.filesystems.iter().find(|filesystem| is_root(filesystem)) {
            Some(root) if host_path(root).is_some() => {
                let (path, origin) = host_path(root).expect("just asked");
                assume(Purpose::Root, &path, origin, kind_of(&root.source));
            }
            _ => assume(Purpose::Root, "/", NO_ROOT, Kind::Directory),
        }
        for (index, filesystem) in domain.filesystems.iter().enumerate() {
            if let (false, Some((path, origin))) = (is_root(filesystem), host_path(filesystem)) {
                assume(Purpose::Filesystem(index), &path, origin, kind_of(&filesystem.source));
            }
        }
        for (index, device) in devices::declared(domain).iter().enumerate() {
            let path = match &device.source {
                devices::Source::Path(path) => path.clone(),
                devices::Source::Usb(_) => "/dev/bus/usb/001/001".to_owned(),
            };
            let kind = if device.block { Kind::Block(0) } else { Kind::Char(0) };
            assume(Purpose::Device(index), &path, device.origin, kind);
        }
        if bind_nodes {
            for (index, (name, ..)) in NODES.iter().enumerate() {
                assume(Purpose::Node(index), &format!("/dev/{name}"), NODE, Kind::Char(0));
            }
        }
        survey.targets = domain.filesystems.iter().map(|_| Some(Ok(Kind::Directory))).collect();
        survey.masks = domain.extension.masks.iter().map(|_| Ok(Kind::Directory)).collect();
        survey.linked_masks = vec![false; survey.masks.len()];
        survey.kernel_targets = [true; 3];
        survey.network = crate::net::facts::Facts::assume(domain);
        survey.blkio = blkio::Blkio::assume(domain);
        survey.assume_shared(domain);
        survey
    }
}
