//! Reading the catalogue.
