//! The inspector: a frame and a time in, a verdict and events out.
