//! The control plane: what surrounds the workers and never touches a frame.
