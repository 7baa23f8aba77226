//! Public sources beside the platforms: suggestions, traffic history, who is where, whose addresses, which names.
#[cfg(test)]
pub(crate) mod damage;
