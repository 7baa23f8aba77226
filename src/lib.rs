//! Owner of the top-level `examples/`, `benches/` and `tests/`. It exports nothing.
