//! `weir replay`.
mod capture;
mod link;
