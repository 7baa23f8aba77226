//! traffix-store
