//! Drawings of a topology: text for a terminal, DOT for Graphviz.

use std::{collections::HashSet, fmt::Write as _};

use super::plan::{Component, Source, Topology};

impl Topology {
    /// The topology as a tree of text: below each component those that read it. One that reads
    /// several is drawn with the first and named with the others.
    ///
    /// ```
    /// use squall_framework::{Grouping, Topology};
    /// # use squall_framework::testing::{Discard, Numbers};
    /// let topology = Topology::builder("example")
    ///     .spout("numbers", 1, || Ok(Numbers::up_to(10)))
    ///     .bolt("one", 2, &[("numbers", Grouping::Fields(vec!["number".into()]))], || Ok(Discard))
    ///     .bolt("two", 1, &[("numbers", Grouping::Shuffle)], || Ok(Discard))
    ///     .build()?;
    /// assert_eq!(topology.drawing(), "\
    /// numbers (custom): number
    /// |- one (custom x2) by fields number
    /// `- two (custom)
    /// ");
    /// # Ok::<(), squall_framework::Problem>(())
    /// ```
    #[must_use]
    pub fn drawing(&self) -> String {
        let mut text = String::new();
        let mut drawn = HashSet::new();
        for spout in self.components().iter().filter(|component| component.is_spout()) {
            self.draw(spout, None, "", "", &mut drawn, &mut text);
        }
        text
    }

    fn draw<'a>(
        &'a self,
        component: &'a Component,
        source: Option<&Source>,
        branch: &str,
        margin: &str,
        drawn: &mut HashSet<&'a str>,
        text: &mut String,
    ) {
        let tasks = match component.parallelism {
            1 => String::new(),
            tasks => format!(" x{tasks}"),
        };
        let _ = write!(text, "{branch}{} ({}{tasks})", component.id, component.kind);
        if let Some(label) = source.map(label).filter(|label| !label.is_empty()) {
            let _ = write!(text, " by {label}");
        }
        if !drawn.insert(&component.id) {
            let _ = writeln!(text, ", see above");
            return;
        }
        let streams = component.streams.all().iter().map(|stream| {
            let fields = stream.schema.names().collect::<Vec<_>>().join(", ");
            match stream.name.as_str() {
                "default" => fields,
                name => format!("{name} {{{fields}}}"),
            }
        });
        let streams: Vec<_> = streams.filter(|fields| !fields.is_empty()).collect();
        if !streams.is_empty() {
            let _ = write!(text, ": {}", streams.join(", "));
        }
        text.push('\n');
        let readers: Vec<_> = self.readers(&component.id).collect();
        for (position, (reader, source)) in readers.iter().enumerate() {
            let last = position + 1 == readers.len();
            let branch = format!("{margin}{}", if last { "`- " } else { "|- " });
            let margin = format!("{margin}{}", if last { "   " } else { "|  " });
            self.draw(reader, Some(source), &branch, &margin, drawn, text);
        }
    }

    /// The topology in the language of Graphviz: `squall graph --dot T.yaml | dot -Tsvg`.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut text = format!("digraph {} {{\n  rankdir=LR;\n", quote(self.name()));
        for component in self.components() {
            let shape = if component.is_spout() { "cds" } else { "box" };
            let tasks = match component.parallelism {
                1 => String::new(),
                tasks => format!(" x{tasks}"),
            };
            let label = quote(&format!("{}\n{}{tasks}", component.id, component.kind));
            let _ = writeln!(text, "  {} [shape={shape}, label={label}];", quote(&component.id));
        }
        for component in self.components() {
            for source in component.sources() {
                let (from, to) = (quote(&source.from), quote(&component.id));
                let _ = writeln!(text, "  {from} -> {to} [label={}];", quote(&label(source)));
            }
        }
        text.push_str("}\n");
        text
    }

    /// The components that read this one, and by which input.
    fn readers<'a>(&'a self, id: &'a str) -> impl Iterator<Item = (&'a Component, &'a Source)> {
        let inputs = |component: &'a Component| {
            component.sources().iter().map(move |source| (component, source))
        };
        self.components().iter().flat_map(inputs).filter(move |(_, source)| source.from == id)
    }
}

/// The grouping and the stream, where they are not what is meant without saying.
fn label(source: &Source) -> String {
    let mut parts = Vec::new();
    if !matches!(source.grouping, crate::Grouping::Shuffle) {
        parts.push(source.grouping.name().to_owned());
        if !source.grouping.fields().is_empty() {
            parts.push(source.grouping.fields().join(", "));
        }
    }
    if source.stream != "default" {
        parts.push(format!("stream {}", source.stream));
    }
    parts.join(" ")
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
