//! Numbers and tables as people read them.

use std::time::Duration;

/// A count with separators: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate per second: `98.1 k/s`.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 1e6 => format!("{:.2} M/s", r / 1e6),
        r if r >= 1e4 => format!("{:.1} k/s", r / 1e3),
        r => format!("{r:.0}/s"),
    }
}

/// Bytes: `12.5 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        n if n >= 1 << 30 => format!("{:.1} GiB", n as f64 / f64::from(1 << 30)),
        n if n >= 1 << 20 => format!("{:.1} MiB", n as f64 / f64::from(1 << 20)),
        n if n >= 1 << 10 => format!("{:.1} KiB", n as f64 / 1024.0),
        n => format!("{n} B"),
    }
}

/// A time of microseconds: `820 us`, `12.3 ms`, `4.1 s`.
pub(crate) fn micros(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{:.1} s", us / 1e6),
        us if us >= 1e3 => format!("{:.1} ms", us / 1e3),
        us => format!("{us:.0} us"),
    }
}

/// A span that somebody waits for: `4.2 s`, `3m 05s`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// `1 queue`, `2 queues`.
pub(crate) fn plural(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Rows in columns that stand under each other; columns whose header ends with a blank are
/// aligned to the left, all others to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let wide = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].trim_end().chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(wide).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (column, cell) in cells.enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            let width = widths[column];
            text.push_str(&match header[column].ends_with(' ') {
                true => format!("{gap}{cell:<width$}"),
                false => format!("{gap}{cell:>width$}"),
            });
        }
        text.trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut header.iter().map(|cell| cell.trim_end()));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_scaled() {
        assert_eq!((count(7).as_str(), count(1_234_567).as_str()), ("7", "1,234,567"));
        assert_eq!((rate(98_100.0).as_str(), rate(1.5e6).as_str()), ("98.1 k/s", "1.50 M/s"));
        assert_eq!(span(Duration::from_secs(185)), "3m 05s");
        assert_eq!(
            (plural(1, "queue").as_str(), plural(2, "queue").as_str()),
            ("1 queue", "2 queues")
        );
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [vec!["shares".into(), "7".into()], vec!["a".into(), "1,000".into()]];
        assert_eq!(
            table(&["queue ", "sent"], &rows),
            "queue    sent\nshares      7\na       1,000\n"
        );
    }
}
