//! Which plain scalars are numbers, booleans and null: the core schema of YAML 1.2, as `serde_yaml`
//! reads it.

use serde_yaml::{Number, Value};

/// The value of an unquoted scalar.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(integer) = integer(text, unsigned) {
        return Some(integer);
    }
    let float = match unsigned {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if unsigned == text => f64::NAN,
        // A zero in front, as in postal codes, or too large for 64 bits: a text keeps every digit.
        _ if unsigned.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        _ if unsigned.contains(|c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-')) => {
            return None;
        }
        _ => unsigned.parse().ok().filter(|float: &f64| float.is_finite())?,
    };
    Some(Number::from(if text.starts_with('-') { -float } else { float }))
}

fn integer(text: &str, unsigned: &str) -> Option<Number> {
    let (digits, radix) = if let Some(digits) = unsigned.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = unsigned.strip_prefix("0o") {
        (digits, 8)
    } else if let Some(digits) = unsigned.strip_prefix("0b") {
        (digits, 2)
    } else if unsigned.len() > 1 && unsigned.starts_with('0') {
        return None;
    } else {
        (unsigned, 10)
    };
    // `from_str_radix` would take a second sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    if text.starts_with('-') {
        return i64::from_str_radix(&format!("-{digits}"), radix).ok().map(Number::from);
    }
    u64::from_str_radix(digits, radix).ok().map(Number::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn types_are_those_of_serde_yaml() {
        let scalars = "1 -1 +1 0 00 007 0x1F 0o17 0b11 -0x1F 1.5 -1.5 .5 5. 1e3 1E-3 1e400 .inf -.inf \
            true True TRUE tRue false null Null ~ yes no on 1_000 12:30 1.2.3 2026-01-01 - + . .e \
            18446744073709551615 -9223372036854775808 0x --1 0x-1 1e \
            inf nan infinity 1d 10m abc 0.5 00.5 -0 -0.0 +.inf 1f64";
        for scalar in scalars.split_whitespace().filter(|scalar| *scalar != "-") {
            let reference: Value = serde_yaml::from_str(scalar).unwrap();
            assert_eq!(plain(scalar), reference, "{scalar}");
        }
        assert_eq!(plain("18446744073709551616"), Value::from("18446744073709551616"));
        assert!(matches!(plain(".nan"), Value::Number(number) if number.is_nan()));
    }
}
