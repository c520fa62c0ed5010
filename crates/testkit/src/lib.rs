//! Builders of frames and conversations for tests.
