//! Where batches go.

use traffix_core::measurement::Batch;

/// Keeps batches for good.
///
/// A batch is offered until it is kept, in the same words under the same identifier, from one thread that may be
/// blocked meanwhile. Whoever keeps batches adds an identifier once, so it does no harm to keep one whose
/// acknowledgement was lost.
pub trait Sink: Send {
    /// Keeps a batch. After `Ok` it is not offered again.
    ///
    /// # Errors
    /// [`SinkError`], which says whether to try again.
    fn keep(&mut self, batch: &Batch) -> Result<(), SinkError>;
}

impl<F: FnMut(&Batch) -> Result<(), SinkError> + Send> Sink for F {
    fn keep(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self(batch)
    }
}

/// Why a batch was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It may be kept later, or may have been: it is offered again.
    #[error("the batch could not be kept now: {0}")]
    Away(String),
    /// It can never be kept. It is given up, and its bytes are counted as [`Cause::Refused`](super::Cause::Refused).
    #[error("the batch was refused: {0}")]
    Refused(String),
}
