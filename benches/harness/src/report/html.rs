//! The result as one page that needs nothing but itself.

use super::{Mechanism, Report, Row, StepCost, text};
use crate::report::html_curves::curves;

const STYLE: &str = "
:root { --ink:#1c1b19; --soft:#6b675f; --line:#ddd8cd; --paper:#fbfaf7; --ours:#b4511a; --floor:#1c1b19; --peer:#8b9db3;
  --bwrap:#2f7d6b; --crun:#3566a8; --runc:#7a4fa3; --youki:#a3834f; --lxc:#5f7a33; }
@media (prefers-color-scheme: dark) {
  :root { --ink:#ece9e2; --soft:#a39d92; --line:#3a3732; --paper:#191816; --ours:#f0914f; --floor:#ece9e2; --peer:#6f87a5;
  --bwrap:#5fbfa8; --crun:#7fa8e6; --runc:#b791dd; --youki:#d6b77f; --lxc:#a3c26b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 74rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .3rem; } p { color: var(--soft); margin: .2rem 0 .6rem; }
.noise { color: var(--ours); font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
th, td { padding: .2rem .7rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child, td:last-child, th:last-child { text-align: left; }
td:last-child { white-space: normal; color: var(--soft); min-width: 11rem; font-size: .85em; line-height: 1.3; }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); }
";

/// The page.
pub fn page(report: &Report) -> String {
    let m = &report.machine;
    let facts = format!(
        "{} {}, {} × {}{}, {} MiB, cgroups {}, {} mounts{}, load {:.2}",
        m.architecture,
        m.kernel,
        m.cpus,
        escaped(&m.processor),
        if m.virtual_machine { " (virtual machine)" } else { "" },
        m.memory_mib,
        m.cgroups,
        m.mounts,
        if m.base { ", a base mount namespace" } else { "" },
        m.load
    );
    let mut body = format!("<h1>Container start</h1><p>{facts}</p>");
    if let Some(noise) = &report.noise {
        body.push_str(&format!(
            "<p class=noise>Noisy: {}. Compare ratios and minima, not times.</p>",
            escaped(noise)
        ));
    }
    if report.interrupted {
        body.push_str("<p class=noise>Interrupted: this is what was measured until then.</p>");
    }
    if !report.subjects.is_empty() {
        body.push_str(
            "<h2>Start to exit, whole process</h2><p>Line: minimum to 99 of 100. Box: the middle half. \
            Tick: median. Logarithmic; further left is faster.</p>",
        );
        body.push_str(&distributions(&report.subjects));
        body.push_str(&table(report));
    }
    if !report.steps.is_empty() {
        body.push_str(
            "<h2>Where the time goes</h2><p>Each step of the plan, from inside; the bar is the minimum, \
            the number the minimum and the median.</p>",
        );
        body.push_str(&waterfall(&report.steps));
        if let Some(ratio) = &report.disturbance {
            body.push_str(&format!("<p>{}.</p>", escaped(&text::disturbance(ratio))));
        }
    }
    if !report.mechanisms.is_empty() {
        body.push_str(
            "<h2>What each mechanism costs</h2><p>The floor with one thing left out or swapped; \
            difference of medians.</p>",
        );
        body.push_str(&mechanisms(&report.mechanisms));
    }
    body.push_str(&curves(&report.scaling));
    let out: String = report
        .left_out
        .iter()
        .map(|out| format!("<li>{}: {}</li>", escaped(&out.name), escaped(&out.reason)))
        .collect();
    if !out.is_empty() {
        body.push_str(&format!("<h2>Left out</h2><ul>{out}</ul>"));
    }
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Container start</title><style>{STYLE}</style>{body}</html>\n"
    )
}

/// Text without a meaning for HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// The colour of a name, the same in every figure.
pub(super) fn colour(name: &str) -> &'static str {
    match name {
        "browndog" => "var(--ours)",
        "floor" | "floor-hardened" | "bare" => "var(--floor)",
        "bwrap" => "var(--bwrap)",
        "crun" => "var(--crun)",
        "runc" => "var(--runc)",
        "youki" => "var(--youki)",
        "lxc-execute" => "var(--lxc)",
        _ => "var(--peer)",
    }
}

fn ms(ns: f64) -> f64 {
    ns / 1e6
}

const LABEL: f64 = 130.0;
const WIDTH: f64 = 900.0;
const RIGHT: f64 = 60.0;

/// A logarithmic scale from `low` to `high` milliseconds onto the drawing.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(rows: &[Row]) -> Self {
        let low = rows.iter().map(|row| ms(row.summary.min as f64)).fold(f64::INFINITY, f64::min);
        let high = rows.iter().map(|row| ms(row.summary.p99 as f64)).fold(0.0, f64::max);
        Self { low: low.max(1e-4) * 0.9, high: high.max(1e-3) * 1.1 }
    }
    fn x(&self, ms: f64) -> f64 {
        LABEL + (ms.max(self.low) / self.low).ln() / (self.high / self.low).ln() * (WIDTH - LABEL - RIGHT)
    }
    /// 1, 2 and 5 times every power of ten in between.
    fn ticks(&self) -> Vec<f64> {
        let powers = (-4..6).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        powers.filter(|tick| (self.low..=self.high).contains(tick)).collect()
    }
}

fn distributions(rows: &[Row]) -> String {
    let scale = Scale::of(rows);
    let height = rows.len() as f64 * 30.0 + 30.0;
    let mut svg = format!("<svg viewBox='0 0 {WIDTH} {height}' role=img aria-label='distributions'>");
    for tick in scale.ticks() {
        let x = scale.x(tick);
        svg.push_str(&format!(
            "<line class=grid x1={x:.1} x2={x:.1} y1=0 y2={:.0} />\
             <text class=soft x={x:.1} y={:.0} text-anchor=middle>{tick} ms</text>",
            height - 24.0,
            height - 6.0
        ));
    }
    for (index, row) in rows.iter().enumerate() {
        let y = index as f64 * 30.0 + 15.0;
        let s = &row.summary;
        let at = |ns: u64| scale.x(ms(ns as f64));
        let paint = colour(&row.name);
        svg.push_str(&format!(
            "<g><title>{name}: min {:.3}, median {:.3}, p99 {:.3} ms, {} starts</title>\
             <text x=0 y={:.0}>{name}</text>\
             <line x1={:.1} x2={:.1} y1={y} y2={y} stroke='{paint}' stroke-width=2 />\
             <rect x={:.1} width={:.1} y={} height=14 fill='{paint}' opacity=.55 rx=2 />\
             <line x1={m:.1} x2={m:.1} y1={} y2={} stroke='{paint}' stroke-width=3 /></g>",
            ms(s.min as f64),
            ms(s.median as f64),
            ms(s.p99 as f64),
            s.count,
            y + 4.0,
            at(s.min),
            at(s.p99),
            at(s.p25),
            (at(s.p75) - at(s.p25)).max(1.0),
            y - 7.0,
            y - 9.0,
            y + 9.0,
            name = escaped(&row.name),
            m = at(s.median),
        ));
    }
    svg + "</svg>"
}

fn table(report: &Report) -> String {
    let floor = report.row("floor");
    let dash = || "–".to_owned();
    let mut text = "<div class=wide><table><tr><th><th>min ms<th>p25<th>median<th>p99<th>× floor, min<th>× floor, median\
        <th>user ms<th>system<th>peak KiB<th>faults<th>calls<th>without"
        .to_owned();
    for row in &report.subjects {
        let s = &row.summary;
        let times = |mine: f64, floors: f64| format!("{:.2}", mine / floors);
        text.push_str(&format!(
            "<tr><td title='{}'>{}<td>{:.2}<td>{:.2}<td>{:.2}<td>{:.2}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            escaped(&row.version),
            escaped(&row.name),
            ms(s.min as f64),
            ms(s.p25 as f64),
            ms(s.median as f64),
            ms(s.p99 as f64),
            floor.map_or_else(dash, |floor| times(s.min as f64, floor.summary.min as f64)),
            floor.map_or_else(dash, |floor| times(row.best_median(), floor.best_median())),
            row.user_us.map_or_else(dash, |us| format!("{:.2}", us / 1e3)),
            row.user_us.map_or_else(dash, |us| format!("{:.2}", (row.cpu_us - us) / 1e3)),
            row.peak_kib.map_or_else(dash, |kib| kib.to_string()),
            row.faults.map_or_else(dash, |faults| faults.to_string()),
            row.system_calls.map_or_else(dash, |calls| calls.to_string()),
            escaped(&row.lacks.join(", ")),
        ));
    }
    text + "</table></div><p>" + super::ACCOUNTED
}

/// Bars one after the other, each where its step begins.
fn waterfall(steps: &[StepCost]) -> String {
    let total: u64 = steps.iter().map(|step| step.min).sum::<u64>().max(1);
    let label = 300.0;
    let height = steps.len() as f64 * 20.0 + 6.0;
    let mut svg = format!("<svg viewBox='0 0 {WIDTH} {height}' role=img aria-label='steps'>");
    let mut before = 0;
    for (index, step) in steps.iter().enumerate() {
        let y = index as f64 * 20.0;
        let x = |ns: u64| label + ns as f64 / total as f64 * (WIDTH - label - 130.0);
        let width = (x(before + step.min) - x(before)).max(1.0);
        svg.push_str(&format!(
            "<text x=0 y={:.0}>{}</text><rect x={:.1} y={} width={width:.1} height=14 fill='var(--ours)' rx=1 />\
             <text class=soft x={:.1} y={:.0}>{:.0} / {:.0} µs</text>",
            y + 14.0,
            escaped(&step.name),
            x(before),
            y + 3.0,
            x(before) + width + 6.0,
            y + 14.0,
            step.min as f64 / 1e3,
            step.median as f64 / 1e3,
        ));
        before += step.min;
    }
    svg + "</svg>"
}

fn mechanisms(list: &[Mechanism]) -> String {
    let change = |m: &Mechanism| (m.median as f64 - m.base as f64) / 1e3;
    let widest = list.iter().map(|m| change(m).abs()).fold(1.0, f64::max);
    let (label, middle) = (330.0, 620.0);
    let height = list.len() as f64 * 20.0 + 6.0;
    let mut svg = format!(
        "<svg viewBox='0 0 {WIDTH} {height}' role=img aria-label='mechanisms'>\
         <line class=grid x1={middle} x2={middle} y1=0 y2={height} />"
    );
    for (index, mechanism) in list.iter().enumerate() {
        let (y, us) = (index as f64 * 20.0, change(mechanism));
        let width = us.abs() / widest * (middle - label - 60.0);
        let x = if us < 0.0 { middle - width } else { middle };
        let (at, anchor) = if us < 0.0 { (x - 6.0, "end") } else { (x + width + 6.0, "start") };
        svg.push_str(&format!(
            "<text x=0 y={:.0}>{}</text><rect x={x:.1} y={} width={width:.1} height=14 fill='var(--peer)' rx=1 />\
             <text class=soft x={at:.1} y={:.0} text-anchor={anchor}>{us:+.0} µs</text>",
            y + 14.0,
            escaped(&mechanism.change),
            y + 3.0,
            y + 14.0,
        ));
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_but_itself() {
        let page = page(&super::super::tests::sample());
        assert!(!page.contains("http") && !page.contains("src=") && !page.contains("href="));
        assert!(page.contains("browndog") && page.contains("not on PATH"));
    }

    #[test]
    fn a_name_cannot_become_markup() {
        assert_eq!(escaped("<b a='1'>&"), "&lt;b a=&#39;1&#39;&gt;&amp;");
    }
}
