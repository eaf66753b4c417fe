//! The result as a table.

use std::fmt::Write;

use crate::stats::{Ratio, Summary};
use crate::steps::Steps;

use super::{Curve, Mechanism, Report, Row, StepCost};

/// The whole report for a terminal or a log.
pub fn table(report: &Report) -> String {
    let mut text = machine(report);
    if !report.subjects.is_empty() {
        text.push_str(&subjects(report));
    }
    if !report.mechanisms.is_empty() {
        text.push_str(&mechanisms(&report.mechanisms));
    }
    if !report.steps.is_empty() {
        text.push_str(&step_table("step of browndog", &report.steps));
        text.push_str(&report.disturbance.map_or_else(String::new, |ratio| disturbance(&ratio) + "\n"));
    }
    if !report.floor_steps.is_empty() {
        text.push_str(&step_table("step of the floor", &report.floor_steps));
    }
    text.push_str(&curves(&report.scaling));
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    if report.subjects.iter().any(|row| row.user_us.is_some()) {
        line(super::ACCOUNTED.to_owned());
    }
    for out in &report.left_out {
        line(format!("left out: {}: {}", out.name, out.reason));
    }
    if report.interrupted {
        line("interrupted: this is what was measured until then".to_owned());
    }
    if let Some(noise) = &report.noise {
        line(format!("noisy: {noise}; compare ratios and minima, not times"));
    }
    text
}

/// The cost of each step, with what the start as a whole takes.
pub fn steps(report: &Report, costs: &Steps) -> String {
    let ms = |ns: u64| format!("{:.3}", ns as f64 / 1e6);
    let whole =
        |name: &str, s: &Summary| format!("{name}: min {} ms, median {} ms\n", ms(s.min), ms(s.median));
    format!(
        "{}{}{}{}{}, {} pairs\n",
        machine(report),
        step_table("step", &costs.steps),
        whole("whole start, plan to clean-up", &costs.plain),
        whole("the same with every step timed", &costs.traced),
        disturbance(&costs.disturbance),
        costs.plain.count
    )
}

/// What looking at the steps cost.
pub(super) fn disturbance(ratio: &Ratio) -> String {
    let percent = |ratio: f64| format!("{:+.2}", ratio * 100.0 - 100.0);
    format!(
        "timing the steps made a start {} % longer (95 %: {} to {})",
        percent(ratio.estimate),
        percent(ratio.low),
        percent(ratio.high)
    )
}

fn machine(report: &Report) -> String {
    let m = &report.machine;
    let under = if m.virtual_machine { ", virtual machine" } else { "" };
    let base = if m.base { ", a base mount namespace" } else { "" };
    format!(
        "{} {}, {} x {}{under}, {} MiB, cgroups {}, {} mounts{base}, load {:.2}\n\n",
        m.architecture, m.kernel, m.cpus, m.processor, m.memory_mib, m.cgroups, m.mounts, m.load
    )
}

fn subjects(report: &Report) -> String {
    let floor = report.row("floor");
    let head = [
        "",
        "min ms",
        "p25",
        "median",
        "p99",
        "x floor min",
        "x floor median",
        "user ms",
        "system",
        "peak KiB",
        "faults",
        "calls",
        "without",
    ];
    let rows = report.subjects.iter().map(|row| cells(row, floor)).collect::<Vec<_>>();
    aligned(&head, &rows)
}

fn cells(row: &Row, floor: Option<&Row>) -> Vec<String> {
    let s = &row.summary;
    let ms = |ns: u64| format!("{:.2}", ns as f64 / 1e6);
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let times = |mine: f64, floors: f64| format!("{:.2}", mine / floors);
    vec![
        row.name.clone(),
        ms(s.min),
        ms(s.p25),
        ms(s.median),
        ms(s.p99),
        or_dash(floor.map(|floor| times(s.min as f64, floor.summary.min as f64))),
        or_dash(floor.map(|floor| times(row.best_median(), floor.best_median()))),
        or_dash(row.user_us.map(|us| format!("{:.2}", us / 1e3))),
        or_dash(row.user_us.map(|us| format!("{:.2}", (row.cpu_us - us) / 1e3))),
        or_dash(row.peak_kib.map(|kib| kib.to_string())),
        or_dash(row.faults.map(|faults| faults.to_string())),
        or_dash(row.system_calls.map(|calls| calls.to_string())),
        row.lacks.join(", "),
    ]
}

fn mechanisms(list: &[Mechanism]) -> String {
    let us = |ns: f64| format!("{:+.0}", ns / 1e3);
    let rows = list
        .iter()
        .map(|m| {
            let change = us(m.median as f64 - m.base as f64);
            let plain = |ns: u64| format!("{:.0}", ns as f64 / 1e3);
            vec![m.change.clone(), change, plain(m.median), plain(m.min), m.switch.clone()]
        })
        .collect::<Vec<_>>();
    aligned(&["floor with one thing changed", "change us", "median us", "min us", "switch"], &rows)
}

fn step_table(head: &str, list: &[StepCost]) -> String {
    let longest = list.iter().map(|step| step.min).max().unwrap_or(1).max(1);
    let rows = list
        .iter()
        .map(|step| {
            let bar = "#".repeat((step.min * 40 / longest) as usize);
            let us = |ns: u64| format!("{:.1}", ns as f64 / 1e3);
            vec![step.name.clone(), us(step.min), us(step.median), bar]
        })
        .collect::<Vec<_>>();
    aligned(&[head, "min us", "median us", ""], &rows)
}

fn curves(list: &[Curve]) -> String {
    list.iter().fold(String::new(), |mut text, curve| {
        let points: Vec<String> = curve.points.iter().map(|(x, y)| format!("{x:.0}: {y:.2}")).collect();
        // Writing to a String cannot fail.
        let written =
            writeln!(text, "{}, {} over {}: {}", curve.name, curve.unit, curve.over, points.join(", "));
        debug_assert!(written.is_ok());
        text
    })
}

/// Columns as wide as they need to be; the first and the last read from the left, the others from the right.
fn aligned(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let last = head.len() - 1;
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                0 => format!("{cell:<0$}", widths[0]),
                _ if column == last => cell.clone(),
                _ => format!("{cell:>0$}", widths[column]),
            })
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let head: Vec<String> = head.iter().map(|&word| word.to_owned()).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{body}\n", line(&head))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_of_three_subjects() {
        insta::assert_snapshot!(super::table(&super::super::tests::sample()));
    }
}
