//! Bars as SVG, written by hand: a bar for the median, a line from minimum to maximum.

use crate::figures::Figure;
use crate::report::short;
use std::fmt::Write;

const ROW: usize = 26;
const LABEL: f64 = 290.0;
const BAR: f64 = 420.0;
const WIDTH: f64 = 800.0;

/// One bar a figure, without the common `ending` of their names.
pub(crate) fn bars(title: &str, figures: &[&Figure], ending: &str) -> String {
    let most = figures.iter().map(|figure| figure.max).fold(f64::MIN_POSITIVE, f64::max);
    let height = ROW * figures.len() + 50;
    let mut rows = String::new();
    for (index, figure) in figures.iter().enumerate() {
        let label = figure.name.strip_suffix(ending).unwrap_or(&figure.name);
        let written = row(&mut rows, index * ROW + 40, label, figure, BAR / most);
        debug_assert!(written.is_ok(), "a string takes all text");
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"
 font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="12" y="22" font-size="15" font-weight="bold">{title}</text>
{rows}</svg>
"##
    )
}

fn row(out: &mut String, y: usize, label: &str, figure: &Figure, scale: f64) -> std::fmt::Result {
    let color = if label.starts_with("no-op") { "#9aa5b1" } else { "#2f6f4f" };
    let (middle, text) = (y + 8, y + 12);
    let (length, least, most) = (figure.median * scale, figure.min * scale, figure.max * scale);
    let (from, to, end) = (LABEL + least, LABEL + most, LABEL + most + 8.0);
    writeln!(out, r#"<text x="{}" y="{text}" text-anchor="end">{label}</text>"#, LABEL - 8.0)?;
    writeln!(out, r#"<rect x="{LABEL}" y="{y}" width="{length:.1}" height="16" fill="{color}"/>"#)?;
    writeln!(out, r##"<path d="M{from:.1} {middle}H{to:.1}" stroke="#222" stroke-width="1.5"/>"##)?;
    writeln!(out, r#"<text x="{end:.1}" y="{text}">{}</text>"#, short(figure.median))
}
