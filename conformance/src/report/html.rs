//! One self-contained page: the matrix of runtime and kernel by area; each cell opens its facts.

use std::collections::BTreeMap;

use crate::judge::Status;
use crate::run::{Cell, CheckResult, RunReport};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Renders it.
pub(super) fn render(report: &RunReport) -> String {
    let mut out = String::from("<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n");
    out.push_str("<meta name='viewport' content='width=device-width, initial-scale=1'>\n");
    out.push_str("<title>browndog conformance</title>\n<style>\n");
    out.push_str(STYLE);
    out.push_str("</style></head><body>\n<h1>Container conformance</h1>\n");
    out.push_str(&summary(report));
    out.push_str(&matrix(report));
    out.push_str(&latency(report));
    out.push_str(&details(report));
    out.push_str("<script>\n");
    out.push_str(SCRIPT);
    out.push_str("</script>\n</body></html>\n");
    out
}

fn name(cell: &Cell) -> String {
    format!("{} on {}, {}, cgroups {}", cell.runtime, cell.kernel, cell.place, cell.cgroups)
}

fn area(result: &CheckResult) -> &str {
    result.id.split_once('-').map_or(result.id.as_str(), |(area, _)| area)
}

fn summary(report: &RunReport) -> String {
    let mut out = String::from(
        "<table class='summary'><thead><tr><th>Runtime</th><th>Kernel</th><th>Place</th><th>cgroups</th><th>Pass</th><th>Fail</th><th>Known gap</th><th>n/a</th><th>Error</th><th>Time</th></tr></thead><tbody>\n",
    );
    for cell in &report.cells {
        let number = |wanted: &str| {
            let n = cell.results.iter().filter(|r| class(r) == wanted).count();
            format!("<td class='number {}'>{n}</td>", if n == 0 { "zero" } else { wanted })
        };
        out.push_str(&format!(
            "<tr><td title='{}'>{}</td><td>{}</td><td>{}</td><td>{}</td>{}{}{}{}{}<td class='number'>{:.1} s</td></tr>\n",
            escape(&cell.runtime_version),
            escape(&cell.runtime),
            escape(&cell.kernel),
            escape(&cell.place),
            escape(&cell.cgroups),
            number("pass"),
            number("fail"),
            number("known"),
            number("na"),
            number("error"),
            std::time::Duration::from_millis(cell.milliseconds).as_secs_f64(),
        ));
    }
    out.push_str("</tbody></table>\n");
    out
}

/// How a verdict looks: a failure that the table of known gaps explains is told from one that it does not.
fn class(result: &CheckResult) -> &'static str {
    match result.verdict.status {
        Status::Pass => "pass",
        Status::Fail | Status::Error if result.is_known() => "known",
        Status::Fail => "fail",
        Status::NotApplicable => "na",
        Status::Error => "error",
    }
}

/// A row for each area, a column for each runtime and kernel; the worst verdict gives the colour.
fn matrix(report: &RunReport) -> String {
    let mut areas: Vec<&str> = Vec::new();
    for result in report.cells.iter().flat_map(|c| &c.results) {
        if !areas.contains(&area(result)) {
            areas.push(area(result));
        }
    }
    let mut out =
        String::from("<h2>Areas</h2>\n<div class='wide'><table class='matrix'><thead><tr><th>Area</th>");
    for cell in &report.cells {
        out.push_str(&format!(
            "<th>{}<small>{}</small></th>",
            escape(&cell.runtime),
            escape(&format!("{}, {}", cell.kernel, cell.cgroups))
        ));
    }
    out.push_str("</tr></thead><tbody>\n");
    for name in areas {
        out.push_str(&format!("<tr><th>{}</th>", escape(name)));
        for (number, cell) in report.cells.iter().enumerate() {
            let inside: Vec<&CheckResult> = cell.results.iter().filter(|r| area(r) == name).collect();
            let count = |wanted: &str| inside.iter().filter(|r| class(r) == wanted).count();
            let (pass, fail, known, error, na) =
                (count("pass"), count("fail"), count("known"), count("error"), count("na"));
            let worst = match (fail, error, known, pass) {
                (1.., ..) => "fail",
                (_, 1.., ..) => "error",
                (_, _, 1.., _) => "known",
                (_, _, _, 0) => "na",
                _ => "pass",
            };
            let shown =
                if inside.is_empty() { String::new() } else { format!("{pass}/{}", inside.len() - na) };
            out.push_str(&format!(
                "<td class='{worst}'><a href='#c{number}-{}' title='{pass} pass, {fail} fail, {known} known gaps, {error} not carried out, {na} not applicable'>{shown}</a></td>",
                escape(name),
            ));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n<p class='legend'><span class='pass'>pass</span> <span class='fail'>fail</span> <span class='known'>fails, a known gap</span> <span class='error'>error: not carried out</span> <span class='na'>not applicable</span> Passed of those that apply; a click opens what is not a pass.</p>\n");
    out
}

/// Start latencies where the run measured them: a bar to the median and a whisker to the 99th percentile.
fn latency(report: &RunReport) -> String {
    let of = |cell: &Cell, fact: &str| -> Option<f64> {
        cell.results.iter().find_map(|r| r.verdict.observed.get(fact)).and_then(serde_json::Value::as_f64)
    };
    let rows: Vec<(String, f64, f64, f64)> = report
        .cells
        .iter()
        .filter_map(|c| {
            Some((
                format!("{} on {}", c.runtime, c.kernel),
                of(c, "lat.start_to_exit.p50_ms")?,
                of(c, "lat.start_to_exit.p99_ms")?,
                of(c, "lat.floor.p50_ms")?,
            ))
        })
        .collect();
    let Some(most) = rows.iter().map(|r| r.2).reduce(f64::max) else { return String::new() };
    let mut out = String::from(
        "<h2>Start to exit</h2>\n<p>Median as a bar, 99th percentile as a line, the floor (the same program without a container, measured in turns) as a mark. Only what stands in one line was measured side by side.</p>\n",
    );
    let height = rows.len() * 34 + 10;
    out.push_str(&format!("<svg viewBox='0 0 1100 {height}' role='img' aria-label='start latencies'>\n"));
    for (at, (name, median, worst, floor)) in rows.iter().enumerate() {
        let y = at * 34 + 8;
        let x = |ms: f64| 300.0 + ms / most * 420.0;
        out.push_str(&format!(
            "<text x='0' y='{t}'>{}</text><rect x='300' y='{y}' width='{:.1}' height='18'/><line x1='{:.1}' x2='{:.1}' y1='{m}' y2='{m}'/><circle cx='{:.1}' cy='{m}' r='4'/><text x='{:.1}' y='{t}'>{median:.1} ms, 99th {worst:.1}, floor {floor:.1}: {:.1} floors</text>\n",
            escape(name),
            x(*median) - 300.0,
            x(*median),
            x(*worst),
            x(*floor),
            x(*worst) + 8.0,
            median / floor,
            t = y + 14,
            m = y + 9,
        ));
    }
    out.push_str("</svg>\n");
    out
}

fn details(report: &RunReport) -> String {
    let mut out = String::from(
        "<h2>Verdicts</h2>\n<p class='filter'><label>Show <select id='show'><option value='bad'>what is not a pass</option><option value='all'>everything</option></select></label> <label>Find <input id='find' placeholder='id or word'></label></p>\n",
    );
    for (number, cell) in report.cells.iter().enumerate() {
        out.push_str(&format!("<section><h3>{}</h3>\n", escape(&name(cell))));
        let mut by_area: BTreeMap<&str, Vec<&CheckResult>> = BTreeMap::new();
        for result in &cell.results {
            by_area.entry(area(result)).or_default().push(result);
        }
        for (area, results) in by_area {
            out.push_str(&format!("<h4 id='c{number}-{}'>{}</h4>\n", escape(area), escape(area)));
            for result in results {
                out.push_str(&one(result));
            }
        }
        out.push_str("</section>\n");
    }
    out
}

fn one(result: &CheckResult) -> String {
    let verdict = &result.verdict;
    let mut out = format!(
        "<details class='check {}'><summary><b>{}</b> <i>{}</i> <code>{}</code> {}</summary>\n",
        class(result),
        if result.is_known() { "known" } else { verdict.status.word() },
        result.severity.short(),
        escape(&result.id),
        escape(&result.requirement)
    );
    for reason in &verdict.reasons {
        out.push_str(&format!("<p class='reason'>{}</p>", escape(reason)));
    }
    if let Some(gap) = &result.gap {
        let how = if result.is_unexpected() { "passes although it is listed as a gap" } else { "known gap" };
        out.push_str(&format!("<p class='gap'>{how}: {}</p>", escape(gap)));
    }
    out.push_str("<table class='facts'>");
    for (fact, value) in &verdict.observed {
        let text: String = value.to_string().chars().take(600).collect();
        out.push_str(&format!("<tr><th>{}</th><td>{}</td></tr>", escape(fact), escape(&text)));
    }
    out.push_str("</table></details>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&quot;")
}
