//! Reference server and command line of traffix.
#![forbid(unsafe_code)]

pub mod plot;
