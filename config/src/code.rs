//! The stable numbers of mistakes.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($name:ident = $id:literal, $summary:literal;)*) => {
        /// What kind of mistake it is. The number (`SQ0101`) never changes its meaning, so scripts
        /// and `squall explain` can rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $summary] $name,)*
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The number, such as `SQ0101`.
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)* }
            }

            /// The code of a number, in whatever case it is written.
            pub fn find(id: &str) -> Option<Code> {
                Self::ALL.iter().copied().find(|code| code.id().eq_ignore_ascii_case(id))
            }

            /// One line on what the code means.
            pub fn summary(self) -> &'static str {
                match self { $(Code::$name => $summary,)* }
            }
        }
    };
}

// 01xx: reading files. 02xx: values and keys. 03xx: the shape of a topology.
codes! {
    Unreadable = "SQ0101", "a file that cannot be read";
    Syntax = "SQ0102", "text that is not YAML";
    TooLarge = "SQ0103", "a file that is too large, nested too deeply or grows too much by aliases";
    DuplicateKey = "SQ0104", "a key that a map has twice";
    UnsupportedYaml = "SQ0105", "YAML that Squall does not use, such as several documents or own tags";
    IncludeCycle = "SQ0106", "a file that includes itself";
    BadInclude = "SQ0107", "an `include` that cannot be followed";
    UnsetVariable = "SQ0108", "a variable that has neither a value nor a default";
    BadVariable = "SQ0109", "a variable reference that is written wrongly";

    WrongType = "SQ0201", "a value of another type than expected";
    UnknownKey = "SQ0202", "a key that nothing reads";
    MissingKey = "SQ0203", "a required key that is missing";
    UnknownChoice = "SQ0204", "a value that is not one of the choices";
    BadValue = "SQ0205", "a value that its component rejects";

    EmptyTopology = "SQ0301", "a topology without spouts";
    BadName = "SQ0302", "a name or id with characters that are not allowed";
    DuplicateId = "SQ0303", "two components with one id";
    UnknownType = "SQ0304", "a component type that does not exist";
    UnknownInput = "SQ0305", "an input that names no component";
    UnknownStream = "SQ0306", "a stream that the component does not emit";
    UnknownField = "SQ0307", "a field that the stream does not have";
    BadGrouping = "SQ0308", "a grouping that does not exist or lacks what it needs";
    Cycle = "SQ0309", "bolts that feed themselves";
    UnreachableBolt = "SQ0310", "a bolt that no spout reaches";
    UnreadSpout = "SQ0311", "a spout whose tuples nothing reads";
    NoInputs = "SQ0312", "a bolt without inputs";
    DuplicateInput = "SQ0313", "the same input twice";
    BadParallelism = "SQ0314", "a parallelism that is not possible";
    WrongKind = "SQ0315", "a spout used as a bolt, or a bolt as a spout";
    BadTest = "SQ0316", "a test of a topology that cannot run";
    UnusedStream = "SQ0317", "a stream that nothing reads";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_ascend() {
        assert_eq!(Code::find("sq0102"), Some(Code::Syntax));
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()));
    }
}
