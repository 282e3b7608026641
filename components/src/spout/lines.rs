//! `lines`: the lines of a file or of the standard input.

use std::{path::PathBuf, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;
use squall_framework::{
    Kind, Next, Problem, ReplayableSource, Result, Schema, SourcePosition, Spout, SpoutOutput,
    Streams, TaskContext,
};

use super::{
    line_reader::LineReader,
    numbered::{Numbered, NumberedSource},
};

/// Options of the spout `lines`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinesConfig {
    /// The file, or `-` for the standard input.
    path: PathBuf,
    /// So many lines at the beginning are passed over.
    #[serde(default)]
    skip: u64,
    /// Whether to wait for more at the end of the file; not yet possible.
    #[serde(default)]
    follow: bool,
}

pub(crate) struct Lines {
    config: LinesConfig,
    reader: LineReader,
    /// In a topology that runs in epochs, what is read instead.
    source: Option<Arc<dyn ReplayableSource>>,
}

impl Lines {
    pub(crate) fn new(config: &LinesConfig) -> Result<Self> {
        let reader = LineReader::new(config.path.clone(), config.skip);
        Ok(Self { config: config.clone(), reader, source: None })
    }
}

impl Spout for Lines {
    fn declare(&self) -> Result<Streams, Problem> {
        if self.config.follow {
            return Err(Problem::new("`follow: true` is not possible yet").at("follow"));
        }
        Ok(Streams::one(Schema::new([("body", Kind::Text), ("line", Kind::Int)])))
    }

    fn prepare(&mut self, context: &TaskContext) -> Result<()> {
        if context.index() > 0 {
            // A file has one reader; further tasks have nothing to do.
            return Ok(());
        }
        self.source = context.source();
        if self.source.is_none() { self.reader.restart() } else { Ok(()) }
    }

    fn next(&mut self, out: &mut SpoutOutput) -> Result<Next> {
        match &self.source {
            Some(source) => NumberedSource::<LineReader>::next(&**source, out),
            None => self.reader.next(&SourcePosition::default(), out),
        }
    }

    fn source(&self) -> Option<Arc<dyn ReplayableSource>> {
        // The standard input cannot be read twice.
        if self.config.path.as_os_str() == "-" {
            return None;
        }
        let reader = LineReader::new(self.config.path.clone(), self.config.skip);
        Some(Arc::new(NumberedSource::new(reader)))
    }

    fn close(&mut self) {
        self.reader.close();
        self.source = None;
    }
}
