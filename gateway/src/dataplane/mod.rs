//! The data plane: XDP program, AF_XDP workers, and the checks of the interfaces they need.
