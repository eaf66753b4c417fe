//! Figures over something that grows.

use super::Curve;
use super::html::{colour, escaped};

/// One figure per pair of what grows and what is shown.
pub(super) fn curves(list: &[Curve]) -> String {
    let mut text = String::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for curve in list {
        let kind = (curve.over.as_str(), curve.unit.as_str());
        if seen.contains(&kind) {
            continue;
        }
        seen.push(kind);
        let same: Vec<&Curve> =
            list.iter().filter(|other| (other.over.as_str(), other.unit.as_str()) == kind).collect();
        text.push_str(&format!("<h2>{} over {}</h2>", escaped(kind.1), escaped(kind.0)));
        text.push_str(&figure(&same));
    }
    text
}

const LEFT: f64 = 60.0;
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 280.0;

/// About four round numbers from 0 to beyond `highest`: 1, 2 or 5 times a power of ten apart.
fn ticks(highest: f64) -> Vec<f64> {
    let power = 10_f64.powf((highest / 4.0).log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| step * 4.0 >= highest);
    let step = step.unwrap_or(10.0 * power);
    let count = (highest / step).ceil().max(1.0) as u32;
    (0..=count).map(|tick| f64::from(tick) * step).collect()
}

/// As many digits as tell two ticks apart, and no more.
fn label(value: f64, step: f64) -> String {
    let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.digits$}")
}

fn figure(list: &[&Curve]) -> String {
    let points = || list.iter().flat_map(|curve| &curve.points);
    let wide = points().map(|point| point.0).fold(1.0, f64::max);
    let highest = points().map(|point| point.1).fold(0.0, f64::max);
    let marks = ticks(if highest > 0.0 { highest } else { 1.0 });
    let (step, tall) = (marks[1], marks[marks.len() - 1]);
    let x = |value: f64| LEFT + value / wide * (WIDTH - LEFT - 130.0);
    let y = |value: f64| HEIGHT - 24.0 - value / tall * (HEIGHT - 40.0);
    let mut svg = format!("<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img>");
    for value in marks {
        svg.push_str(&format!(
            "<line class=grid x1={LEFT} x2={:.0} y1={1:.1} y2={1:.1} />\
             <text class=soft x={2:.0} y={3:.1} text-anchor=end>{4}</text>",
            WIDTH - 130.0,
            y(value),
            LEFT - 8.0,
            y(value) + 4.0,
            label(value, step)
        ));
    }
    let mut places: Vec<f64> = points().map(|point| point.0).collect();
    places.sort_unstable_by(f64::total_cmp);
    places.dedup();
    let mut labelled = f64::NEG_INFINITY;
    for place in places {
        svg.push_str(&format!(
            "<line class=grid x1={0:.1} x2={0:.1} y1={1:.1} y2={2:.1} />",
            x(place),
            y(0.0),
            y(0.0) + 5.0
        ));
        // Labels that would touch are left away.
        if x(place) - labelled > 30.0 {
            labelled = x(place);
            svg.push_str(&format!(
                "<text class=soft x={labelled:.1} y={HEIGHT} dy=-6 text-anchor=middle>{place:.0}</text>"
            ));
        }
    }
    let mut ends: Vec<f64> = Vec::new();
    for curve in list {
        let path: Vec<String> =
            curve.points.iter().map(|&(a, b)| format!("{:.1},{:.1}", x(a), y(b))).collect();
        let Some(&(a, b)) = curve.points.last() else { continue };
        let mut label = y(b) + 4.0;
        while ends.iter().any(|end| (end - label).abs() < 14.0) {
            label -= 14.0;
        }
        ends.push(label);
        let (name, paint) = (escaped(&curve.name), colour(&curve.name));
        for &(a, b) in &curve.points {
            svg.push_str(&format!(
                "<circle cx={:.1} cy={:.1} r=3.5 fill='{paint}'><title>{name}: {b:.2} at {a:.0}</title></circle>",
                x(a),
                y(b)
            ));
        }
        svg.push_str(&format!(
            "<polyline points='{}' fill=none stroke='{paint}' stroke-width=2.5 />\
             <text x={:.1} y={label:.1} style='fill:{paint}'>{name}</text>",
            path.join(" "),
            x(a) + 8.0
        ));
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_of_one_kind_share_a_figure() {
        let curve = |name: &str, over: &str| Curve {
            name: name.to_owned(),
            over: over.to_owned(),
            unit: "ms".to_owned(),
            points: vec![(0.0, 1.0), (100.0, 1.1)],
        };
        let text = curves(&[curve("a", "x"), curve("b", "x"), curve("a", "y")]);
        assert_eq!(text.matches("<svg").count(), 2);
    }

    #[test]
    fn ticks_are_round_numbers_beyond_the_highest_value() {
        assert_eq!(ticks(3.3), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ticks(620.0), [0.0, 200.0, 400.0, 600.0, 800.0]);
        assert_eq!(
            ticks(0.07).iter().map(|tick| label(*tick, 0.02)).collect::<Vec<_>>().last().unwrap(),
            "0.08"
        );
    }
}
