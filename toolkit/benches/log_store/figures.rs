//! Formats figures for the report and the charts.

/// Formats a number with about three digits, followed by its unit.
pub(crate) fn number(value: f64, unit: &str) -> String {
    let value = match value.abs() {
        100.0.. => thousands(value),
        _ if value.fract() == 0.0 => format!("{value}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    format!("{value}{unit}")
}

/// Formats a number of bytes.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        1024.. => format!("{} KiB", bytes / 1024),
        _ => format!("{bytes} B"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
