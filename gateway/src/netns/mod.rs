//! Network namespaces for the demo and for tests: make, enter, remove.
