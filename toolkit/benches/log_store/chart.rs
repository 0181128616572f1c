//! Charts that show how a figure changes while a size grows.

use std::path::Path;

use plotters::prelude::*;

use super::figures::number;

/// A chart. `x` and `y` are the labels of the axes. Each line has a name, and points of x and y.
pub(crate) struct Chart {
    /// The name of the file, without its extension.
    pub(crate) file: &'static str,
    pub(crate) title: String,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

const COLORS: [RGBColor; 4] = [
    RGBColor(0x1f, 0x6f, 0xb4),
    RGBColor(0xd6, 0x60, 0x1c),
    RGBColor(0x6b, 0x6b, 0x6b),
    RGBColor(0x2e, 0x8b, 0x57),
];

impl Chart {
    /// Returns the figures of the chart as a Markdown table.
    pub(crate) fn table(&self) -> String {
        let names: Vec<_> = self.lines.iter().map(|(name, _)| name.as_str()).collect();
        let mut table = format!(
            "| {} | {} |\n|--:|{}\n",
            self.x,
            names.join(" | "),
            "--:|".repeat(names.len())
        );
        let xs = self
            .lines
            .first()
            .map(|(_, points)| points.as_slice())
            .unwrap_or_default();
        for (row, (x, _)) in xs.iter().enumerate() {
            let figures = self
                .lines
                .iter()
                .map(|(_, points)| points.get(row).map_or(String::new(), |(_, y)| number(*y, "")));
            let figures: Vec<_> = figures.collect();
            table += &format!("| {} | {} |\n", number(*x, ""), figures.join(" | "));
        }
        table
    }

    /// Draws the chart into `dir`. Both axes are logarithmic, so that proportional growth is a straight line.
    pub(crate) fn draw(&self, dir: &Path) {
        let path = dir.join(self.file).with_extension("svg");
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let range = |of: fn(&(f64, f64)) -> f64, margin: f64| {
            let low = points().map(of).fold(f64::INFINITY, f64::min);
            let high = points().map(of).fold(0.0, f64::max);
            (low / margin..high * margin).log_scale()
        };
        let area = SVGBackend::new(&path, (760, 440)).into_drawing_area();
        area.fill(&WHITE).unwrap();
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(86)
            .build_cartesian_2d(range(|p| p.0, 1.15), range(|p| p.1, 1.6))
            .unwrap();
        let label = |value: &f64| number(*value, "");
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .light_line_style(TRANSPARENT)
            .draw()
            .unwrap();
        for ((name, points), color) in self.lines.iter().zip(COLORS) {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))
                .unwrap()
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(0xcc, 0xcc, 0xcc))
            .draw()
            .unwrap();
        area.present().unwrap();
    }
}
