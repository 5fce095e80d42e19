//! Tables for people: a head, rows, columns as wide as their widest cell and two blanks apart; never wrapped.

use crate::escape;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// A table. Cells are escaped when they are put in, so that no cell breaks a line or moves the cursor.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a row. An empty cell is shown as a dash, so that columns can be told apart.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        let shown = |cell: &&str| if cell.is_empty() { "-".to_owned() } else { escape::line(cell) };
        self.rows.push(cells.iter().map(shown).collect());
    }

    /// The whole as comma-separated values (RFC 4180): the head, with small letters, then the rows.
    pub(crate) fn csv(&self) -> String {
        let mut rows = self.rows.iter().map(|row| {
            let cells: Vec<String> =
                row.iter().map(|cell| if cell == "-" { String::new() } else { field(cell) }).collect();
            cells.join(",") + "\n"
        });
        let head = rows.next().unwrap_or_default().to_lowercase().replace(' ', "_");
        rows.fold(head, |text, row| text + &row)
    }

    /// The whole text; nothing at all when there are no rows. Where `width` is given no line is longer: what does not fit is
    /// cut off and ends in `…`.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        if self.rows.len() < 2 {
            return String::new();
        }
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(row.len().max(widths.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let mut output = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width - cell.width() + 2));
            }
            output.push_str(&cut(line.trim_end(), width.unwrap_or(usize::MAX)));
            output.push('\n');
        }
        output
    }
}

/// A field of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe in front (SECURITY-CASES §3, 14).
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// At most `width` columns of the text.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let kept = text.chars().take_while(|c| {
        let columns = c.width().unwrap_or(0);
        let fits = columns <= left;
        left = left.saturating_sub(columns);
        fits
    });
    kept.collect::<String>() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_as_csv_has_no_formula_and_quotes_what_needs_it() {
        let mut table = Table::new(&["NAME", "CAN LOG IN"]);
        table.row(&["a,b \"c\"", ""]);
        table.row(&["=1+1", "no"]);
        assert_eq!(table.csv(), "name,can_log_in\n\"a,b \"\"c\"\"\",\n'=1+1,no\n");
    }

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "SUMMARY"]);
        table.row(&["orders", "db1:5432"]);
        table.row(&["日本", ""]);
        table
    }

    #[test]
    fn columns_line_up_by_what_is_seen() {
        assert_eq!(table().render(None), "NAME    SUMMARY\norders  db1:5432\n日本    -\n");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_never_wrapped() {
        let text = table().render(Some(10));
        assert_eq!(text, "NAME    S…\norders  d…\n日本    -\n");
        assert_eq!(cut("日本語", 4), "日…");
    }

    #[test]
    fn a_cell_cannot_break_its_line() {
        let mut table = Table::new(&["A", "B"]);
        table.row(&["x\ny\x1b[31m", "z"]);
        assert_eq!(table.render(None).lines().count(), 2);
        assert!(!table.render(None).contains('\x1b'));
    }

    #[test]
    fn no_rows_are_no_text() {
        assert_eq!(Table::new(&["A"]).render(None), "");
    }
}
