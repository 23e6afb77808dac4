//! Charts as SVG, as wide as a phone: a page puts two side by side where there is room.

use std::fmt::Write as _;

use super::{Figure, Kind, Page, Scale, Value, round, short};

/// The width of every chart, in pixels.
const WIDTH: f64 = 400.0;

/// Room at the left and at the right of what is drawn.
const LEFT: f64 = 8.0;
const RIGHT: f64 = 16.0;

/// The height of a line of text.
const LINE: f64 = 18.0;

/// The number of colours.
const COLOURS: usize = 6;

/// Colours by the reader's preference. Series have `s0` to `s5`.
pub(super) const STYLE: &str = include_str!("style.css");

/// Text that is safe inside HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML cannot represent other control characters.
            c if c.is_control() && c != '\n' && c != '\t' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// All charts of a page below each other, as a file of its own.
#[must_use]
pub fn standalone(page: &Page) -> String {
    let drawn: Vec<Drawing> = page.figures.iter().map(Drawing::of).collect();
    let head = LINE * 2.0;
    let height = head + drawn.iter().map(|d| d.height + LINE).sum::<f64>();
    const CHART_MARK: &str = rowmill_core::Kind::CHART_MARK;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" class=\"chart\">{CHART_MARK}\
         <title>{0}</title><style>{STYLE}</style>\
         <rect width=\"100%\" height=\"100%\" style=\"fill:var(--card)\"/>\
         <text x=\"{LEFT}\" y=\"24\" class=\"title\">{0}</text>",
        escape(&page.title)
    );
    let mut y = head;
    for drawing in drawn {
        let _ = write!(svg, "<g transform=\"translate(0 {y})\">{}</g>", drawing.body);
        y += drawing.height + LINE;
    }
    svg.push_str("</svg>\n");
    svg
}

/// One chart, to be part of an HTML page.
pub(super) fn inline(figure: &Figure) -> String {
    let Drawing { body, height } = Drawing::of(figure);
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{}\">{body}</svg>",
        escape(&figure.title)
    )
}

/// A point of a line.
struct Point {
    x: f64,
    /// The lower quartile, the median and the upper quartile.
    y: [f64; 3],
    /// The text that a browser shows beside the pointer.
    hint: String,
}

/// A chart that is being drawn from the top down.
struct Drawing {
    body: String,
    height: f64,
}

impl Drawing {
    fn of(figure: &Figure) -> Self {
        let mut drawing = Self { body: String::new(), height: 0.0 };
        let scale = figure.scale();
        drawing.text(LEFT, "title", &figure.title);
        let kind = if matches!(scale, Scale::Log { .. }) { ", logarithmic" } else { "" };
        drawing.text(LEFT, "muted", &format!("{}{kind}", figure.unit));
        match &figure.kind {
            Kind::Bars(groups) => drawing.bars(figure, scale, groups),
            Kind::Lines(lines) => drawing.lines(figure, scale, lines),
        }
        drawing.legend(figure);
        drawing
    }

    /// A line of text below what is there.
    fn text(&mut self, x: f64, class: &str, text: &str) {
        self.height += LINE;
        self.text_at((x, self.height - 4.0), class, text);
    }

    fn text_at(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let text = escape(text);
        let _ =
            write!(self.body, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>");
    }

    fn anchored(&mut self, (x, y): (f64, f64), anchor: &str, class: &str, text: &str) {
        let text = escape(text);
        let _ = write!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}\
             </text>"
        );
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ = write!(
            self.body,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        );
    }

    fn bars(&mut self, figure: &Figure, scale: Scale, groups: &[(String, Vec<Option<Value>>)]) {
        const BAR: f64 = 13.0;
        // Behind the longest bar there is room for its number.
        let across = WIDTH - LEFT - RIGHT - 40.0;
        let x = |value: f64| LEFT + scale.place(value) * across;
        let top = self.height + 4.0;
        let mut below = String::new();
        std::mem::swap(&mut below, &mut self.body);
        for (name, values) in groups {
            self.text(LEFT, "halo", name);
            for (i, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                let y = self.height;
                let middle = y + BAR / 2.0 - 1.0;
                let (end, class) = (x(value.mid), i % COLOURS);
                if matches!(scale, Scale::Log { .. }) {
                    // A logarithmic scale has no zero for a bar to start from.
                    self.line((LEFT, middle), (end, middle), &format!("l{class}"));
                    let _ = write!(
                        self.body,
                        "<circle cx=\"{end:.1}\" cy=\"{middle:.1}\" r=\"4.5\" class=\"s{class}\"/>"
                    );
                } else {
                    let (wide, high) = ((end - LEFT).max(1.0), BAR - 2.0);
                    let _ = write!(
                        self.body,
                        "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high}\" \
                         rx=\"2\" class=\"s{class}\"/>"
                    );
                }
                let (low, high) = (x(value.low), x(value.high));
                if high - low > 1.0 {
                    self.line((low, middle), (high, middle), "whisker");
                }
                self.text_at((end.max(high) + 8.0, middle + 4.0), "halo", &short(value.mid));
                self.height += BAR;
            }
        }
        let bottom = self.height + 4.0;
        // The grid lies behind the bars, but its height is known only now.
        std::mem::swap(&mut below, &mut self.body);
        for tick in scale.ticks() {
            self.line((x(tick), top), (x(tick), bottom), "grid");
        }
        for (_, value) in &figure.references {
            self.line((x(*value), top), (x(*value), bottom), "reference");
        }
        self.body.push_str(&below);
        self.height = bottom;
        for tick in scale.ticks() {
            let anchor = if x(tick) < LEFT + 12.0 { "start" } else { "middle" };
            self.anchored((x(tick), bottom + 13.0), anchor, "muted", &round(tick));
        }
        self.height += LINE;
    }

    fn lines(&mut self, figure: &Figure, scale: Scale, lines: &[Vec<(u64, Value)>]) {
        const AXIS: f64 = 34.0;
        const HIGH: f64 = 210.0;
        let top = self.height + 8.0;
        let bottom = top + HIGH;
        let y = |value: f64| bottom - scale.place(value) * HIGH;
        let sizes = || lines.iter().flatten().map(|(size, _)| *size);
        let (first, last) = (sizes().min().unwrap_or(1).max(1), sizes().max().unwrap_or(2));
        let log = |size: u64| (size.max(1) as f64).log2();
        let wide = (log(last) - log(first)).max(1.0);
        let x = |size: u64| {
            LEFT + AXIS + (log(size) - log(first)) / wide * (WIDTH - LEFT - AXIS - RIGHT)
        };
        for tick in scale.ticks() {
            self.line((LEFT + AXIS, y(tick)), (WIDTH - RIGHT, y(tick)), "grid");
            self.anchored((LEFT + AXIS - 6.0, y(tick) + 4.0), "end", "muted", &round(tick));
        }
        let powers = log(first).ceil() as u32..=log(last).floor() as u32;
        let step = powers.clone().count().div_ceil(7).max(1);
        for power in powers.step_by(step) {
            let at = x(1 << power);
            self.line((at, bottom), (at, bottom + 4.0), "grid");
            let anchor = if at > WIDTH - RIGHT - 16.0 { "end" } else { "middle" };
            let end = if anchor == "end" { WIDTH - 4.0 } else { at };
            self.anchored((end, bottom + 17.0), anchor, "muted", &size_name(1 << power));
        }
        for (_, value) in &figure.references {
            self.line((LEFT + AXIS, y(*value)), (WIDTH - RIGHT, y(*value)), "reference");
        }
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            let name = figure.series.get(i).map_or("", String::as_str);
            let point = |(size, v): &(u64, Value)| Point {
                x: x(*size),
                y: [v.low, v.mid, v.high].map(y),
                hint: format!("{name}, {}: {} {}", size_name(*size), short(v.mid), figure.unit),
            };
            self.curve(i % COLOURS, &line.iter().map(point).collect::<Vec<_>>());
        }
        for (name, value) in &figure.references {
            self.anchored((WIDTH - RIGHT, y(*value) - 4.0), "end", "muted halo", name);
        }
        self.height = bottom + LINE + 4.0;
    }

    /// A line through points, with a band around it and a hint on each point.
    fn curve(&mut self, class: usize, points: &[Point]) {
        let at = |p: &Point, which: usize| format!("{:.1},{:.1}", p.x, p.y[which]);
        let upper = points.iter().map(|p| at(p, 2));
        let band: Vec<String> = upper.chain(points.iter().rev().map(|p| at(p, 0))).collect();
        let line: Vec<String> = points.iter().map(|p| at(p, 1)).collect();
        let _ = write!(
            self.body,
            "<polygon points=\"{}\" class=\"band s{class}\"/>\
             <polyline points=\"{}\" class=\"line l{class}\"/>",
            band.join(" "),
            line.join(" "),
        );
        for Point { x, y: [_, y, _], hint } in points {
            let hint = escape(hint);
            let _ = write!(
                self.body,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" class=\"s{class}\">\
                 <title>{hint}</title></circle>",
            );
        }
    }

    /// The legend: the meaning of the colours and dashed lines, two to a line.
    fn legend(&mut self, figure: &Figure) {
        let named =
            figure.series.iter().enumerate().map(|(i, name)| (Some(i % COLOURS), name.clone()));
        let named = named.filter(|_| figure.series.len() > 1);
        let dashed = figure.references.iter();
        let dashed = dashed.map(|(name, value)| (None, format!("{name}: {}", short(*value))));
        let all: Vec<_> = named.chain(dashed).collect();
        for pair in all.chunks(2) {
            self.height += LINE;
            for (column, (colour, name)) in pair.iter().enumerate() {
                let (x, y) = (LEFT + column as f64 * (WIDTH - LEFT) / 2.0, self.height - 4.0);
                match colour {
                    Some(colour) => {
                        let _ = write!(
                            self.body,
                            "<rect x=\"{x}\" y=\"{:.1}\" width=\"14\" height=\"10\" rx=\"2\" \
                             class=\"s{colour}\"/>",
                            y - 9.0
                        );
                    }
                    None => self.line((x, y - 4.0), (x + 14.0, y - 4.0), "reference"),
                }
                self.text_at((x + 20.0, y), "", name);
            }
        }
        let spread = match figure.kind {
            Kind::Bars(_) => "line across: the middle half of the runs",
            Kind::Lines(_) => "band: the middle half of the runs",
        };
        self.text(LEFT, "muted", spread);
        self.height += 6.0;
    }
}

/// A size in bytes.
fn size_name(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 30 => format!("{} GiB", round(b as f64 / f64::from(1 << 30))),
        b if b >= 1 << 20 => format!("{} MiB", round(b as f64 / f64::from(1 << 20))),
        b if b >= 1 << 10 => format!("{} KiB", round(b as f64 / f64::from(1 << 10))),
        b => format!("{b} B"),
    }
}
