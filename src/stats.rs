//! `stats` and `top`: what domains use.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use browndog_life::domains::{self, View};
use browndog_life::layout::Layout;
use browndog_life::stats::{self, Stats};
use browndog_life::stop;
use browndog_life::wait::key_within;
use browndog_runtime::exec::terminal::Raw;
use browndog_runtime::sys::monitor::window_size;
use browndog_xml::visible::visible;
use clap::Args;
use serde_json::{Value, json};

use crate::exit::Status;
use crate::life::{Format, Outcome, answers};
use crate::out::complain;

/// Print what domains use: processor, memory, disks, processes, network, pressure.
#[derive(Debug, Args)]
#[command(after_help = "\
What this machine does not count is left out (in JSON: null).

Examples:
  browndog stats                            every domain that runs
  browndog stats web --format json | jq .[0].memory.current")]
pub(crate) struct StatsArgs {
    /// Name or uuid; every domain that runs without.
    domain: Option<String>,
    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn views(layout: &Layout, argument: Option<&str>) -> Result<Vec<View>, browndog_life::error::LifeError> {
    if let Some(argument) = argument {
        let view = domains::view(layout, &domains::find(layout, argument)?)?;
        return if view.phase.is_active() {
            Ok(vec![view])
        } else {
            Err(stop::not_running(&view, "measure"))
        };
    }
    let mut views = Vec::new();
    for name in domains::entries(&layout.domains())? {
        // One that is just going has nothing to be measured.
        views.extend(domains::view(layout, &name).ok().filter(|view| view.phase.is_active()));
    }
    views.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(views)
}

fn measured(view: &View) -> Stats {
    view.record.as_ref().map(stats::read).unwrap_or_default()
}

impl StatsArgs {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let all: Vec<(View, Stats)> = views(layout, self.domain.as_deref())?
            .into_iter()
            .map(|view| {
                let stats = measured(&view);
                (view, stats)
            })
            .collect();
        let json = |(view, stats): &(View, Stats)| {
            let mut value = serde_json::to_value(stats).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                crate::disregard(object.insert("name".to_owned(), json!(view.name)));
                crate::disregard(object.insert("state".to_owned(), json!(view.phase.word())));
            }
            value
        };
        let values: Vec<Value> = all.iter().map(json).collect();
        let text = || all.iter().map(|(view, stats)| rows(view, stats)).collect();
        Ok(answers(self.format, text, &values))
    }
}

/// virsh's form: `Domain: 'web'` and `  key=value` lines, the keys being the paths of the JSON form.
fn rows(view: &View, stats: &Stats) -> String {
    let mut text = String::new();
    put(&mut text, format_args!("Domain: '{}'", view.name));
    put(&mut text, format_args!("  state={}", view.phase.word()));
    flatten("", &serde_json::to_value(stats).unwrap_or_default(), &mut text);
    text
}

fn flatten(path: &str, value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, text);
            }
        }
        Value::Null => {}
        value => put(text, format_args!("  {path}={value}")),
    }
}

/// Writing to a String cannot fail.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok());
}

/// Show what domains use, as it changes; leave with q.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Look again after this long (seconds).
    #[arg(long, short, value_name = "SECONDS", default_value_t = 2)]
    delay: u64,
    /// End after this many looks; without a terminal one look is printed.
    #[arg(long, short = 'n', value_name = "COUNT")]
    iterations: Option<u64>,
}

/// The screen cleared, the cursor hidden; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H\x1b[J";

impl Top {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let live = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        let raw = live.then(Raw::stdin).and_then(Result::ok);
        if raw.is_some() {
            // Where nothing can be written, the first look says so.
            crate::disregard(show(ENTER));
        }
        let result = self.looks(layout, raw.is_some());
        if raw.is_some() {
            crate::disregard(show(LEAVE));
        }
        drop(raw);
        result
    }

    fn looks(&self, layout: &Layout, live: bool) -> Outcome {
        let delay = Duration::from_secs(self.delay.max(1));
        let mut before: BTreeMap<String, Stats> = BTreeMap::new();
        let most = self.iterations.unwrap_or(if live { u64::MAX } else { 1 });
        for look in 0..most {
            let now: BTreeMap<String, Stats> = views(layout, None)?
                .into_iter()
                .map(|view| {
                    let stats = measured(&view);
                    (view.name, stats)
                })
                .collect();
            let table = table(&before, &now, live);
            if !show(&if live { format!("{HOME}{}", table.replace('\n', "\r\n")) } else { table }) {
                return Ok(Status::BROKEN_PIPE);
            }
            before = now;
            if look + 1 < most {
                match live {
                    true if wants_to_leave(delay) => break,
                    true => {}
                    false => std::thread::sleep(delay),
                }
            }
        }
        Ok(Status::DONE)
    }
}

fn show(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Waits, unless q, Escape or Ctrl-C is typed.
fn wants_to_leave(delay: Duration) -> bool {
    match key_within(std::io::stdin().as_fd(), delay) {
        Ok(Some(key)) => matches!(key, b'q' | b'Q' | 0x1b | 0x03),
        Ok(None) => false,
        Err(error) => {
            complain(&error.to_string(), None);
            true
        }
    }
}

fn table(before: &BTreeMap<String, Stats>, now: &BTreeMap<String, Stats>, live: bool) -> String {
    let mut rows: Vec<(f64, String)> = now
        .iter()
        .map(|(name, stats)| {
            let share = before.get(name).and_then(|before| cpu_share(before, stats));
            (share.unwrap_or(0.0), row(name, stats, share))
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut text = String::new();
    if live {
        put(&mut text, format_args!("browndog top: {} running, q to leave", now.len()));
    }
    let head = format!(
        "{:<24} {:>6} {:>9} {:>9} {:>5} {:>10} {:>10} {:>4}",
        "NAME", "CPU%", "MEM", "LIMIT", "PIDS", "RX", "TX", "OOM"
    );
    put(&mut text, format_args!("{head}"));
    let room = if live {
        window_size(std::io::stdout().as_fd()).map_or(24, |(rows, _)| usize::from(rows)).saturating_sub(3)
    } else {
        usize::MAX
    };
    for (_, row) in rows.into_iter().take(room) {
        put(&mut text, format_args!("{row}"));
    }
    text
}

/// Of one processor, in hundredths, between two looks.
fn cpu_share(before: &Stats, now: &Stats) -> Option<f64> {
    let used = now.cpu.usage_us?.checked_sub(before.cpu.usage_us?)?;
    let passed = now.at.checked_sub(before.at).filter(|&ms| ms > 0)?;
    Some(used as f64 / (passed as f64 * 10.0))
}

fn row(name: &str, stats: &Stats, share: Option<f64>) -> String {
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), short);
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let traffic = |of: fn(&stats::Interface) -> u64| -> u64 {
        stats.interfaces.iter().filter(|(name, _)| *name != "lo").map(|(_, interface)| of(interface)).sum()
    };
    let shown: String = visible(name).chars().take(24).collect();
    format!(
        "{shown:<24} {:>6} {:>9} {:>9} {:>5} {:>10} {:>10} {:>4}",
        share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1}")),
        size(stats.memory.current),
        size(stats.memory.limit),
        number(stats.pids.current),
        short(traffic(|interface| interface.rx_bytes)),
        short(traffic(|interface| interface.tx_bytes)),
        number(stats.memory.oom_kills),
    )
}

/// Three digits and a unit.
fn short(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1000.0 {
            return if value < 10.0 && unit != "B" {
                format!("{value:.1} {unit}")
            } else {
                format!("{value:.0} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.0} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_processor_is_fifty_hundredths() {
        let at = |at, usage_us| Stats {
            at,
            cpu: stats::Cpu { usage_us: Some(usage_us), ..stats::Cpu::default() },
            ..Stats::default()
        };
        assert_eq!(cpu_share(&at(1000, 0), &at(3000, 1_000_000)), Some(50.0));
        assert_eq!(cpu_share(&at(1000, 5), &at(3000, 0)), None);
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [0, 999, 1024, 20 << 20, 5 << 40].map(short),
            ["0 B", "999 B", "1.0 KiB", "20 MiB", "5 TiB"]
        );
    }
}
