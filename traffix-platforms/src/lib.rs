//! traffix-platforms
