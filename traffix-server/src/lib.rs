//! traffix-server
