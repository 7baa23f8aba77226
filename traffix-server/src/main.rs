//! The `traffix` binary.
fn main() {}
