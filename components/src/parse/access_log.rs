//! The access logs of web servers: the common and the combined log format of
//! [Apache](https://httpd.apache.org/docs/current/logs.html), which nginx writes as well.

use memchr::memchr;

use super::{error::ParseError, time::parse_clf};

const FORMAT: &str = "an access log line";

/// One line of an access log.
///
/// `-` becomes `None`. Text that the server escaped (`\"`, `\x16`) is handed on as it stands.
///
/// ```
/// use squall_components::parse::AccessLog;
///
/// let line = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023 "-" "Mozilla/5.0""#;
/// let entry = AccessLog::parse(line)?;
/// assert_eq!((entry.ip, entry.method, entry.path), ("83.149.9.216", Some("GET"), "/a?b=c"));
/// assert_eq!((entry.status, entry.bytes), (200, 203_023));
/// assert_eq!((entry.referer, entry.agent), (None, Some("Mozilla/5.0")));
/// # Ok::<(), squall_components::parse::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLog<'a> {
    /// The client's address or name.
    pub ip: &'a str,
    /// The client's identity by RFC 1413, which hardly anyone has.
    pub ident: Option<&'a str>,
    /// Who logged in.
    pub user: Option<&'a str>,
    /// When, in microseconds since 1970-01-01 UTC.
    pub time: i64,
    /// `GET` and the like; `None` where the client did not send an HTTP request.
    pub method: Option<&'a str>,
    /// What was asked for, with its query; without a method, all that the client sent.
    pub path: &'a str,
    /// `HTTP/1.1` and the like.
    pub protocol: Option<&'a str>,
    /// The status code of the answer.
    pub status: u16,
    /// Size of the answer in bytes; `-` counts as 0.
    pub bytes: i64,
    /// Where the client came from; only in the combined format.
    pub referer: Option<&'a str>,
    /// What the client calls itself; only in the combined format.
    pub agent: Option<&'a str>,
}

impl<'a> AccessLog<'a> {
    /// Reads one line, with or without its line ending. What follows the combined format's last
    /// field is ignored, as servers are often set up to add more.
    ///
    /// # Errors
    /// Says which part is not as expected, and where. A strange request is no error: see
    /// [`AccessLog::method`].
    pub fn parse(line: &'a str) -> Result<Self, ParseError> {
        let mut rest = Cursor { line: line.trim_end_matches(['\n', '\r']), at: 0 };
        let ip = rest.word("the client's address")?;
        let ident = rest.word("the identity")?;
        let user = rest.until(b'[', "the time in brackets")?.trim_end_matches(' ');
        let start = rest.at;
        let time = rest.until(b']', "the end of the time")?;
        let time = parse_clf(time.as_bytes()).ok_or_else(|| {
            ParseError::malformed(
                FORMAT,
                "the time is not like `17/May/2015:10:05:03 +0000`",
                start,
                line,
            )
        })?;
        rest.blank();
        let request = rest.quoted().ok_or_else(|| rest.expected("the request in quotes"))?;
        rest.blank();
        let status = rest.number("a status of three digits")?;
        let status = u16::try_from(status).ok().filter(|status| (100..1000).contains(status));
        let status = status.ok_or_else(|| rest.expected("a status of three digits before this"))?;
        rest.blank();
        let bytes = rest.number("the size in bytes or `-`")?;
        rest.blank();
        let referer = rest.quoted();
        rest.blank();
        let agent = if referer.is_some() { rest.quoted() } else { None };
        let (method, path, protocol) = split_request(request);
        Ok(Self {
            ip,
            ident: present(ident),
            user: present(user),
            time,
            method,
            path,
            protocol,
            status,
            bytes,
            referer: referer.and_then(present),
            agent: agent.and_then(present),
        })
    }
}

fn present(text: &str) -> Option<&str> {
    (!matches!(text, "-" | "")).then_some(text)
}

/// `METHOD path PROTOCOL`, where HTTP/0.9 has no protocol and a careless client blanks in its path.
fn split_request(request: &str) -> (Option<&str>, &str, Option<&str>) {
    let Some((method, rest)) = request.split_once(' ') else {
        return (None, request, None);
    };
    if method.is_empty()
        || !method.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-' || b == b'_')
    {
        return (None, request, None);
    }
    match rest.rsplit_once(' ') {
        Some((path, protocol)) if protocol.starts_with("HTTP/") => {
            (Some(method), path, Some(protocol))
        }
        _ => (Some(method), rest, None),
    }
}

/// What is left of the line. Only ASCII ends a part, so every cut is a character boundary.
struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.line.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn expected(&self, what: &str) -> ParseError {
        ParseError::malformed(FORMAT, format!("expected {what}"), self.at, self.line)
    }

    fn blank(&mut self) {
        while self.rest().first() == Some(&b' ') {
            self.at += 1;
        }
    }

    fn until(&mut self, end: u8, what: &str) -> Result<&'a str, ParseError> {
        let length = memchr(end, self.rest()).ok_or_else(|| self.expected(what))?;
        let start = self.at;
        self.at += length + 1;
        Ok(&self.line[start..start + length])
    }

    fn word(&mut self, what: &str) -> Result<&'a str, ParseError> {
        let word = self.until(b' ', what)?;
        if word.is_empty() { Err(self.expected(what)) } else { Ok(word) }
    }

    /// Digits, or `-` for 0, up to a blank or the end.
    fn number(&mut self, what: &str) -> Result<i64, ParseError> {
        let rest = self.rest();
        let length = memchr(b' ', rest).unwrap_or(rest.len());
        let text = &rest[..length];
        let number = match text {
            b"-" => 0,
            // Eighteen digits cannot overflow.
            [first, ..] if first.is_ascii_digit() && length <= 18 => {
                let mut number = 0;
                for byte in text {
                    if !byte.is_ascii_digit() {
                        return Err(self.expected(what));
                    }
                    number = number * 10 + i64::from(byte - b'0');
                }
                number
            }
            _ => return Err(self.expected(what)),
        };
        self.at += length;
        Ok(number)
    }

    /// A text in quotes. A quote ends it unless a backslash stands before it or something other
    /// than a blank behind it; if none ends it, the line was cut off and the rest belongs to it.
    fn quoted(&mut self) -> Option<&'a str> {
        let text = self.rest().strip_prefix(b"\"")?;
        let start = self.at + 1;
        let mut from = 0;
        while let Some(found) = memchr(b'"', &text[from..]) {
            let end = from + found;
            let escapes = text[..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
            if escapes % 2 == 0 && matches!(text.get(end + 1), None | Some(b' ')) {
                self.at = start + end + 1;
                return Some(&self.line[start..start + end]);
            }
            from = end + 1;
        }
        self.at = self.line.len();
        Some(&self.line[start..])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "10.0.0.1 - ann lee [17/May/2015:12:05:03 +0200] ";

    fn parse(tail: &'static str) -> AccessLog<'static> {
        AccessLog::parse(Box::leak(format!("{HEAD}{tail}").into_boxed_str())).unwrap()
    }

    #[test]
    fn the_common_format_has_neither_referer_nor_agent() {
        let entry = parse("\"HEAD / HTTP/1.0\" 304 -\r\n");
        assert_eq!(entry.user, Some("ann lee"));
        assert_eq!(entry.time, 1_431_857_103_000_000);
        assert_eq!((entry.status, entry.bytes), (304, 0));
        assert_eq!((entry.referer, entry.agent), (None, None));
        assert_eq!(entry.protocol, Some("HTTP/1.0"));
    }

    #[test]
    fn quotes_inside_a_field_do_not_end_it() {
        let entry =
            parse(r#""GET /?q=\"a b\" HTTP/1.1" 200 5 "http://x/?q="y"" "a \"b\" c" extra 0.01"#);
        assert_eq!(entry.path, r#"/?q=\"a b\""#);
        assert_eq!(entry.referer, Some(r#"http://x/?q="y""#));
        assert_eq!(entry.agent, Some(r#"a \"b\" c"#));
    }

    #[test]
    fn a_strange_request_keeps_its_status() {
        let entry = parse(r#""\x16\x03\x01" 400 226 "-" "-""#);
        assert_eq!((entry.method, entry.path, entry.status), (None, r"\x16\x03\x01", 400));
        let entry = parse(r#""-" 408 - "-" "-""#);
        assert_eq!((entry.method, entry.path, entry.protocol), (None, "-", None));
        let entry = parse(r#""GET /a b" 200 1"#);
        assert_eq!((entry.method, entry.path, entry.protocol), (Some("GET"), "/a b", None));
    }

    #[test]
    fn a_line_that_was_cut_off_in_its_agent_still_counts() {
        let entry = parse(r#""GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0 (Linu"#);
        assert_eq!(entry.agent, Some("Mozilla/5.0 (Linu"));
    }

    #[test]
    fn errors_say_what_was_expected_and_where() {
        let error = |line: &str| AccessLog::parse(line).unwrap_err().to_string();
        assert!(error("").contains("expected the client's address at byte 0"));
        assert!(error("a - - [yesterday] \"GET /\" 200 1").contains("the time is not like"));
        assert!(error(&format!("{HEAD}GET / 200")).contains("the request in quotes at byte 48"));
        assert!(error(&format!("{HEAD}\"GET /\" ok 1")).contains("a status of three digits"));
        assert!(error(&format!("{HEAD}\"GET /\" 200 x")).contains("the size in bytes"));
    }

    proptest! {
        #[test]
        fn never_panics(line in "\\PC{0,200}", tail in "[\" \\\\a-z0-9é/-]{0,60}") {
            let _ = AccessLog::parse(&line);
            let _ = AccessLog::parse(&format!("{HEAD}{tail}"));
            let _ = AccessLog::parse(&format!("{HEAD}\"{tail}\" 200 1 {line}"));
        }
    }
}
