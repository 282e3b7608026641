//! Lines of syslog, as [RFC 5424](https://www.rfc-editor.org/rfc/rfc5424) and
//! [RFC 3164](https://www.rfc-editor.org/rfc/rfc3164) have them, and as they lie in files: without
//! the priority, with the time in either form.

use chrono::{Datelike, NaiveDate};

use super::{error::ParseError, time::TimeFormat};

const FORMAT: &str = "a line of syslog";

/// The names of facilities by their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
/// The names of severities by their numbers.
const SEVERITIES: [&str; 8] =
    ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// A line; texts borrow from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Syslog<'a> {
    /// Where it came from, such as `auth`; without a priority there is none.
    pub facility: Option<&'static str>,
    /// How bad it is, such as `err`.
    pub severity: Option<&'static str>,
    /// When, if the line says so.
    pub time: Option<SyslogTime>,
    /// The host.
    pub host: Option<&'a str>,
    /// The program.
    pub app: Option<&'a str>,
    /// Its process id, which need not be a number.
    pub pid: Option<&'a str>,
    /// The kind of message.
    pub id: Option<&'a str>,
    /// Structured data as a JSON object of objects.
    pub data: Option<String>,
    /// What is said.
    pub message: &'a str,
}

/// A time as a line has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyslogTime {
    /// Microseconds since 1970-01-01 UTC.
    Moment(i64),
    /// Month, day and seconds of that day by a clock whose zone is not said, in a year that is not said.
    Wall(u32, u32, u32),
}

impl SyslogTime {
    /// In microseconds since 1970, what a clock in UTC shows when it shows this, in this year. `None`
    /// where that year has no such day.
    pub fn wall(month: u32, day: u32, seconds: u32, year: i32) -> Option<i64> {
        let date = NaiveDate::from_ymd_opt(year, month, day)?;
        let days = i64::from(date.num_days_from_ce() - 719_163);
        Some((days * 86_400 + i64::from(seconds)) * 1_000_000)
    }
}

impl<'a> Syslog<'a> {
    /// Reads a line.
    ///
    /// ```
    /// use squall_components::parse::Syslog;
    /// let line = "<34>Oct 11 22:14:15 mymachine su[42]: 'su root' failed";
    /// let read = Syslog::parse(line)?;
    /// assert_eq!((read.facility, read.severity), (Some("auth"), Some("crit")));
    /// assert_eq!((read.app, read.pid, read.message), (Some("su"), Some("42"), "'su root' failed"));
    /// # Ok::<(), squall_components::parse::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// [`ParseError::Malformed`] with the place where it stops to be one.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        let mut line = Line { text, rest: text.trim_end_matches(['\r', '\n']) };
        let mut read = Self::default();
        if line.rest.starts_with('<') {
            let priority = line.priority()?;
            read.facility = Some(FACILITIES[usize::from(priority / 8)]);
            read.severity = Some(SEVERITIES[usize::from(priority % 8)]);
            if let Some(rest) = line.rest.strip_prefix("1 ") {
                line.rest = rest;
                line.new_header(&mut read)?;
                return Ok(read);
            }
        }
        line.old_header(&mut read)?;
        Ok(read)
    }
}

struct Line<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn wrong(&self, problem: &str) -> ParseError {
        let at = self.text.len() - self.rest.len();
        ParseError::malformed(FORMAT, problem, at.min(self.text.len()), self.text)
    }

    fn priority(&mut self) -> Result<u8, ParseError> {
        let inside = self.rest.get(1..).and_then(|rest| rest.split_once('>'));
        let found = inside.and_then(|(number, rest)| {
            let plain =
                (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            let number = number.parse::<u8>().ok().filter(|number| plain && *number < 192)?;
            Some((number, rest))
        });
        let (number, rest) = found.ok_or_else(|| self.wrong("no priority such as <34>"))?;
        self.rest = rest;
        Ok(number)
    }

    /// The next word and the blank behind it.
    fn word(&mut self) -> &'a str {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }

    /// The next word, unless it is the dash that stands for nothing.
    fn part(&mut self) -> Option<&'a str> {
        Some(self.word()).filter(|word| *word != "-" && !word.is_empty())
    }

    fn new_header(&mut self, read: &mut Syslog<'a>) -> Result<(), ParseError> {
        let before = self.rest;
        if let Some(time) = self.part() {
            let time = TimeFormat::Auto.parse(time).filter(|_| time.len() > 10);
            read.time = Some(SyslogTime::Moment(time.ok_or_else(|| {
                Line { text: self.text, rest: before }.wrong("no time by RFC 3339")
            })?));
        }
        (read.host, read.app, read.pid, read.id) =
            (self.part(), self.part(), self.part(), self.part());
        read.data = self.data()?;
        self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
        read.message = self.rest.trim_start_matches('\u{feff}');
        Ok(())
    }

    /// Structured data: `-`, or elements `[id name="value" ...]` without anything between them.
    fn data(&mut self) -> Result<Option<String>, ParseError> {
        if let Some(rest) = self.rest.strip_prefix('-') {
            self.rest = rest;
            return Ok(None);
        }
        let mut elements = serde_json::Map::new();
        while let Some(rest) = self.rest.strip_prefix('[') {
            self.rest = rest;
            let id = self.name()?;
            let mut values = serde_json::Map::new();
            while let Some(rest) = self.rest.strip_prefix(' ') {
                self.rest = rest;
                let name = self.name()?;
                let value = self.value()?;
                values.insert(name.to_owned(), value.into());
            }
            let rest = self.rest.strip_prefix(']');
            self.rest = rest.ok_or_else(|| self.wrong("structured data that is not closed"))?;
            elements.insert(id.to_owned(), values.into());
        }
        if elements.is_empty() {
            return Err(self.wrong("neither structured data nor the dash for none"));
        }
        Ok(Some(serde_json::Value::Object(elements).to_string()))
    }

    fn name(&mut self) -> Result<&'a str, ParseError> {
        let end = self.rest.find([' ', '=', ']', '"']).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.wrong("no name in structured data"));
        }
        self.rest = rest;
        Ok(name)
    }

    /// `="..."`, in which a backslash stands before `"`, `\` and `]`.
    fn value(&mut self) -> Result<String, ParseError> {
        let quoted = self.rest.strip_prefix("=\"");
        let quoted = quoted.ok_or_else(|| self.wrong("no value in quotes"))?;
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Ok(value);
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\' | ']'))) => value.push(escaped),
                    Some((_, other)) => value.extend(['\\', other]),
                    None => break,
                },
                c => value.push(c),
            }
        }
        Err(self.wrong("a value whose quote is not closed"))
    }

    fn old_header(&mut self, read: &mut Syslog<'a>) -> Result<(), ParseError> {
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let before = self.rest;
            let word = self.word();
            let time = TimeFormat::Auto.parse(word).filter(|_| word.len() > 10);
            read.time = Some(SyslogTime::Moment(
                time.ok_or_else(|| Line { text: self.text, rest: before }.wrong("no time"))?,
            ));
        } else {
            let time = self.rest.get(..16).and_then(old_time);
            read.time = Some(time.ok_or_else(|| self.wrong("no time such as `Oct 11 22:14:15`"))?);
            self.rest = &self.rest[16..];
        }
        read.host = self.part();
        // The tag ends at whatever cannot be in one; without a colon behind it there is none.
        let end = self.rest.find(|c: char| matches!(c, '[' | ':') || c.is_whitespace());
        let (app, behind) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let (pid, behind) = match behind.strip_prefix('[').and_then(|pid| pid.split_once(']')) {
            Some((pid, behind)) => (Some(pid), behind),
            None => (None, behind),
        };
        match behind.strip_prefix(':') {
            Some(message) if !app.is_empty() => {
                (read.app, read.pid) = (Some(app), pid);
                read.message = message.strip_prefix(' ').unwrap_or(message);
            }
            _ => read.message = self.rest,
        }
        Ok(())
    }
}

/// `Oct 11 22:14:15 `, with a blank before a day of one digit.
fn old_time(text: &str) -> Option<SyslogTime> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let bytes = text.as_bytes();
    let month = MONTHS.find(text.get(..3)?).filter(|at| at % 3 == 0)?;
    let marks = [(3, b' '), (6, b' '), (9, b':'), (12, b':'), (15, b' ')];
    if marks.iter().any(|&(at, mark)| bytes.get(at) != Some(&mark)) {
        return None;
    }
    let number = |from: usize| {
        let text = text.get(from..from + 2)?.trim_start();
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok())?
    };
    let (day, hour, minute, second) = (number(4)?, number(7)?, number(10)?, number(13)?);
    let sound = (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    sound.then(|| SyslogTime::Wall(month as u32 / 3 + 1, day, hour * 3600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_rfc_5424() {
        let read = Syslog::parse("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed for lonvick on /dev/pts/8").unwrap();
        assert_eq!(read.time, Some(SyslogTime::Moment(1_065_910_455_003_000)));
        assert_eq!(
            (read.host, read.app, read.pid),
            (Some("mymachine.example.com"), Some("su"), None)
        );
        assert_eq!((read.id, &read.data), (Some("ID47"), &None));
        assert_eq!(read.message, "'su root' failed for lonvick on /dev/pts/8");

        let read = Syslog::parse("<165>1 2003-10-11T22:14:15.003Z m evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"App\\\"l\\]\"][examplePriority@32473 class=\"high\"]").unwrap();
        assert_eq!((read.facility, read.severity), (Some("local4"), Some("notice")));
        let data: serde_json::Value = serde_json::from_str(&read.data.unwrap()).unwrap();
        assert_eq!(data["exampleSDID@32473"]["eventSource"], "App\"l]");
        assert_eq!(data["examplePriority@32473"]["class"], "high");
        assert_eq!(read.message, "");
        assert_eq!(Syslog::parse("<0>1 - - - - - -").unwrap().message, "");
    }

    #[test]
    fn lines_as_they_lie_in_files() {
        let read = Syslog::parse("May  7 10:05:03 web-1 kernel: eth0: up\n").unwrap();
        assert_eq!(read.time, Some(SyslogTime::Wall(5, 7, 36_303)));
        assert_eq!((read.facility, read.app, read.message), (None, Some("kernel"), "eth0: up"));
        let read = Syslog::parse("2026-11-24T10:05:03.5+01:00 web-1 cron[17]: run").unwrap();
        assert_eq!(read.time, Some(SyslogTime::Moment(1_795_511_103_500_000)));
        assert_eq!((read.pid, read.message), (Some("17"), "run"));
        let read = Syslog::parse("<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!").unwrap();
        assert_eq!((read.host, read.app, read.message), (Some("10.0.0.99"), None, "Use the BFG!"));
    }

    #[test]
    fn what_is_no_line_is_told_with_its_place() {
        for (line, problem) in [
            ("", "no time such as"),
            ("<192>Feb  5 17:32:18 h x", "no priority such as <34>"),
            ("<1", "no priority"),
            ("<34>Fbe  5 17:32:18 h x", "no time such as `Oct 11 22:14:15` at byte 4"),
            ("<34>1 yesterday h a - - - x", "no time by RFC 3339 at byte 6"),
            ("<34>1 - h a - - x", "neither structured data nor the dash"),
            ("<34>1 - h a - - [x y=\"1", "not closed"),
            ("<34>1 - h a - - [x y]", "no value in quotes"),
        ] {
            let found = Syslog::parse(line).unwrap_err().to_string();
            assert!(found.contains(problem), "{line}: {found}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(<[0-9]{0,4}>)?(1 )?[-A-Za-z0-9 :\\[\\]=\"\\\\\u{e9}]{0,48}") {
            let _ = Syslog::parse(&text);
        }
    }
}
