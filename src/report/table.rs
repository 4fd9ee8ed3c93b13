//! Aligned columns.

use console::{Alignment, measure_text_width, pad_str};

use super::Paint;

/// Between two columns.
const GAP: usize = 2;
/// No column is cut below this many columns of the terminal.
const LEAST: usize = 6;

/// A table with a head line, its columns aligned, ending in a line break; cells may be coloured.
///
/// With a `width`, the widest columns are cut until every line fits; where even that is too wide, lines are cut.
/// A column whose head ends in a space is aligned to the right.
#[must_use]
pub fn table(headers: &[&str], rows: &[Vec<String>], width: Option<usize>, paint: Paint) -> String {
    lines(headers, rows, width, paint).into_iter().map(|line| line + "\n").collect()
}

/// The lines of the table: the head, then one for each row.
pub(super) fn lines(headers: &[&str], rows: &[Vec<String>], width: Option<usize>, paint: Paint) -> Vec<String> {
    let heads: Vec<String> = headers.iter().map(|head| paint.dim(head.trim_end())).collect();
    let mut columns: Vec<usize> = heads.iter().map(|head| measure_text_width(head)).collect();
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            *column = measure_text_width(cell).max(*column);
        }
    }
    if let Some(width) = width {
        fit(&mut columns, width);
    }
    std::iter::once(&heads)
        .chain(rows)
        .map(|row| {
            let cells = columns.iter().enumerate().map(|(i, &column)| {
                let align = if headers[i].ends_with(' ') { Alignment::Right } else { Alignment::Left };
                let cell = paint.cut(row.get(i).map_or("", String::as_str), column);
                pad_str(&cell, column, align, None).into_owned()
            });
            let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
            let line = line.trim_end();
            width.map_or_else(|| line.to_owned(), |width| paint.cut(line, width))
        })
        .collect()
}

/// Takes from the widest column, one by one, until the line fits or nothing more can be taken.
fn fit(columns: &mut [usize], width: usize) {
    let gaps = GAP * columns.len().saturating_sub(1);
    while columns.iter().sum::<usize>() + gaps > width {
        // the last of the widest: names stand on the left and are worth more
        match columns.iter_mut().max() {
            Some(widest) if *widest > LEAST => *widest -= 1,
            _ => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAINT: Paint = Paint { color: false, unicode: true };

    fn sample(width: Option<usize>) -> String {
        let rows = vec![
            vec![
                "keda".into(),
                "2.21.0".into(),
                "0.4 s".into(),
                "1 of 2 replicas available, waiting for Deployment keda/keda-operator".into(),
            ],
            vec!["名前-gateway".into(), "1.9.1".into(), "12.0 s".into(), String::new()],
        ];
        table(&["component", "version", "time ", "reason"], &rows, width, PAINT)
    }

    #[test]
    fn columns_align_by_what_is_seen() {
        insta::assert_snapshot!(sample(None), @"
        component     version    time  reason
        keda          2.21.0    0.4 s  1 of 2 replicas available, waiting for Deployment keda/keda-operator
        名前-gateway  1.9.1    12.0 s
        ");
    }

    #[test]
    fn the_widest_column_is_cut_first() {
        insta::assert_snapshot!(sample(Some(80)), @"
        component     version    time  reason
        keda          2.21.0    0.4 s  1 of 2 replicas available, waiting for Deploymen…
        名前-gateway  1.9.1    12.0 s
        ");
        insta::assert_snapshot!(sample(Some(40)), @"
        component    version    time  reason
        keda         2.21.0    0.4 s  1 of 2 re…
        名前-gatew…  1.9.1    12.0 s
        ");
        assert_eq!(sample(Some(120)), sample(None));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 1..130 {
            assert!(sample(Some(width)).lines().all(|line| measure_text_width(line) <= width), "{width}: {}", sample(Some(width)));
        }
    }
}
