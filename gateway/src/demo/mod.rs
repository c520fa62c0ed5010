//! `weir demo`: the whole gateway on one machine, in network namespaces of its own.
