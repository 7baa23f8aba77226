//! traffix-core
