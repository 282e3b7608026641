//! Mistakes as people read them.

use std::fmt::Write as _;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use crate::{Mistake, Place, Severity};

/// How mistakes are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// With colours and lines, for a terminal.
    Fancy,
    /// ASCII without colours, for files, pipes and tests.
    Plain,
}

/// One mistake with the line it is in.
pub fn render(mistake: &Mistake, style: Style) -> String {
    if style == Style::Plain {
        return plain(mistake);
    }
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
        .with_links(false)
        .with_width(100);
    let mut text = String::new();
    match handler.render_report(&mut text, &Drawn::new(mistake)) {
        Ok(()) => text,
        // A terminal that cannot be drawn on still has to be told.
        Err(_) => plain(mistake),
    }
}

/// `error[SQ0101]: ...` and the place as `file:line:column`, so that editors and `grep` find it.
fn plain(mistake: &Mistake) -> String {
    let severity = match mistake.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!("{severity}[{}]: {}\n", mistake.code, mistake.message);
    let places = std::iter::once((&mistake.place, ""))
        .chain(mistake.labels.iter().map(|label| (&label.place, label.message.as_str())));
    for (place, message) in places {
        let _ = writeln!(text, "  --> {place}");
        let line = place.whole_line();
        if line.trim().is_empty() {
            continue;
        }
        let number = place.line().to_string();
        let blanks: String = line
            .chars()
            .take(place.column() - 1)
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        let carets = "^".repeat(place.first_line().text().chars().count().max(1));
        let margin = " ".repeat(number.len());
        let below = format!("{blanks}{carets} {message}");
        let _ = writeln!(text, " {number} | {line}\n {margin} | {}", below.trim_end());
    }
    if let Some(help) = &mistake.help {
        let _ = writeln!(text, "  help: {help}");
    }
    text
}

/// All of them, and how many there are.
pub fn render_all(mistakes: &[Mistake], style: Style) -> String {
    let mut text: String = mistakes.iter().map(|mistake| render(mistake, style) + "\n").collect();
    let count = |severity| mistakes.iter().filter(|m| m.severity == severity).count();
    let counts = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> =
        counts.map(|(n, what)| format!("{n} {what}{}", if *n == 1 { "" } else { "s" })).collect();
    let _ = write!(text, "{}", counts.join(", "));
    text
}

/// A mistake as miette draws it.
struct Drawn<'a> {
    mistake: &'a Mistake,
    source: NamedSource<String>,
    help: Option<String>,
}

impl<'a> Drawn<'a> {
    fn new(mistake: &'a Mistake) -> Self {
        let source = &mistake.place.source;
        // One drawing shows one file; what is in another is told in words.
        let elsewhere = mistake.labels.iter().filter(|l| !l.place.same_file(&mistake.place));
        let notes = elsewhere.map(|label| format!("{}: {}", label.message, label.place));
        let help: Vec<_> = mistake.help.iter().cloned().chain(notes).collect();
        Self {
            mistake,
            source: NamedSource::new(&source.name, source.text.clone()),
            help: (!help.is_empty()).then(|| help.join("\n")),
        }
    }
}

fn span(place: &Place) -> (usize, usize) {
    (place.offset(), place.length())
}

impl std::fmt::Debug for Drawn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.mistake.fmt(f)
    }
}

impl std::fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.mistake.message)
    }
}

impl std::error::Error for Drawn<'_> {}

impl Diagnostic for Drawn<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.mistake.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.mistake.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.source.inner().is_empty()).then_some(&self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let first = LabeledSpan::new_primary_with_span(None, span(&self.mistake.place));
        let here = self.mistake.labels.iter().filter(|l| l.place.same_file(&self.mistake.place));
        let others = here.map(|label| {
            LabeledSpan::new_with_span(Some(label.message.clone()), span(&label.place))
        });
        Some(Box::new(std::iter::once(first).chain(others)))
    }
}
