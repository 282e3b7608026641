//! Grok: regular expressions put together from named patterns, `%{NAME:field:type}`.
//!
//! The notation is that of [Logstash](https://www.elastic.co/docs/reference/logstash/plugins/plugins-filters-grok);
//! the patterns are our own, since those there use what a regular expression without backtracking does
//! not have. A pattern here finds what the one of the same name there finds in sound input.

use std::collections::BTreeMap;

use super::field::Field;

/// Names and their patterns, which may use one another.
const PATTERNS: &[(&str, &str)] = &[
    ("BASE10NUM", r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)"),
    ("BASE16NUM", r"[+-]?(?:0[xX])?[0-9A-Fa-f]+"),
    ("DATA", r".*?"),
    ("DATE_EU", r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE_US", r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DAY", r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"),
    ("EMAILADDRESS", r"[\w.!#$%&'*+/=?^`{|}~-]+@%{HOSTNAME}"),
    ("GREEDYDATA", r".*"),
    ("HOSTNAME", r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,62})(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*\.?"),
    ("HOSTPORT", r"%{IPORHOST}:%{POSINT}"),
    ("HOUR", r"(?:2[0-3]|[01]?\d)"),
    ("HTTPDATE", r"%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    ("INT", r"[+-]?\d+"),
    ("IP", r"(?:%{IPV4}|%{IPV6})"),
    ("IPORHOST", r"(?:%{IP}|%{HOSTNAME})"),
    ("IPV4", r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"),
    ("IPV6", r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:%{IPV4}|[0-9A-Fa-f]{0,4})"),
    ("ISO8601_TIMEZONE", r"(?:Z|[+-]%{HOUR}:?%{MINUTE})"),
    (
        "LOGLEVEL",
        r"(?i:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|alert|emerg(?:ency)?|panic)",
    ),
    ("MAC", r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"),
    ("MINUTE", r"[0-5]\d"),
    (
        "MONTH",
        r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)",
    ),
    ("MONTHDAY", r"(?:3[01]|[12]\d|0?[1-9])"),
    ("MONTHNUM", r"(?:1[0-2]|0?[1-9])"),
    ("NONNEGINT", r"\d+"),
    ("NOTSPACE", r"\S+"),
    ("NUMBER", r"%{BASE10NUM}"),
    ("PATH", r"(?:/[^\s?*]*|[A-Za-z]:\\[^\s?*]*)"),
    ("POSINT", r"[1-9]\d*"),
    ("PROG", r"[\w./%@-]+"),
    ("QUOTEDSTRING", r#"(?:"(?:\\.|[^\\"])*"|'(?:\\.|[^\\'])*')"#),
    ("QS", r"%{QUOTEDSTRING}"),
    ("SECOND", r"(?:60|[0-5]?\d)(?:[.,]\d+)?"),
    ("SPACE", r"\s*"),
    ("SYSLOGPROG", r"%{PROG}(?:\[%{POSINT}\])?"),
    ("SYSLOGTIMESTAMP", r"%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("TIME", r"%{HOUR}:%{MINUTE}(?::%{SECOND})?"),
    (
        "TIMESTAMP_ISO8601",
        r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?",
    ),
    ("TZ", r"(?:[A-Z]{3,4})"),
    (
        "URI",
        r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^\s/@]+@)?(?:%{IPORHOST}(?::%{POSINT})?)?%{URIPATHPARAM}?",
    ),
    ("URIHOST", r"%{IPORHOST}(?::%{POSINT})?"),
    ("URIPARAM", r"\?\S*"),
    ("URIPATH", r"/[^\s?]*"),
    ("URIPATHPARAM", r"%{URIPATH}(?:%{URIPARAM})?"),
    ("USER", r"%{USERNAME}"),
    ("USERNAME", r"[A-Za-z0-9._-]+"),
    ("UUID", r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"),
    ("WORD", r"\b\w+\b"),
    ("YEAR", r"(?:\d\d){1,2}"),
];

/// A pattern may use others, but not for ever.
const DEEPEST: usize = 32;

/// The names of all patterns that are there without being defined.
pub fn grok_names() -> impl Iterator<Item = &'static str> + Clone {
    PATTERNS.iter().map(|(name, _)| *name)
}

/// The regular expression that a grok pattern stands for, and its fields that have another type than
/// `string?`. `own` are patterns by name, which come before those that are always there.
///
/// ```
/// let (regex, fields) = squall_components::parse::grok("%{WORD:level} took %{INT:ms:int}", &[])?;
/// assert_eq!(regex, r"(?<level>\b\w+\b) took (?<ms>[+-]?\d+)");
/// assert_eq!(fields[0].name, "ms");
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// The words say what is wrong with it: a pattern that does not exist, or uses itself, a type that is
/// none.
pub fn grok(pattern: &str, own: &[(String, String)]) -> Result<(String, Vec<Field>), String> {
    let known = PATTERNS.iter().map(|(name, pattern)| (*name, *pattern));
    let own = own.iter().map(|(name, pattern)| (name.as_str(), pattern.as_str()));
    let mut expansion =
        Expansion { known: known.chain(own).collect(), regex: String::new(), fields: Vec::new() };
    expansion.expand(pattern, 0)?;
    Ok((expansion.regex, expansion.fields))
}

struct Expansion<'a> {
    known: BTreeMap<&'a str, &'a str>,
    regex: String,
    fields: Vec<Field>,
}

impl Expansion<'_> {
    fn expand(&mut self, pattern: &str, depth: usize) -> Result<(), String> {
        let mut rest = pattern;
        while let Some(start) = rest.find("%{") {
            self.regex.push_str(&rest[..start]);
            let inside = &rest[start + 2..];
            let end = inside.find('}').ok_or_else(|| {
                format!("`{}` is not closed; write %{{NAME}} or %{{NAME:field}}", &rest[start..])
            })?;
            self.reference(&inside[..end], depth)?;
            rest = &inside[end + 1..];
        }
        self.regex.push_str(rest);
        Ok(())
    }

    fn reference(&mut self, reference: &str, depth: usize) -> Result<(), String> {
        let mut parts = reference.splitn(3, ':');
        let (name, field, kind) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let Some(&pattern) = self.known.get(name) else {
            let near = squall_config::did_you_mean(name, self.known.keys().copied());
            let help = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("there is no pattern `{name}`{help}"));
        };
        if depth == DEEPEST {
            return Err(format!("the pattern `{name}` uses itself"));
        }
        let Some(field) = field else {
            self.regex.push_str("(?:");
            self.expand(pattern, depth + 1)?;
            self.regex.push(')');
            return Ok(());
        };
        self.regex.push_str(&format!("(?<{field}>"));
        self.expand(pattern, depth + 1)?;
        self.regex.push(')');
        if let Some(kind) = kind {
            // The group may take no part, as it may in `regex`.
            let kind = if kind.ends_with('?') { kind.to_owned() } else { format!("{kind}?") };
            self.fields.push(Field::parse(field, &kind)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use regex::Regex;

    use super::*;

    fn whole(name: &str) -> Regex {
        let (regex, _) = grok(&format!("%{{{name}}}"), &[]).unwrap();
        Regex::new(&format!("^(?:{regex})$")).unwrap()
    }

    #[test]
    fn every_pattern_is_a_regular_expression() {
        grok_names().for_each(|name| drop(whole(name)));
        let names: Vec<_> = grok_names().collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len());
    }

    #[test]
    fn patterns_find_what_they_are_called() {
        for (name, yes, no) in [
            ("IP", ["192.168.0.1", "2001:db8::8a2e:370:7334"], ["256.1.1.1", "12345::1"]),
            ("NUMBER", ["-3.25", ".5"], ["1e", "--1"]),
            ("HOSTNAME", ["a.example.org", "db-1"], ["-a", "a..b"]),
            (
                "TIMESTAMP_ISO8601",
                ["2015-05-17T10:05:03Z", "2015-05-17 10:05:03,123+02:00"],
                ["2015-13-01T00:00", "17.5.2015"],
            ),
            (
                "HTTPDATE",
                ["17/May/2015:10:05:03 +0000", "1/Jan/2020:00:00:00 -0700"],
                ["17/Mai/2015:10:05:03 +0000", "17/May/2015"],
            ),
            (
                "SYSLOGTIMESTAMP",
                ["May 17 10:05:03", "Jan  2 00:00:00"],
                ["17 May 10:05", "May 32 10:05:03"],
            ),
            ("LOGLEVEL", ["WARN", "error"], ["loud", "warn!"]),
            ("QUOTEDSTRING", [r#""a \" b""#, "'x'"], ["\"a", "a"]),
            (
                "UUID",
                ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"],
                ["123e4567", "g23e4567-e89b-12d3-a456-426614174000"],
            ),
            (
                "URI",
                ["https://u@example.org:8080/a?b=c", "ftp://10.0.0.1/x"],
                ["example.org/x", "://x"],
            ),
            ("EMAILADDRESS", ["a.b+c@example.org", "x@localhost"], ["@example.org", "a b@c"]),
            ("MAC", ["00:1a:2B:3c:4d:5e", "00-1A-2B-3C-4D-5E"], ["00:1a", "zz:1a:2B:3c:4d:5e"]),
        ] {
            let regex = whole(name);
            assert!(yes.iter().all(|text| regex.is_match(text)), "{name}: {yes:?}");
            assert!(no.iter().all(|text| !regex.is_match(text)), "{name}: {no:?}");
        }
    }

    #[test]
    fn patterns_that_cannot_work_are_refused() {
        let own = [("A".to_owned(), "%{B}".to_owned()), ("B".to_owned(), "x%{A}".to_owned())];
        for (pattern, problem) in [
            ("%{WROD:x}", "did you mean `WORD`"),
            ("%{WORD:x", "is not closed"),
            ("%{INT:n:number}", "is not a type"),
            ("%{A}", "uses itself"),
        ] {
            let found = grok(pattern, &own).unwrap_err();
            assert!(found.contains(problem), "{pattern}: {found}");
        }
    }
}
