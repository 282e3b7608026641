//! The loader that every YAML file of Squall goes through: topologies, broker and service
//! configuration, collectors, tests.
//!
//! A file becomes a [`Document`]: its anchors and merge keys are resolved, its `include`s are
//! merged in, and `${VAR}` is substituted inside parsed scalars, so that a value can never inject
//! YAML. A [`Section`] is one value of a document together with where it was written; it reads
//! itself into a typed struct and turns whatever is wrong into a [`Mistake`] with file, line,
//! column, the offending text and a suggestion. Mistakes gather in a [`Report`], because people
//! want to hear of all of them at once.
//!
//! ```
//! use squall_config::{Document, TimeSpan, Variables};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Window { every: TimeSpan, threads: u32 }
//!
//! let variables = Variables::new().with("THREADS", "2");
//! let text = "every: 30s\nthreads: ${THREADS}\n";
//! let window: Window = Document::parse("w.yaml", text, &variables)?.root().read()?;
//! assert_eq!((window.every.as_secs(), window.threads), (30, 2));
//!
//! let mistakes = Document::parse("w.yaml", "evry: 30s\nthreads: two\n", &variables)?
//!     .root()
//!     .read::<Window>()
//!     .err()
//!     .unwrap();
//! let first = mistakes.iter().next().unwrap();
//! assert_eq!(first.to_string(), "unknown key `evry`");
//! assert_eq!(first.help.as_deref(), Some("did you mean `every`?"));
//! assert_eq!((first.place.line(), first.place.column()), (1, 1));
//! # Ok::<(), squall_config::Mistakes>(())
//! ```

#![forbid(unsafe_code)]

mod code;
mod document;
mod include;
mod mistake;
mod parse;
mod path;
mod read;
mod render;
mod report;
mod scalar;
mod secrets;
mod section;
mod source;
mod substitute;
mod suggest;
mod tree;
mod units;
mod variables;
mod words;

pub use code::Code;
pub use document::Document;
pub use mistake::{Label, Mistake, Severity};
pub use path::{Path, Step};
pub use render::{Style, render, render_all};
pub use report::{Mistakes, Report};
pub use section::{Entry, Kind, Section};
pub use source::Place;
pub use suggest::did_you_mean;
pub use units::{ByteSize, TimeSpan};
pub use variables::{BadSetting, Variables};
