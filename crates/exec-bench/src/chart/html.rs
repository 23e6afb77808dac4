//! A page that needs nothing but itself: no script, no font, no image from anywhere.

use std::fmt::Write as _;

use super::svg::{STYLE, escape, inline};
use super::{Page, Table};

const LAYOUT: &str = include_str!("layout.css");

/// The page, with every sample inside: `json` is what `--json` prints.
#[must_use]
pub fn page(page: &Page, json: &str) -> String {
    const PAGE_MARK: &str = rowmill_core::Kind::PAGE_MARK;
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{PAGE_MARK}\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n\
         <style>{STYLE}{LAYOUT}</style>\n</head>\n<body>\n<h1>{0}</h1>\n<dl>",
        escape(&page.title)
    );
    for (name, value) in &page.facts {
        let _ = write!(html, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
    }
    html.push_str("</dl>\n");
    for finding in &page.findings {
        let _ = writeln!(html, "<p class=\"finding\">{}</p>", escape(finding));
    }
    html.push_str("<div class=\"charts\">\n");
    for figure in &page.figures {
        let _ = writeln!(html, "<figure>{}</figure>", inline(figure));
    }
    html.push_str("</div>\n");
    if !page.notes.is_empty() {
        html.push_str("<h2>Notes</h2>\n<ul class=\"notes\">");
        for note in &page.notes {
            let _ = write!(html, "<li>{}</li>", escape(note));
        }
        html.push_str("</ul>\n");
    }
    if !page.tables.is_empty() {
        html.push_str("<h2>Figures</h2>\n");
        page.tables.iter().for_each(|t| table(&mut html, t));
    }
    // Inside a script only the closing tag is markup.
    let json = json.replace("</", "<\\/");
    let _ = write!(
        html,
        "<p class=\"notes\">Every sample is in this page, as JSON: the element with the id \
         <code>samples</code>.</p>\n\
         <script type=\"application/json\" id=\"samples\">{json}</script>\n</body>\n</html>\n"
    );
    html
}

fn table(html: &mut String, Table { title, head, rows }: &Table) {
    let _ = write!(
        html,
        "<details><summary>{}</summary><div class=\"scroll\"><table><tr>",
        escape(title)
    );
    for name in head {
        let _ = write!(html, "<th>{}</th>", escape(name));
    }
    html.push_str("</tr>");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escape(cell));
        }
        html.push_str("</tr>");
    }
    html.push_str("</table></div></details>\n");
}

#[cfg(test)]
mod tests {
    use super::super::{Figure, Kind, Value, standalone};
    use super::*;

    fn example() -> Page {
        let value = |mid: f64| Value { mid, low: mid * 0.9, high: mid * 1.2 };
        let figure = |kind| Figure {
            title: "<speed> & size".to_owned(),
            unit: "GB/s",
            series: vec!["mapped".to_owned(), "it's \"read\"".to_owned()],
            references: vec![("limit".to_owned(), 44.0)],
            kind,
        };
        Page {
            title: "x<y>.npy".to_owned(),
            facts: vec![("machine", "a & b".to_owned())],
            findings: vec!["faster".to_owned()],
            figures: vec![
                figure(Kind::Bars(vec![
                    ("sequential".to_owned(), vec![Some(value(40.0)), None]),
                    ("random".to_owned(), vec![Some(value(0.04)), Some(value(0.0))]),
                ])),
                figure(Kind::Lines(vec![
                    vec![(65_536, value(30.0)), (1 << 20, value(33.0))],
                    vec![],
                ])),
                figure(Kind::Lines(Vec::new())),
                figure(Kind::Bars(vec![("nothing".to_owned(), vec![Some(value(f64::NAN))])])),
            ],
            tables: vec![Table {
                title: "all".to_owned(),
                head: vec!["what", "s"],
                rows: vec![vec!["a<b".to_owned(), "1".to_owned()]],
            }],
            notes: vec!["cold & slow".to_owned()],
        }
    }

    #[test]
    fn pages_need_nothing_else() {
        let html = page(&example(), "{\"file\": \"</script>\"}");
        for outside in ["http://", "https://", "url(", "@import", "src=", "//cdn"] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert_eq!(html.matches("</script>").count(), 1, "JSON does not end its element");
        assert!(html.contains("x&lt;y&gt;.npy") && !html.contains("<y>"));
        assert!(html.contains("prefers-color-scheme:dark") && html.contains("width=device-width"));
        assert!(html.contains("logarithmic"), "40 beside 0.04");
        for number in ["NaN", "inf"] {
            assert!(!html.contains(&format!("\"{number}")), "a coordinate is {number}");
        }
    }

    #[test]
    fn every_element_is_closed() {
        for text in [page(&example(), "{}"), standalone(&example())] {
            let mut open = Vec::new();
            for tag in text.split('<').skip(1).map(|t| t.split('>').next().unwrap_or_default()) {
                let name =
                    tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
                if tag.starts_with('/') {
                    assert_eq!(open.pop(), Some(name));
                } else if !tag.ends_with('/') && !["!DOCTYPE", "meta", "link"].contains(&name) {
                    open.push(name);
                }
            }
            assert_eq!(open, [""; 0]);
        }
        let svg = standalone(&example());
        assert!(
            svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"")
                && svg.contains("prefers-color-scheme")
        );
    }
}
