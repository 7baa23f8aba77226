//! traffix-telemetry
