//! The examples are beside this folder; cargo wants a library or a program in every package.
#![forbid(unsafe_code)]
