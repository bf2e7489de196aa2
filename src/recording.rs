//! A temperature log from a file.

/// A temperature log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording;
