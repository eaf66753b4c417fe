//! `setmem`, `setmaxmem`, `memtune`, `schedinfo`, `pids`, `cpuset`.

use std::fmt::Write;

use browndog_life::domains::{self, View};
use browndog_life::edit::{Document, escape};
use browndog_life::error::LifeError;
use browndog_life::layout::Layout;
use browndog_life::tune::{self, Scope};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::life::{Format, Outcome, answer};

/// Where a change is made, and how the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Name or uuid.
    domain: String,
    /// Change the domain as it runs.
    #[arg(long)]
    live: bool,
    /// Change its definition.
    #[arg(long)]
    config: bool,
    /// Change it as it runs, or its definition where it does not: what is done without --live and --config.
    #[arg(long, conflicts_with_all = ["live", "config"])]
    current: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Common {
    fn scope(&self) -> Scope {
        Scope { live: self.live, config: self.config }
    }
}

pub(crate) type Edit<'a> = &'a dyn Fn(&Document) -> Result<Document, LifeError>;

/// Makes the change, where there is one, and prints how things are.
pub(crate) fn tune(
    layout: &Layout,
    common: &Common,
    verb: &'static str,
    edit: Option<Edit<'_>>,
    files: &[&str],
    show: impl Fn(&Document) -> Vec<(&'static str, Value)>,
) -> Outcome {
    let name = domains::find(layout, &common.domain)?;
    if let Some(edit) = edit {
        tune::change(layout, &name, verb, common.scope(), edit)?;
    }
    let view = domains::view(layout, &name)?;
    let scope = common.scope().settle(&view, verb)?;
    let documents = tune::documents(layout, &name, scope)?;
    let document = documents.live.as_ref().or(documents.config.as_ref());
    let rows = document.map(&show).unwrap_or_default();
    let kernel = documents.live.as_ref().map(|live| read_back(&view, live, files)).transpose()?;
    let kernel = kernel.unwrap_or_default();
    let mut text = String::new();
    // virsh says nothing after a change; asked without one, it lists.
    if edit.is_none() {
        for (key, value) in &rows {
            put(&mut text, format_args!("{key:<15}: {}", plain(value)));
        }
    }
    for (file, value) in &kernel {
        put(&mut text, format_args!("{file:<15}: {value} (kernel)"));
    }
    let settings: Map<String, Value> = rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let kernel: Map<String, Value> = kernel.into_iter().map(|(file, value)| (file, json!(value))).collect();
    let value = json!({
        "name": name, "live": scope.live, "config": scope.config, "settings": settings, "kernel": kernel,
    });
    Ok(answer(common.format, &text, &value))
}

fn read_back(view: &View, live: &Document, files: &[&str]) -> Result<Vec<(String, String)>, LifeError> {
    let Some(record) = &view.record else { return Ok(Vec::new()) };
    let mut values = tune::kernel(record, live)?;
    values.retain(|(file, _)| files.iter().any(|prefix| file.starts_with(prefix)));
    Ok(values)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "unlimited".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Writing to a String cannot fail.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok());
}

/// A size as virsh takes it: KiB without a unit; `unlimited` or -1 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size(Option<u64>);

fn size(text: &str) -> Result<Size, String> {
    if text == "-1" || text == "unlimited" {
        return Ok(Size(None));
    }
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "k" | "kib" => 1 << 10,
        "b" | "bytes" => 1,
        "kb" => 1000,
        "m" | "mib" => 1 << 20,
        "mb" => 1_000_000,
        "g" | "gib" => 1 << 30,
        "gb" => 1_000_000_000,
        "t" | "tib" => 1 << 40,
        "tb" => 1_000_000_000_000,
        _ => {
            return Err(format!(
                "{unit} is no unit: use b, KiB (the default), MiB, GiB, TiB, or KB, MB, GB, TB"
            ));
        }
    };
    let number: u64 =
        number.parse().map_err(|_| "expected a size such as 65536, 64MiB or unlimited".to_owned())?;
    number
        .checked_mul(factor)
        .map(|bytes| Size(Some(bytes)))
        .ok_or_else(|| "the size is too large".to_owned())
}

/// `<name unit='KiB'>N</name>`, or the element removed.
fn set_size(document: &Document, path: &[&str], size: Size) -> Result<Document, LifeError> {
    let name = path[path.len() - 1];
    let element = size.0.map(|bytes| format!("<{name} unit='KiB'>{}</{name}>", bytes.div_ceil(1024)));
    document.with(path, element.as_deref())
}

pub(crate) fn set_number(document: &Document, path: &[&str], value: i64) -> Result<Document, LifeError> {
    let name = path[path.len() - 1];
    document.with(path, Some(&format!("<{name}>{value}</{name}>")))
}

fn kib(limit: &Option<browndog_xml::domain::Sourced<u64>>) -> Value {
    limit.as_ref().map_or(Value::Null, |limit| json!(limit.value / 1024))
}

fn memory_rows(document: &Document) -> Vec<(&'static str, Value)> {
    let memory = &document.domain.memory;
    vec![
        ("hard_limit", kib(&memory.limit)),
        ("soft_limit", kib(&memory.soft)),
        ("swap_hard_limit", kib(&memory.memory_and_swap)),
    ]
}

/// Set how much memory a domain may use, up to its maximum.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog setmem web 64MiB                 KiB without a unit
  browndog setmem --live --config web 65536")]
pub(crate) struct Setmem {
    #[command(flatten)]
    common: Common,
    /// How much.
    #[arg(value_parser = size)]
    size: Size,
}

impl Setmem {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let asked = self
            .size
            .0
            .ok_or_else(|| LifeError::refused("setmem wants a size", "lift limits with memtune"))?;
        let edit = |document: &Document| {
            let maximum = document.domain.memory.maximum.as_ref().map(|maximum| maximum.value);
            if let Some(maximum) = maximum.filter(|maximum| asked > *maximum) {
                return Err(LifeError::refused(
                    format!(
                        "{} KiB are more than the domain's maximum of {} KiB",
                        asked / 1024,
                        maximum / 1024
                    ),
                    "raise that first with 'browndog setmaxmem', while it does not run",
                ));
            }
            let document = set_size(document, &["currentMemory"], self.size)?;
            set_size(&document, &["memtune", "hard_limit"], self.size)
        };
        tune(layout, &self.common, "setmem", Some(&edit), &["memory."], memory_rows)
    }
}

/// Set the maximum of a domain's memory in its definition.
#[derive(Debug, Args)]
pub(crate) struct Setmaxmem {
    #[command(flatten)]
    common: Common,
    /// How much.
    #[arg(value_parser = size)]
    size: Size,
}

impl Setmaxmem {
    pub(crate) fn perform(mut self, layout: &Layout) -> Outcome {
        if self.common.live {
            return Err(LifeError::refused(
                "the maximum of a domain that runs cannot be changed",
                "use --config and start it again",
            ));
        }
        self.common.config = true;
        let size = self.size;
        let edit = |document: &Document| {
            let mut document = set_size(document, &["memory"], size)?;
            // A current size above the maximum would be no valid document.
            let above = |value: &Option<browndog_xml::domain::Sourced<u64>>| {
                value.as_ref().is_some_and(|value| size.0.is_some_and(|size| value.value > size))
            };
            if above(&document.domain.memory.current) {
                document = set_size(&document, &["currentMemory"], size)?;
            }
            Ok(document)
        };
        tune(layout, &self.common, "setmaxmem", Some(&edit), &["memory."], memory_rows)
    }
}

/// Show or set a domain's memory limits.
#[derive(Debug, Args)]
#[command(after_help = "\
Sizes are KiB without a unit; -1 or unlimited lifts a limit. swap_hard_limit is memory and swap together.

Examples:
  browndog memtune web
  browndog memtune --hard-limit 128MiB --soft-limit 96MiB web")]
pub(crate) struct Memtune {
    #[command(flatten)]
    common: Common,
    /// The limit.
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    hard_limit: Option<Size>,
    /// What is kept to while memory is short.
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    soft_limit: Option<Size>,
    /// Memory and swap together.
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true)]
    swap_hard_limit: Option<Size>,
}

impl Memtune {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let wanted = [
            ("hard_limit", self.hard_limit),
            ("soft_limit", self.soft_limit),
            ("swap_hard_limit", self.swap_hard_limit),
        ];
        let edit = |document: &Document| {
            let mut document = document.clone();
            for (name, size) in wanted {
                if let Some(size) = size {
                    document = set_size(&document, &["memtune", name], size)?;
                }
            }
            Ok(document)
        };
        let any = wanted.iter().any(|(_, size)| size.is_some());
        tune(layout, &self.common, "memtune", any.then_some(&edit), &["memory."], memory_rows)
    }
}

/// Show or set a domain's share of processor time.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog schedinfo web
  browndog schedinfo web --cpu-shares 512
  browndog schedinfo web --set vcpu_quota=50000 --set vcpu_period=100000     half a processor")]
pub(crate) struct Schedinfo {
    #[command(flatten)]
    common: Common,
    /// virsh's way: cpu_shares=N, vcpu_period=US or vcpu_quota=US.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    set: Vec<(&'static str, i64)>,
    /// Share beside others: 1024 is one share.
    #[arg(long, value_name = "COUNT")]
    cpu_shares: Option<i64>,
    /// Length of a period (microseconds).
    #[arg(long, value_name = "US")]
    period: Option<i64>,
    /// Processor time in each period (microseconds); -1 for no bound.
    #[arg(long, value_name = "US", allow_hyphen_values = true)]
    quota: Option<i64>,
}

fn parameter(text: &str) -> Result<(&'static str, i64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let name = match name {
        "cpu_shares" => "shares",
        "vcpu_period" | "global_period" => "period",
        "vcpu_quota" | "global_quota" => "quota",
        _ => return Err(format!("{name} is no parameter: use cpu_shares, vcpu_period or vcpu_quota")),
    };
    Ok((name, value.parse().map_err(|_| "expected a number".to_owned())?))
}

impl Schedinfo {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let mut wanted = self.set;
        wanted.extend(self.cpu_shares.map(|value| ("shares", value)));
        wanted.extend(self.period.map(|value| ("period", value)));
        wanted.extend(self.quota.map(|value| ("quota", value)));
        let edit = |document: &Document| {
            let mut document = document.clone();
            for (name, value) in &wanted {
                document = set_number(&document, &["cputune", name], *value)?;
            }
            Ok(document)
        };
        let rows = |document: &Document| {
            let cpu = &document.domain.cpu;
            vec![
                ("cpu_shares", json!(cpu.shares.as_ref().map_or(1024, |shares| shares.value))),
                ("vcpu_period", json!(cpu.period_us.as_ref().map_or(100_000, |period| period.value))),
                ("vcpu_quota", json!(cpu.quota_us.as_ref().map_or(-1, |quota| quota.value))),
            ]
        };
        let any = !wanted.is_empty();
        tune(layout, &self.common, "schedinfo", any.then_some(&edit), &["cpu."], rows)
    }
}

/// Show or set how many processes and threads a domain may have.
#[derive(Debug, Args)]
pub(crate) struct Pids {
    #[command(flatten)]
    common: Common,
    /// How many.
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

impl Pids {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let edit = |document: &Document| {
            let limit = self.limit.unwrap_or(0);
            let uri = browndog_xml::schema::Namespace::BROWNDOG_URI;
            let element = format!("<browndog:pids xmlns:browndog='{uri}' limit='{limit}'/>");
            document.with(&["browndog:pids"], Some(&element))
        };
        let rows = |document: &Document| vec![("limit", json!(document.domain.pids.value))];
        tune(layout, &self.common, "pids", self.limit.map(|_| &edit as Edit<'_>), &["pids."], rows)
    }
}

/// Show or set which processors and memory nodes a domain may use.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog cpuset web
  browndog cpuset web --cpus 0-1,3")]
pub(crate) struct Cpuset {
    #[command(flatten)]
    common: Common,
    /// Processors.
    #[arg(long, value_name = "SET")]
    cpus: Option<String>,
    /// Memory nodes.
    #[arg(long, value_name = "SET")]
    mems: Option<String>,
}

impl Cpuset {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let edit = |document: &Document| {
            let mut document = document.clone();
            if let Some(cpus) = &self.cpus {
                let count = document.domain.cpu.count.value;
                let element = format!("<vcpu placement='static' cpuset='{}'>{count}</vcpu>", escape(cpus));
                document = document.with(&["vcpu"], Some(&element))?;
            }
            if let Some(mems) = &self.mems {
                let element = format!("<memory mode='strict' nodeset='{}'/>", escape(mems));
                document = document.with(&["numatune", "memory"], Some(&element))?;
            }
            Ok(document)
        };
        let rows = |document: &Document| {
            let domain = &document.domain;
            let cpus = domain.cpu.cpuset.as_ref().map(|cpus| cpus.value.to_string());
            let nodes =
                domain.numa.as_ref().and_then(|numa| numa.nodes.as_ref()).map(|n| n.value.to_string());
            vec![("cpus", json!(cpus)), ("mems", json!(nodes))]
        };
        let any = self.cpus.is_some() || self.mems.is_some();
        tune(layout, &self.common, "cpuset", any.then_some(&edit), &["cpuset."], rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("65536", Some(65_536 << 10))]
    #[case("64MiB", Some(64 << 20))]
    #[case("64M", Some(64 << 20))]
    #[case("1MB", Some(1_000_000))]
    #[case("512b", Some(512))]
    #[case("-1", None)]
    #[case("unlimited", None)]
    fn a_size_is_read_as_virsh_reads_it(#[case] text: &str, #[case] bytes: Option<u64>) {
        assert_eq!(size(text), Ok(Size(bytes)));
    }

    #[rstest]
    #[case("")]
    #[case("MiB")]
    #[case("1xB")]
    #[case("99999999999999999999")]
    #[case("18446744073709551615")]
    fn a_size_that_is_none_is_refused(#[case] text: &str) {
        assert!(size(text).is_err());
    }
}
