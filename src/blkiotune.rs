//! `blkiotune`: shares and limits of block devices.

use browndog_life::edit::{Document, escape};
use browndog_life::error::LifeError;
use browndog_life::layout::Layout;
use clap::Args;
use serde_json::{Value, json};

use crate::life::Outcome;
use crate::tune::{Common, set_number, tune};

/// Show or set a domain's share of block devices.
#[derive(Debug, Args)]
#[command(after_help = "\
Lists are DEVICE,VALUE,DEVICE,VALUE…; 0 lifts a limit.

Examples:
  browndog blkiotune web
  browndog blkiotune web --weight 500
  browndog blkiotune web --device-write-bytes-sec /dev/sda,1048576")]
pub(crate) struct Blkiotune {
    #[command(flatten)]
    common: Common,
    /// Share beside others: 10 to 1000.
    #[arg(long, value_name = "WEIGHT")]
    weight: Option<i64>,
    /// Shares of single devices.
    #[arg(long, value_name = "LIST", value_parser = list)]
    device_weights: Option<List>,
    /// Reads a second.
    #[arg(long, value_name = "LIST", value_parser = list)]
    device_read_iops_sec: Option<List>,
    /// Writes a second.
    #[arg(long, value_name = "LIST", value_parser = list)]
    device_write_iops_sec: Option<List>,
    /// Bytes read a second.
    #[arg(long, value_name = "LIST", value_parser = list)]
    device_read_bytes_sec: Option<List>,
    /// Bytes written a second.
    #[arg(long, value_name = "LIST", value_parser = list)]
    device_write_bytes_sec: Option<List>,
}

#[derive(Clone, Debug)]
struct List(Vec<(String, u64)>);

fn list(text: &str) -> Result<List, String> {
    let words: Vec<&str> = text.split(',').collect();
    let pairs = words.chunks(2).map(|pair| match pair {
        [device, value] if device.starts_with('/') => {
            let value = value.parse().map_err(|_| format!("{value} is no number"))?;
            Ok(((*device).to_owned(), value))
        }
        _ => Err("expected DEVICE,VALUE,DEVICE,VALUE…".to_owned()),
    });
    pairs.collect::<Result<_, String>>().map(List)
}

impl Blkiotune {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let lists = [
            ("weight", &self.device_weights),
            ("read_iops_sec", &self.device_read_iops_sec),
            ("write_iops_sec", &self.device_write_iops_sec),
            ("read_bytes_sec", &self.device_read_bytes_sec),
            ("write_bytes_sec", &self.device_write_bytes_sec),
        ];
        let edit = |document: &Document| {
            let mut document = document.clone();
            if let Some(weight) = self.weight {
                document = set_number(&document, &["blkiotune", "weight"], weight)?;
            }
            for (name, list) in lists {
                for (device, value) in list.iter().flat_map(|list| &list.0) {
                    document = set_device(&document, device, name, *value)?;
                }
            }
            Ok(document)
        };
        let rows = |document: &Document| {
            let blkio = &document.domain.blkio;
            let mut rows = vec![("weight", json!(blkio.weight.as_ref().map_or(0, |weight| weight.value)))];
            let number = |value: &Option<browndog_xml::domain::Sourced<u64>>| value.as_ref().map(|v| v.value);
            let devices: Vec<Value> = blkio
                .devices
                .iter()
                .map(|device| {
                    json!({
                        "path": device.path.value.as_str(),
                        "weight": device.weight.as_ref().map(|weight| weight.value),
                        "read_iops_sec": number(&device.read_iops_sec),
                        "write_iops_sec": number(&device.write_iops_sec),
                        "read_bytes_sec": number(&device.read_bytes_sec),
                        "write_bytes_sec": number(&device.write_bytes_sec),
                    })
                })
                .collect();
            rows.push(("devices", Value::from(devices)));
            rows
        };
        let any = self.weight.is_some() || lists.iter().any(|(_, list)| list.is_some());
        tune(layout, &self.common, "blkiotune", any.then_some(&edit), &["blkio.", "io."], rows)
    }
}

/// One limit of one device; the device's element is made where it is not there.
fn set_device(document: &Document, device: &str, name: &str, value: u64) -> Result<Document, LifeError> {
    let path = format!("<path>{}</path>", escape(device));
    let element = format!("<{name}>{value}</{name}>");
    let Some((range, text)) =
        document.children(&["blkiotune"], "device").into_iter().find(|(_, text)| text.contains(&path))
    else {
        return document.adding(&["blkiotune"], &format!("<device>{path}{element}</device>"));
    };
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let changed = match (text.find(&open), text.find(&close)) {
        (Some(from), Some(to)) => format!("{}{element}{}", &text[..from], &text[to + close.len()..]),
        _ => text.replacen("</device>", &format!("{element}</device>"), 1),
    };
    document.replacing(range, &changed)
}
